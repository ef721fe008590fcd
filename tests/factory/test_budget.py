"""The alarm budget: as many false alarms as were asked for, and what a check could have seen."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factory.budget import AlarmBudget, fit_budget
from factory.config import CheckConfig
from factory.detectors.config import DetectorsConfig
from factory.detectors.domain import domain_classifier
from factory.detectors.features import measure, signals
from factory.detectors.watched import joint_design_effect, watched
from factory.nouns import Column, Schema
from factory.power import detectable
from factory.profile import Profile

ANY = CheckConfig(minimum_effect=0.0)


def schema_of(frame):
    kinds = {"f": "number", "O": "category", "M": "date"}
    columns = tuple(Column(name, kinds[frame[name].dtype.kind]) for name in frame)
    return Schema(columns, "y", "regression")


def alarm_share(reference, windows, budget, config=ANY):
    schema = schema_of(reference)
    profile = Profile.of(reference, schema)
    found = [
        any(s.alarm for s in signals(profile, Profile.of(w, schema), schema, config, budget))
        for w in windows
    ]
    return float(np.mean(found))


def mixed(rng, rows, alike):
    """Ten numbers, which are alike or not, some of them coarse, and two categories."""
    common = rng.normal(size=rows)
    parts = {}
    for i in range(10):
        values = np.sqrt(alike) * common + np.sqrt(1 - alike) * rng.normal(size=rows)
        parts[f"n{i}"] = values.round(0 if i % 5 == 0 else 6)
    parts["c"] = rng.choice(np.array(["a", "b", "c"], dtype=object), rows, p=[0.6, 0.3, 0.1])
    parts["m"] = np.where(rng.random(rows) < 0.05, np.nan, common)
    return pd.DataFrame(parts)


@pytest.mark.parametrize("rows", [60, 400])
@pytest.mark.parametrize("alike", [0.0, 0.95])
def test_false_alarms_are_as_many_as_were_asked_for(rows, alike):
    rng = np.random.default_rng(11)
    config = CheckConfig(minimum_effect=0.0, false_alarms=10.0)
    alarms = []
    for seed in range(15):
        reference = mixed(rng, 1_000, alike)
        budget = fit_budget(watched(reference, schema_of(reference)), ordered=False, seed=seed)
        windows = [mixed(rng, rows, alike) for _ in range(20)]
        alarms.append(alarm_share(reference, windows, budget, config))
    # 300 windows: three standard errors are 5 points.
    assert 0.05 < np.mean(alarms) < 0.15


def test_tests_that_are_alike_count_as_few():
    rng = np.random.default_rng(0)
    together, apart = (
        fit_budget(watched(frame, schema_of(frame)), ordered=False, seed=0).independent
        for frame in (mixed(rng, 3_000, 0.99), mixed(rng, 3_000, 0.0))
    )
    assert together < 0.6 * apart


def wobbling(rng, days, rows=100):
    """Every day has a level of its own, shared by its rows."""
    level = np.repeat(rng.normal(scale=0.4, size=days), rows)
    busy = np.repeat(rng.random(days) < 0.5, rows)
    quiet = rng.random(days * rows) < np.where(busy, 0.3, 0.5)
    names = np.where(quiet, "quiet", "busy").astype(object)
    return pd.DataFrame({"n": level + rng.normal(size=days * rows), "c": names})


def test_what_chunks_of_the_reference_do_anyway_is_no_alarm():
    told = []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        reference = wobbling(rng, 100)
        columns = watched(reference, schema_of(reference))
        for days in (1, 5, 20):
            windows = [wobbling(rng, days) for _ in range(15)]
            shares = [
                alarm_share(reference, windows, fit_budget(columns, ordered=ordered, seed=0))
                for ordered in (True, False)
            ]
            told.append(shares)
        moved = [wobbling(rng, 10).assign(n=lambda w: w["n"] + 1.5) for _ in range(5)]
        learnt = fit_budget(columns, ordered=True, seed=0)
        assert alarm_share(reference, moved, learnt) == 1.0
    with_order, without = np.mean(told, axis=0)
    # 270 windows that share six references: asked for is 5 %.
    assert with_order < 0.12
    assert without > 0.6


def test_rows_without_order_have_no_design_effect_beyond_chance():
    rng = np.random.default_rng(3)
    frame = mixed(rng, 6_000, 0.3)
    budget = fit_budget(watched(frame, schema_of(frame)), ordered=True, seed=0)
    tested = [effect for effects in budget.effects.values() for effect in effects]
    assert len(budget.effects) <= 2
    assert max(tested, default=1.0) < 2.5


def test_the_joint_test_knows_what_chunks_do_anyway():
    rng = np.random.default_rng(4)
    calm = pd.DataFrame(rng.normal(size=(1_600, 2)), columns=["a", "b"])
    moving = calm.assign(a=calm["a"] + np.repeat(np.arange(8.0), 200))
    schema = schema_of(calm)
    assert joint_design_effect(domain_classifier, calm, schema, 0) == 1.0
    assert joint_design_effect(domain_classifier, moving, schema, 0) > 10


@pytest.mark.parametrize("rows", [200, 2_000])
def test_what_is_called_detectable_is_seen_four_times_in_five(rows):
    rng = np.random.default_rng(5)
    reference = pd.DataFrame({"n": rng.random(5_000), "c": rng.choice(["a", "b"], 5_000)})
    reference["c"] = reference["c"].astype(object)
    schema, budget = schema_of(reference), AlarmBudget()
    profile = Profile.of(reference, schema)
    calm = reference.sample(rows, random_state=0)
    told = signals(profile, Profile.of(calm, schema), schema, ANY, budget)
    seen = []
    for _ in range(100):
        names = rng.random(rows) < 0.5 + told[1].detectable
        window = pd.DataFrame(
            {
                "n": rng.random(rows) + told[0].detectable,  # a uniform moves by its distance
                "c": np.where(names, "a", "b").astype(object),
            }
        )
        found = signals(profile, Profile.of(window, schema), schema, ANY, budget)
        seen.append([s.alarm for s in found])
    shares = np.mean(seen, axis=0)
    assert (shares[:2] > 0.7).all()
    assert shares[1] < 0.95


@given(
    rows=st.floats(0, 1e9),
    threshold=st.floats(1e-12, 0.5),
    freedom=st.integers(0, 300),
)
def test_what_is_detectable_is_a_share_or_unknown(rows, threshold, freedom):
    found = detectable(rows, threshold, freedom)
    assert found is None or 0 < found <= 1


@settings(deadline=None, max_examples=40)
@given(
    rows=st.integers(0, 60),
    ordered=st.booleans(),
    seed=st.integers(0, 99),
    filler=st.sampled_from([0.0, np.nan, np.inf, 1e308]),
)
def test_any_reference_has_a_budget(rows, ordered, seed, filler):
    rng = np.random.default_rng(seed)
    values = np.where(rng.random(rows) < 0.5, filler, rng.normal(size=rows))
    names = rng.choice(np.array(["a", None], dtype=object), rows)
    frame = pd.DataFrame({"n": values, "c": names.astype(object)})
    budget = fit_budget(watched(frame, schema_of(frame)), ordered=ordered, seed=seed)
    assert np.isfinite(budget.independent)
    assert budget.independent > 0
    assert 0 < budget.threshold(0.05, 7) <= 0.05


@pytest.mark.parametrize("number", ["ks", "cvm", "wasserstein", "psi", "js", "hellinger"])
def test_a_design_effect_makes_every_test_less_sure(number):
    rng = np.random.default_rng(6)
    reference, window = mixed(rng, 800, 0.2), mixed(rng, 500, 0.2)
    window["n1"] += 0.3
    schema = schema_of(reference)
    profiles = Profile.of(reference, schema), Profile.of(window, schema)
    detectors = DetectorsConfig(number=number)
    one = measure(*profiles, schema, detectors, AlarmBudget())
    fewer = AlarmBudget(sizes=(25, 400), effects={"number:n1": (4.0, 4.0)})
    other = measure(*profiles, schema, detectors, fewer)
    for a, b in zip(one, other, strict=True):
        assert a.finding.effect == b.finding.effect
        assert (b.finding.p_value > a.finding.p_value) == (a.feature == "n1" and a.kind == "number")
