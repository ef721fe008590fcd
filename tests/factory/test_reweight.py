"""Labelled rows are weighted until they look like a window; what estimates missed is learnt."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factory.misses import BLOCKS, COLUMNS, Misses, Trial, choices
from factory.nouns import Column, Schema
from factory.reweight import LARGEST, Coder, balance, effective, shares

SCHEMA = Schema(
    (Column("a", "number"), Column("c", "category"), Column("d", "date")), "y", "binary"
)


def table(rng, rows, shift=0.0):
    frame = pd.DataFrame({"a": rng.normal(shift, 1, rows)})
    frame["c"] = rng.choice(np.array(["x", "y", None], dtype=object), rows)
    frame["d"] = pd.NaT
    score = 1 / (1 + np.exp(-frame["a"].to_numpy() - rng.normal(size=rows)))
    return frame, np.column_stack([1 - score, score])


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.sampled_from([1, 30, 400]), st.floats(-3, 3))
def test_weights_bring_the_shares_nearer(seed, rows, shift):
    rng = np.random.default_rng(seed)
    known, window = table(rng, 500), table(rng, rows, shift)
    coder = Coder.fit(SCHEMA, *known)
    cells, wanted = coder.cells(*known), shares(coder.cells(*window), coder.width)
    weights = balance(cells, wanted)
    assert np.isfinite(weights).all()
    assert weights.min() >= 0
    assert weights.max() <= LARGEST
    before = np.abs(shares(cells, coder.width) - wanted).sum()
    after = np.abs(shares(cells, coder.width, weights) - wanted).sum()
    assert after <= before + 1e-9


def test_rows_like_the_window_leave_the_weights_even():
    rng = np.random.default_rng(1)
    known = table(rng, 800)
    coder = Coder.fit(SCHEMA, *known)
    cells = coder.cells(*known)
    np.testing.assert_allclose(balance(cells, shares(cells, coder.width)), 1.0, atol=1e-3)


def test_a_shift_is_weighted_by_the_density_ratio():
    rng = np.random.default_rng(2)
    frame, outputs = table(rng, 20_000)
    moved = table(rng, 20_000, shift=0.5)
    coder = Coder.fit(SCHEMA, frame, outputs)
    weights = balance(coder.cells(frame, outputs), shares(coder.cells(*moved), coder.width))
    a = frame["a"].to_numpy()
    ratio = np.exp(0.5 * a - 0.125)
    assert np.corrcoef(np.log(weights), np.log(ratio))[0, 1] > 0.95
    assert np.average(a, weights=weights) == pytest.approx(0.5, abs=0.1)
    assert effective(weights) < 20_000


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300])
def test_broken_values_have_a_cell(value):
    rng = np.random.default_rng(3)
    known, (frame, outputs) = table(rng, 100), table(rng, 50)
    coder = Coder.fit(SCHEMA, *known)
    cells = coder.cells(frame.assign(a=value, c="new"), outputs)
    assert np.all((cells >= 0) & (cells < coder.width))
    assert np.isfinite(balance(coder.cells(*known), shares(cells, coder.width))).all()


def test_columns_that_say_nothing_change_nothing():
    rng = np.random.default_rng(4)
    frame, outputs = table(rng, 60)
    frame = frame.assign(a=np.nan, c=None)
    coder = Coder.fit(SCHEMA, frame, outputs)
    cells = coder.cells(frame, outputs)
    assert np.isfinite(balance(cells, shares(cells[:20], coder.width))).all()
    none = Coder.fit(Schema((), "y", "binary"), frame, outputs)
    assert none.cells(frame, outputs).shape == (60, 1)


def test_rows_stand_in_for_windows():
    rng = np.random.default_rng(5)
    known = table(rng, 400)
    coder = Coder.fit(SCHEMA, *known)
    cells = coder.cells(*known)
    chosen = list(choices(cells, coder.starts, ordered=True, rng=rng))
    periods = [rows for rows, period in chosen if period]
    assert len(periods) == BLOCKS
    np.testing.assert_array_equal(np.sum(periods, axis=0), np.ones(400))
    tilted = [rows for rows, period in chosen if not period]
    assert 0 < len(tilted) <= 2 * COLUMNS
    assert all(rows.sum() == 100 for rows in tilted)
    means = [known[0]["a"][rows].mean() for rows in tilted]
    assert max(means) - min(means) > 0.8


def test_errors_that_chance_explains_are_no_misses():
    rng = np.random.default_rng(6)
    by_chance = [Trial(float(rng.normal()), 1.0, 0.5, i % 2 == 0) for i in range(4000)]
    found = Misses.learn(by_chance)
    assert found.always < 0.1
    assert found.shifted < 0.2
    beyond = [Trial(3.0, 1.0, 2.0, period) for period in (True, False)]
    assert Misses.learn(beyond) == Misses(always=8.0, shifted=0.0)
    assert Misses.learn(beyond[1:]) == Misses(always=0.0, shifted=4.0)
    assert Misses.learn([]).variance(7.0) == 0.0
