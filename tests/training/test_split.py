"""Splits and folds: nothing lost, nothing twice, nothing from the future."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.config import SplitConfig
from factory.errors import BadConfig, BadData
from factory.nouns import Schema
from training.split import folds, split

IN_TIME = Schema((), "y", "regression", timestamp="t")
CLASSED = Schema((), "y", "multiclass", classes=tuple("abcdefgh"))

instants = st.lists(st.integers(0, 400), min_size=30, max_size=200)
labels = st.lists(st.sampled_from("aaaaabbbcdefgh"), min_size=60, max_size=200)
seeds = st.integers(0, 2**32 - 1)
shares = st.floats(0.05, 0.3)


def timed(numbers) -> pd.DataFrame:
    return pd.DataFrame({"y": 1.0, "t": pd.to_datetime(numbers, unit="D")})


def classed(values) -> pd.DataFrame:
    return pd.DataFrame({"y": np.array(values, dtype=object)})


@given(instants, shares, shares, seeds)
def test_time_ordered_parts_never_leak(numbers, calibration, reference, seed):
    frame = timed(numbers)
    parts = split(frame, IN_TIME, SplitConfig(calibration=calibration, reference=reference), seed)
    together = np.concatenate([parts.train, parts.calibration, parts.reference])
    assert sorted(together) == list(range(len(frame)))
    times = frame["t"].to_numpy()
    assert times[parts.train].max() <= times[parts.calibration].min()
    assert times[parts.calibration].max() <= times[parts.reference].min()


@given(st.lists(st.integers(0, 400), min_size=60, max_size=200, unique=True), st.integers(1, 5))
def test_rows_of_one_instant_stay_together(numbers, times):
    frame = timed(np.repeat(numbers, times))
    parts = split(frame, IN_TIME, SplitConfig(), seed=0)
    days = frame["t"].to_numpy()
    for older, newer in ((parts.train, parts.calibration), (parts.calibration, parts.reference)):
        assert days[older].max() < days[newer].min()


def test_one_instant_for_all_rows_still_splits():
    parts = split(timed([5] * 100), IN_TIME, SplitConfig(), seed=0)
    assert [len(parts.train), len(parts.calibration), len(parts.reference)] == [70, 10, 20]


def test_undated_rows_count_as_oldest():
    frame = timed(list(range(100)))
    frame.loc[[3, 99], "t"] = pd.NaT
    assert {3, 99} <= set(split(frame, IN_TIME, SplitConfig(), seed=0).train)


@given(labels, seeds)
def test_every_class_trains_and_shares_are_kept(values, seed):
    frame = classed(values)
    parts = split(frame, CLASSED, SplitConfig(), seed)
    together = np.concatenate([parts.train, parts.calibration, parts.reference])
    assert sorted(together) == list(range(len(frame)))
    assert set(frame["y"].iloc[parts.train]) == set(values)
    assert len(parts.reference) == round(0.2 * len(values))
    for name in "ab":
        held = (frame["y"].iloc[parts.reference] == name).sum()
        assert abs(held - 0.2 * values.count(name)) <= 0.02 * len(values) + 2


@given(labels, seeds)
def test_same_seed_same_split(values, seed):
    one, two = (split(classed(values), CLASSED, SplitConfig(), seed) for _ in range(2))
    assert np.array_equal(one.reference, two.reference)
    assert np.array_equal(one.calibration, two.calibration)


@given(instants, st.integers(2, 10))
def test_folds_predict_the_future_from_the_past(numbers, count):
    frame = timed(numbers)
    times = frame["t"].to_numpy()
    pairs = folds(frame, IN_TIME, count, seed=0)
    assert len(pairs) == count
    scored = np.concatenate([score for _, score in pairs])
    assert len(set(scored)) == len(scored)
    for fit, score in pairs:
        assert len(score)
        assert times[fit].max() <= times[score].min()
        assert not set(fit) & set(score)


@given(labels, st.integers(2, 10), seeds)
def test_folds_score_each_row_once(values, count, seed):
    pairs = folds(classed(values), CLASSED, count, seed)
    assert sorted(np.concatenate([score for _, score in pairs])) == list(range(len(values)))
    for fit, score in pairs:
        assert len(fit) + len(score) == len(values)
        common = sum(values[row] == "a" for row in score)
        assert abs(common - values.count("a") / count) <= 1


@pytest.mark.parametrize("count", [0, 1, 29])
def test_too_few_rows(count):
    with pytest.raises(BadData, match=f"{count} labelled rows"):
        split(timed(list(range(count))), IN_TIME, SplitConfig(), seed=0)


def test_shares_that_leave_nothing():
    with pytest.raises(BadConfig, match=r"0\.5 \+ 0\.6 leave 0 of 50"):
        split(timed(list(range(50))), IN_TIME, SplitConfig(calibration=0.5, reference=0.6), 0)


def test_a_class_per_row():
    frame = classed([str(number) for number in range(50)])
    with pytest.raises(BadData, match="50 classes in 50 rows"):
        split(frame, CLASSED, SplitConfig(), seed=0)
