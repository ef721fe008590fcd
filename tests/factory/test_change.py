"""Where a stream of losses changed, and that quiet streams did not."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import lfilter

from factory.change import FEWEST, _split, change_point

KINDS = {
    "normal": lambda rng, level, rows: rng.normal(level, 1, rows),
    "skewed": lambda rng, level, rows: rng.exponential(1 + level, rows),
    "mistakes": lambda rng, level, rows: (rng.random(rows) < 0.1 + 0.3 * level).astype(float),
}


def stream(rng, kind, *parts):
    return np.concatenate([KINDS[kind](rng, level, rows) for level, rows in parts])


@pytest.mark.parametrize("kind", KINDS)
def test_a_change_is_found_where_it_was(kind):
    off = []
    for seed in range(6):
        losses = stream(np.random.default_rng(seed), kind, (0, 400), (1, 200))
        off.append(abs(change_point(losses, seed=seed) - 400))
    assert np.median(off) < 25


@pytest.mark.parametrize("kind", KINDS)
def test_quiet_streams_have_none(kind):
    rng = np.random.default_rng(1)
    streams = [stream(rng, kind, (0, 160)) for _ in range(40)]
    found = sum(change_point(losses, seed=0) is not None for losses in streams)
    assert found <= 6, "2 are expected at a level of 0.05"


def autoregressive(rng, memory, rows):
    return lfilter([1], [1, -memory], rng.normal(size=rows + 300))[300:] * np.sqrt(1 - memory**2)


def slow_beneath_noise(rng, rows):
    return 0.7 * autoregressive(rng, 0.9, rows) + 0.7 * rng.normal(size=rows)


QUIET = {
    "independent": lambda rng, rows: rng.normal(size=rows),
    "memory 0.5": lambda rng, rows: autoregressive(rng, 0.5, rows),
    "memory 0.9": lambda rng, rows: autoregressive(rng, 0.9, rows),
    "slow beneath noise": slow_beneath_noise,
}


@pytest.mark.parametrize("kind", QUIET)
def test_rows_that_depend_on_each_other_are_no_change(kind):
    rng = np.random.default_rng(2)
    streams = [QUIET[kind](rng, 500) for _ in range(40)]
    found = sum(change_point(losses, seed=0) is not None for losses in streams)
    # More than 5 of 40 have a chance of 1 in 70 where the rate is 5 %.
    assert found <= 5


@pytest.mark.parametrize(("kind", "shift"), [("memory 0.5", 1.5), ("memory 0.9", 3.0)])
def test_a_change_among_dependent_rows_is_found(kind, shift):
    rng = np.random.default_rng(3)
    off = []
    for _ in range(6):
        losses = QUIET[kind](rng, 1_500) + np.repeat([0.0, shift], [900, 600])
        off.append(abs(change_point(losses, seed=0) - 900))
    assert np.median(off) < 40


def test_too_few_independent_rows_say_nothing():
    losses = autoregressive(np.random.default_rng(4), 0.97, 200)
    assert change_point(losses + np.repeat([0.0, 2.0], 100), seed=0) is None


def test_of_several_changes_the_newest_counts():
    rng = np.random.default_rng(3)
    there_and_back = stream(rng, "normal", (0, 400), (1.5, 300), (0, 300))
    assert abs(change_point(there_and_back, seed=0) - 700) < 15
    steps = stream(rng, "normal", (0, 300), (1, 300), (3, 300))
    assert abs(change_point(steps, seed=0) - 600) < 15


def test_a_few_huge_losses_are_no_change():
    losses = np.random.default_rng(4).normal(size=500)
    losses[::100] = 1e9
    assert change_point(losses, seed=0) is None


def test_long_streams_are_binned_and_the_row_is_found_all_the_same():
    losses = stream(np.random.default_rng(5), "normal", (0, 70_000), (0.5, 5_000))
    assert abs(change_point(losses, seed=0) - 70_000) < 100


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 100), st.integers(40, 150), st.floats(0.1, 5), st.floats(-50, 50))
def test_only_the_order_of_losses_matters(seed, rows, scale, shift):
    losses = np.random.default_rng(seed).normal(size=rows)
    losses[rows // 2 :] += 1.5
    first = change_point(losses, seed=0)
    assert first == change_point(shift + scale * losses, seed=0)
    assert first is None or FEWEST <= first <= rows - FEWEST


@pytest.mark.parametrize("losses", [[], [1.0], [2.0] * 39, [3.0] * 500])
def test_too_few_or_equal_losses(losses):
    assert change_point(np.array(losses), seed=0) is None


def test_the_split_is_that_of_the_largest_standardised_difference():
    rows = np.random.default_rng(6).normal(size=(5, 60))
    splits, contrasts = _split(rows, 5)
    for row, split, contrast in zip(rows, splits, contrasts, strict=True):
        naive = {
            k: abs(row[:k].mean() - row[k:].mean()) * np.sqrt(k * (60 - k) / 60)
            for k in range(5, 56)
        }
        assert split == max(naive, key=naive.get)
        assert contrast == pytest.approx(naive[split])
