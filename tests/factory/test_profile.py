"""Profiles hold what the frame holds."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.nouns import Column, Schema
from factory.profile import Categories, Numbers, Profile, longest_rest
from factory.summary import Summary

NUMBERS = st.lists(st.floats(width=32), max_size=40)
CATEGORIES = st.lists(st.none() | st.sampled_from(["a", "b", "", "ä"]), max_size=40)


@given(NUMBERS)
def test_numbers_are_sorted_and_every_row_is_counted_once(values):
    summary = Numbers.of(np.array(values))
    assert (np.diff(summary.values) >= 0).all()
    assert np.isfinite(summary.values).all()
    assert len(summary.values) + summary.missing + summary.infinite == summary.rows == len(values)


@given(CATEGORIES)
def test_categories_are_counted(values):
    summary = Categories.of(np.array(values, dtype=object))
    expected = pd.Series(values, dtype=object).value_counts().to_dict()
    assert summary.counts == expected
    assert list(summary.counts.values()) == sorted(summary.counts.values(), reverse=True)
    assert sum(summary.counts.values()) + summary.missing == summary.rows == len(values)


@given(st.lists(st.integers(0, 2), max_size=40))
def test_the_longest_rest_is_the_longest_run(values):
    best = run = 0
    for position, value in enumerate(values):
        run = run + 1 if position and values[position - 1] == value else 1
        best = max(best, run)
    assert longest_rest(np.array(values)) == best


def test_a_profile_holds_each_kind():
    schema = Schema(
        (Column("n", "number"), Column("c", "category"), Column("d", "date")), "y", "regression"
    )
    frame = pd.DataFrame(
        {
            "n": [1.0, np.nan, np.inf],
            "c": np.array(["a", None, "a"], dtype=object),
            "d": pd.to_datetime(["2020-01-01", None, None]),
        }
    )
    profile = Profile.of(frame, schema)
    assert profile.rows == 3
    assert list(profile.features) == ["n", "c", "d"]
    assert [summary.missing for summary in profile.features.values()] == [1, 1, 2]


@pytest.mark.parametrize("rows", [0, 1])
def test_tiny_tables(rows):
    schema = Schema((Column("n", "number"), Column("c", "category")), "y", "regression")
    frame = pd.DataFrame({"n": [1.0], "c": np.array(["a"], dtype=object)}).iloc[:rows]
    profile = Profile.of(frame, schema)
    assert [summary.rows for summary in profile.features.values()] == [rows, rows]


def test_a_trend_is_told_from_noise():
    rng = np.random.default_rng(0)
    noise = rng.standard_t(2, 2000)
    assert abs(Numbers.of(noise).trend) < 0.8
    assert Numbers.of(noise + 0.02 * np.arange(2000)).trend == 1.0
    assert Numbers.of(-np.arange(50.0)).trend == -1.0
    assert Numbers.of(np.array([-np.inf, np.inf] * 50)).trend == 0.0
    assert Numbers.of(np.zeros(9)).trend == 0.0


@given(st.lists(st.booleans(), min_size=1, max_size=30), st.integers(1, 40))
def test_the_most_missing_stretch(lost, rows):
    rows_there = min(rows, len(lost))
    starts = range(len(lost) - rows_there + 1)
    expected = max(sum(lost[start : start + rows_there]) / rows_there for start in starts)
    assert Summary(np.array(lost)).most_missing(rows) == pytest.approx(expected)
