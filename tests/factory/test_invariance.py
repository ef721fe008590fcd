"""What must not matter to a drift check: the rows' order, the unit, the categories' names."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from factory.budget import AlarmBudget, fit_budget
from factory.config import CheckConfig
from factory.detectors import READS
from factory.detectors.config import DetectorsConfig
from factory.detectors.features import signals
from factory.detectors.watched import watched
from factory.nouns import Column, Schema
from factory.profile import Profile
from factory.reference import Reference
from factory.told import signal_json

SCHEMA = Schema((Column("n", "number"), Column("c", "category")), "y", "regression")
ANYTHING = st.one_of(
    st.floats(width=64), st.integers(-2, 2).map(float), st.sampled_from([np.nan, np.inf, -np.inf])
)
SENSIBLE = st.one_of(st.integers(-1000, 1000).map(lambda i: i / 8), st.just(np.nan))


def tables(elements):
    def build(rows):
        names = st.lists(st.sampled_from(["a", "b", "c", None]), min_size=rows, max_size=rows)
        numbers = arrays(np.float64, rows, elements=elements)
        return st.builds(
            lambda n, c: pd.DataFrame({"n": n, "c": np.array(c, dtype=object)}), numbers, names
        )

    return st.integers(0, 80).flatmap(build)


def told(before, now, number="ks", category="chi2"):
    config = CheckConfig(
        minimum_effect=0.0, detectors=DetectorsConfig(number=number, category=category)
    )
    profiles = Profile.of(before, SCHEMA), Profile.of(now, SCHEMA)
    return signals(*profiles, SCHEMA, config, AlarmBudget())


def near(one, other):
    same = [(a.feature, a.kind, a.detector, a.alarm) for a in one]
    assert same == [(b.feature, b.kind, b.detector, b.alarm) for b in other]
    for a, b in zip(one, other, strict=True):
        assert (a.p_value, a.effect) == pytest.approx((b.p_value, b.effect), rel=1e-6, abs=1e-9)


@settings(deadline=None, max_examples=50)
@given(tables(ANYTHING), tables(ANYTHING), st.sampled_from(READS["number"]), st.randoms())
def test_the_order_of_the_rows_does_not_matter(before, now, number, random):
    order = list(range(len(now)))
    random.shuffle(order)
    near(told(before, now, number), told(before, now.iloc[order].reset_index(drop=True), number))


@settings(deadline=None, max_examples=50)
@given(
    tables(SENSIBLE),
    tables(SENSIBLE),
    st.sampled_from(READS["number"]),
    st.sampled_from([0.25, 2.0, 1024.0]),
    st.sampled_from([0.0, -40.0, 3.5]),
)
def test_the_unit_of_a_number_does_not_matter(before, now, number, times, plus):
    other = (frame.assign(n=frame["n"] * times + plus) for frame in (before, now))
    near(told(before, now, number), told(*other, number))


@settings(deadline=None, max_examples=50)
@given(tables(SENSIBLE), tables(SENSIBLE), st.sampled_from(READS["category"]))
def test_the_names_of_categories_do_not_matter(before, now, category):
    names = {"a": "zebra", "b": "", "c": "a"}
    other = (frame.assign(c=frame["c"].map(names).astype(object)) for frame in (before, now))
    other = [frame.where(frame.notna(), None).assign(n=frame["n"]) for frame in other]
    near(told(before, now, category=category), told(*other, category=category))


@settings(deadline=None, max_examples=60)
@given(
    tables(ANYTHING),
    tables(ANYTHING),
    st.sampled_from(READS["number"]),
    st.sampled_from(READS["category"]),
)
def test_nothing_but_numbers_comes_out(before, now, number, category):
    budget = fit_budget(watched(before, SCHEMA), ordered=True, seed=0)
    config = CheckConfig(detectors=DetectorsConfig(number=number, category=category))
    profiles = Profile.of(before, SCHEMA), Profile.of(now, SCHEMA)
    for signal in signals(*profiles, SCHEMA, config, budget):
        assert None not in {
            value for key, value in signal_json(signal).items() if key != "detectable"
        }
        assert 0 <= signal.p_value <= 1
        assert 0 <= signal.effect <= 1


@pytest.mark.parametrize("rows", [0, 1, 20_000])
def test_ten_thousand_categories_and_odd_sizes_are_compared(rows):
    rng = np.random.default_rng(0)
    names = np.array([f"id{i}" for i in range(10_000)], dtype=object)
    before = pd.DataFrame({"n": rng.normal(size=5_000), "c": rng.choice(names, 5_000)})
    now = pd.DataFrame({"n": rng.normal(size=rows), "c": rng.choice(names, rows)})
    now["c"] = now["c"].astype(object)
    fitted = Reference.fit(before, SCHEMA)
    found = fitted.compare(Profile.of(now, SCHEMA), CheckConfig())
    assert not any(s.alarm for s in found)
