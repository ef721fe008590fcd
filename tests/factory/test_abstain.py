"""A model that leaves rows to a person says why, and what that costs enters the decision."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from factory.abstain import abstained, unsure
from factory.abstaining import AbstainConfig
from factory.bundle import Bundle
from factory.config import parse_config
from factory.decide import decide
from factory.errors import BadConfig
from factory.nouns import Column, DataVersion, Diagnosis, Evidence, Performance, Schema
from factory.ood.config import OodConfig
from factory.ood.watch import Ood
from factory.plan import History
from factory.policy import PolicyConfig, PriceConfig
from factory.rehearse import Asked, rehearse
from factory.remedies import Keep, Rehearsal, Retrain, RollBack
from factory.worth import worth

SCHEMA = Schema((Column("a", "number"), Column("b", "number")), "y", "binary", classes=("n", "p"))


def rows(count, seed):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"a": rng.normal(size=count), "b": rng.normal(size=count)})
    return frame.assign(
        y=np.where(frame["a"] + rng.normal(size=count) > 0, "p", "n").astype(object)
    )


def model(config, *, ood=True, **how):
    learnt, held = rows(600, 0), rows(400, 1)
    line = Pipeline([("scale", StandardScaler()), ("model", LogisticRegression(**how))]).fit(
        learnt[["a", "b"]], learnt["y"]
    )
    bundle = Bundle(
        schema=SCHEMA, pipeline=line, family="", params={}, metric="log_loss", reference=held,
        reference_outputs=line.predict_proba(held[["a", "b"]]), reference_score=0.5,
        importance={}, neutral={}, seen=np.array([], dtype=np.uint64), config=config,
    )  # fmt: skip
    told = {"learnt": learnt, "held": held, "seed": 0}
    found = Ood.fit(OodConfig(score="knn"), line, SCHEMA, **told) if ood else None
    return replace(bundle, ood=found)


@given(st.floats(0.01, 0.99), st.integers(2, 6), st.integers(0, 10))
def test_who_abstains_by_chows_rule_never_pays_more_than_either_way_of_not_doing_so(cost, k, seed):
    odds = np.random.default_rng(seed).dirichlet(np.ones(k), size=200)
    asks = unsure(odds, cost)
    risk = 1 - odds.max(axis=1)
    paid = np.where(asks, cost, risk)
    assert paid.mean() <= min(risk.mean(), cost) + 1e-12
    assert np.array_equal(paid, np.minimum(risk, cost))


def test_values_and_models_that_trust_every_class_are_never_unsure():
    assert not unsure(np.array([1.0, 2.0]), 0.1).any()
    assert not unsure(np.array([[0.5, 0.5]]), None).any()
    assert len(unsure(np.zeros((0, 2)), 0.1)) == 0


def test_the_reason_is_told_and_what_is_strange_is_so_however_sure():
    bundle = model({"abstain": {"strange": True, "cost": 0.2}})
    frame = pd.DataFrame({"a": [0.0, 1.8, 0.0, 60.0], "b": [0.0, 0.0, 40.0, 0.0]})
    outputs = bundle.outputs(frame)
    assert outputs[3].max() > 0.99
    assert abstained(bundle, lambda: frame, outputs) == ["unsure", None, "strange", "strange"]
    known = rows(1000, 5)[["a", "b"]]
    asked = abstained(bundle, lambda: known, bundle.outputs(known))
    assert asked.count("strange") / 1000 == pytest.approx(0.05, abs=0.04)
    assert abstained(bundle, lambda: frame.head(0), outputs[:0]) == []


def test_rows_are_not_even_read_where_nothing_needs_them():
    def never():
        raise AssertionError

    outputs = np.array([[0.6, 0.4], [0.95, 0.05]])
    bundle = model({"abstain": {"strange": False, "cost": 0.2}}, ood=False)
    assert abstained(bundle, never, outputs) == ["unsure", None]
    assert abstained(model({}, ood=False), never, outputs) is None


@pytest.mark.parametrize(
    ("told", "hint"),
    [
        ({"abstain": {}}, "add ood: {}, or strange: false"),
        ({"abstain": {"strange": False}}, "give cost, as 0.1"),
        ({"abstain": {"cots": 0.1}, "ood": {}}, "did you mean 'cost'?"),
    ],
)
def test_a_config_that_cannot_abstain_is_refused(told, hint):
    values = {"name": "m", "data": {"path": "a.csv", "target": "y"}}
    with pytest.raises(BadConfig) as refused:
        parse_config({**values, **told}, source="m.yaml")
    assert refused.value.hint == hint
    config = parse_config({**values, "abstain": {}, "ood": {}}, source="m.yaml")
    assert AbstainConfig.of(config.model_dump(mode="json")) == AbstainConfig()


def test_a_remedy_that_asks_people_more_often_is_worth_less():
    champion, unsteady = model({}, ood=False), model({}, ood=False, C=1e-4)
    remedy = RollBack(1)
    asked = Asked(fell=False, resamples=100, seed=0, abstains=0.3)
    found = rehearse(
        {Keep(): lambda: champion, remedy: lambda: unsteady}, rows(500, 7), champion,
        PolicyConfig(), asked, clock=lambda: 0.0,
    )  # fmt: skip
    kept, other = (one.rehearsal for one in found)
    assert kept.asking == 0
    assert other.asking > 0.3
    free, dear = (PolicyConfig(price=PriceConfig(person=person)) for person in (0.0, 2.0))
    assert worth(other, free).asking == 0
    assert worth(other, dear).value == pytest.approx(worth(other, free).value - 2 * other.asking)


def test_what_people_cost_turns_the_decision():
    tried = Rehearsal(
        Retrain("all"), 0.8, 0.7, 0.9, gain=0.2, gain_low=0.15, level=0.05, cost_seconds=1.0,
        rows=400, asking=0.3,
    )  # fmt: skip
    window = DataVersion("0", 400)
    fell = Performance("accuracy", 0.9, None, None, alarm=True)
    evidence = Evidence("m", 1, window, 400, (), (), None, None, None, fell)
    given = evidence, Diagnosis("concept_drift", (), "it moved"), [tried], History((), None, 9)
    assert decide(*given, PolicyConfig()).remedy == Retrain("all")
    dear = PolicyConfig(price=PriceConfig(person=1.0))
    assert decide(*given, dear).remedy == Keep()
