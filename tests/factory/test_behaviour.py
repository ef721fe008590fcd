"""What a champion says of rows, compared without labels."""

from inspect import signature

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ks_2samp

from factory.budget import AlarmBudget
from factory.bundle import Bundle
from factory.check import check
from factory.config import CheckConfig, parse_config
from factory.detectors import BEHAVIOUR
from factory.detectors.autoencoder import autoencoder
from factory.detectors.behaviour import FEWEST, Said, bbsd, behaviour, student
from factory.detectors.config import DetectorsConfig
from factory.detectors.finding import NOTHING
from factory.detectors.pca import pca
from factory.errors import BadConfig
from factory.nouns import Column, DataVersion, Schema, Window
from factory.told import check_json
from training.judge import learn_budget

SCHEMAS = {
    "regression": Schema((Column("a", "number"), Column("c", "category")), "y", "regression"),
    "binary": Schema(
        (Column("a", "number"), Column("c", "category")), "y", "binary", classes=("n", "p")
    ),
    "multiclass": Schema(
        (Column("a", "number"), Column("c", "category")), "y", "multiclass", classes=(*"xyz",)
    ),
}


def said(task, rows, seed, low=-1.0, high=1.0):
    """A model that says what it knows up to 1, and something else beyond."""
    rng = np.random.default_rng(seed)
    a = rng.uniform(low, high, size=rows)
    frame = pd.DataFrame({"a": a, "c": rng.choice(np.array(["u", "v"], dtype=object), size=rows)})
    value = np.sin(3 * a) + (frame["c"] == "u") + np.where(a > 1, -3 * (a - 1), 0)
    if task == "regression":
        return Said(frame, value.to_numpy())
    classes = len(SCHEMAS[task].classes)
    logits = np.stack([k * 3 * (value - 0.5) - k**2 for k in range(classes)], axis=1)
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    return Said(frame, odds / odds.sum(axis=1, keepdims=True))


@pytest.mark.parametrize("task", SCHEMAS)
@pytest.mark.parametrize("name", BEHAVIOUR)
def test_every_detector_sees_what_is_said_otherwise_and_repeats_itself(name, task):
    asked, schema = behaviour(name), SCHEMAS[task]
    assert list(signature(asked).parameters) == ["reference", "window", "schema", "seed"]
    before, same, moved = said(task, 800, 0), said(task, 400, 1), said(task, 400, 2, 0.5, 2.0)
    found = asked(before, moved, schema, 0)
    assert found == asked(before, moved, schema, 0)
    assert found.p_value < 1e-6
    assert found.effect > 0.15
    assert asked(before, same, schema, 0).p_value > 0.001
    assert asked(before, Said(same.frame.iloc[:0], same.outputs[:0]), schema, 0) == NOTHING


@pytest.mark.parametrize("task", SCHEMAS)
@pytest.mark.parametrize("name", BEHAVIOUR)
def test_behaviour_alarms_come_at_their_rate(name, task):
    rounds = 100 if name == "bbsd" else 25
    found = [
        behaviour(name)(said(task, 200, 2 * i), said(task, 150, 2 * i + 1), SCHEMAS[task], i)
        for i in range(rounds)
    ]
    # Of those at 5 %, so many or fewer come in all but one of a thousand seeds.
    assert sum(one.p_value < 0.05 for one in found) <= (13 if name == "bbsd" else 6)


def test_the_shift_of_outputs_is_scipys_largest():
    before, now = said("multiclass", 500, 0), said("multiclass", 300, 1, 0.0, 1.0)
    theirs = [ks_2samp(b, n) for b, n in zip(before.outputs.T, now.outputs.T, strict=True)]
    found = bbsd(before, now, SCHEMAS["multiclass"], 0)
    assert found.statistic == pytest.approx(max(one.statistic for one in theirs))
    assert found.p_value == pytest.approx(3 * min(one.pvalue for one in theirs), rel=0.2)


def test_a_student_needs_rows_and_something_to_tell_apart():
    before, now = said("binary", 100, 0), said("binary", FEWEST - 1, 1)
    assert student(before, now, SCHEMAS["binary"], 0) == NOTHING
    sure = Said(before.frame, np.tile([1.0, 0.0], (100, 1)))
    assert student(sure, sure, SCHEMAS["binary"], 0)[1:] == (pytest.approx(0.5, abs=0.5), 0.0)
    alone = SCHEMAS["binary"].reading(())
    assert student(before, before, alone, 0) == NOTHING


class Model:
    """Says of a what it has learnt, and of rows beyond it something else."""

    def predict(self, X):
        a = X["a"].to_numpy()
        return np.where(a > 1, -3 * a, np.sin(3 * a))


def champion(rows=600):
    frame = said("regression", rows, 0).frame
    outputs = Model().predict(frame)
    return Bundle(
        schema=SCHEMAS["regression"], pipeline=Model(), family="", params={},
        metric="mean_absolute_error", reference=frame.assign(y=outputs),
        reference_outputs=outputs, reference_score=0.1, importance={}, neutral={},
        seen=np.array([], dtype=np.uint64),
    )  # fmt: skip


@pytest.mark.parametrize("name", BEHAVIOUR)
def test_a_check_tells_that_the_champion_behaves_otherwise(name):
    config = CheckConfig(detectors=DetectorsConfig(behaviour=name))
    given = {"model": "m", "version": 1, "seed": 0}
    moved = Window(said("regression", 300, 3, 0.5, 2.0).frame, DataVersion("0", 300))
    evidence = check(champion(), moved, config, **given).evidence
    assert (evidence.behaviour.detector, evidence.behaviour.alarm) == (name, True)
    assert check_json(evidence)["behaviour"]["alarm"]
    same = Window(said("regression", 300, 4).frame, DataVersion("1", 300))
    assert not check(champion(), same, config, **given).evidence.behaviour.alarm
    assert check(champion(), moved, CheckConfig(), **given).evidence.behaviour is None


def test_what_chunks_in_time_do_anyway_is_no_alarm():
    schema = Schema((Column("a", "number"),), "y", "regression", timestamp="at")
    rng = np.random.default_rng(0)
    usual = np.repeat(rng.normal(size=8), 100) + 0.3 * rng.normal(size=800)
    at = pd.date_range("2026-01-01", periods=800, freq="h")
    frame = pd.DataFrame({"a": usual, "y": usual, "at": at})
    config = parse_config(
        {
            "name": "m",
            "data": {"path": "m.csv", "target": "y"},
            "check": {"detectors": {"behaviour": "bbsd"}},
        },
        source="m",
    )
    budget = learn_budget(frame, schema, usual, config)
    assert budget.behaviour > 10
    assert budget.behaviour_deff(100, 800) > 5
    assert AlarmBudget().behaviour_deff(100, 800) == 1


def test_an_unknown_behaviour_is_refused_with_the_nearest():
    values = {"name": "m", "data": {"path": "a", "target": "y"}}
    with pytest.raises(BadConfig, match=r"check\.detectors\.behaviour") as refused:
        parse_config({**values, "check": {"detectors": {"behaviour": "studnt"}}}, source="m.yaml")
    assert refused.value.hint == "did you mean 'student'?"


def test_an_autoencoder_sees_a_bent_relation_break_that_straight_ones_do_not():
    schema = Schema(tuple(Column(name, "number") for name in "ab"), "y", "regression")

    def bent(rows, seed, sign):
        rng = np.random.default_rng(seed)
        a = rng.uniform(-2, 2, size=rows)
        # Around its mean, so that neither column's spread changes.
        b = 4 / 3 + sign * (a**2 - 4 / 3) + rng.normal(scale=0.1, size=rows)
        return pd.DataFrame({"a": a, "b": b})

    before, now = bent(2000, 0, 1), bent(600, 1, -1)
    found = autoencoder(before, now, schema, 0)
    assert found.p_value < 1e-9
    assert found.effect > pca(before, now, schema, 0).effect
    assert autoencoder(before, bent(600, 2, 1), schema, 0).p_value > 0.001
