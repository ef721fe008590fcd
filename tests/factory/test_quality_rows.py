"""Rows that came twice, and moments that cannot be."""

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from damaged import hourly, look, schema_of

from factory.nouns import ROWS, Problem


def resent(frame, rows):
    """The table with its first rows once more, in time order where there is time."""
    twice = pd.concat([frame, frame.head(rows)], ignore_index=True)
    return twice.sort_values("t", kind="stable", ignore_index=True) if "t" in frame else twice


@pytest.mark.parametrize("timed", [True, False])
@pytest.mark.parametrize("labelled", [True, False])
@pytest.mark.parametrize("again", [60, 1000])
def test_rows_that_came_twice_are_found_and_the_first_is_sound(timed, labelled, again):
    rng = np.random.default_rng(1)
    reference, frame = hourly(rng, 3000), hourly(rng, 1000, "2025-02-01")
    if not timed:
        reference, frame = (f.drop(columns="t") for f in (reference, frame))
    schema = schema_of(frame, timestamp="t" if timed else None)
    now = resent(frame if labelled else frame.assign(y=np.nan), again)
    found, broken = look(reference, now, schema)
    assert set(found) == {(ROWS, "duplicate")}
    assert found[ROWS, "duplicate"].share == pytest.approx(again / (1000 + again))
    assert broken[ROWS].sum() == again
    columns = [n for n in now if labelled or n != "y"]
    assert broken[ROWS].tolist() == now[columns].duplicated().tolist()


def coins(rng, rows, start="2025-01-01"):
    """Rows that repeat by nature."""
    frame = hourly(rng, rows, start)
    return frame.assign(a=rng.integers(0, 3, rows) * 1.0, b=1.0, y=rng.integers(0, 2, rows) * 1.0)


@pytest.mark.parametrize("rows", [50, 500, 5000])
def test_tables_of_few_different_rows_repeat_by_nature(rows):
    rng = np.random.default_rng(2)
    reference = coins(rng, 1000).drop(columns="t")
    frame = coins(rng, rows).drop(columns="t")
    assert look(reference, frame, schema_of(frame))[0] == {}
    narrow = frame.assign(a=0.0, c="red")
    assert (ROWS, "duplicate") not in look(reference, narrow, schema_of(narrow))[0]


def test_rows_of_one_moment_repeat_as_in_the_reference():
    rng = np.random.default_rng(3)
    reference, frame = (
        coins(rng, n, s).assign(t=lambda f: f["t"].dt.floor("h"))
        for n, s in ((1000, "2025-01-01"), (4000, "2025-02-01"))
    )
    schema = schema_of(frame, timestamp="t")
    assert (ROWS, "duplicate") not in look(reference, frame, schema)[0]


def test_a_small_reference_is_no_proof():
    rng = np.random.default_rng(4)
    reference, frame = (hourly(rng, n).drop(columns="t") for n in (30, 4000))
    assert (ROWS, "duplicate") not in look(reference, resent(frame, 400), schema_of(frame))[0]


def moved(frame, rows, **by):
    shifted = frame["t"].to_numpy().copy()
    shifted[rows] += np.timedelta64(pd.Timedelta(**by))
    return frame.assign(t=shifted).sort_values("t", kind="stable", ignore_index=True)


LATE = {
    "some, by a year": (lambda f: moved(f, slice(0, 30), days=-365), "late", 30),
    "one, from 1970": (
        lambda f: f.assign(t=f["t"].where(f.index > 0, pd.Timestamp(1970, 1, 1))), "late", 1,
    ),
    "some, a year ahead": (lambda f: moved(f, slice(970, 1000), days=365), "future", 30),
    "one, from 2099": (
        lambda f: f.assign(t=f["t"].where(f.index < 999, pd.Timestamp(2099, 1, 1))), "future", 1,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", LATE)
def test_moments_far_from_the_window_are_found(case):
    rng = np.random.default_rng(5)
    change, name, rows = LATE[case]
    reference, frame = hourly(rng, 3000), hourly(rng, 1000, "2025-02-01")
    schema = schema_of(frame, timestamp="t")
    now = change(frame)
    found, broken = look(reference, now, schema)
    assert set(found) == {("t", name)}
    assert found["t", name].share == rows / 1000
    assert broken[ROWS].sum() == rows
    far = (now["t"] < pd.Timestamp("2025-01-15")) | (now["t"] > pd.Timestamp("2025-03-01"))
    assert broken[ROWS].tolist() == far.tolist()


def test_a_labelled_row_is_not_from_the_future():
    rng = np.random.default_rng(6)
    reference, frame = hourly(rng, 3000), hourly(rng, 1000, "2025-02-01", freq="h")
    schema = schema_of(frame, timestamp="t")
    now = datetime(2025, 2, 28, 12, tzinfo=UTC)
    found, broken = look(reference, frame, schema, now=now)
    ahead = frame["t"] > pd.Timestamp("2025-03-01T12:00")
    assert set(found) == {("t", "future")}
    assert broken[ROWS].tolist() == ahead.tolist()
    naive, _ = look(reference, frame, schema, now=now.replace(tzinfo=None))
    assert naive == found
    assert look(reference, frame, schema, now=datetime(2025, 4, 1, tzinfo=UTC))[0] == {}
    assert look(reference, frame, schema)[0] == {}
    assert look(reference, frame.assign(y=np.nan), schema, now=now)[0] == {}


ORDINARY = {
    "the same time": ("2025-01-01", "min"),
    "right after": ("2025-01-03T02:00", "min"),
    "a year later": ("2026-01-01", "min"),
    "before": ("2024-01-01", "min"),
    "denser": ("2025-01-04", "s"),
    "all at once": ("2025-01-04", "ns"),
    "over years": ("2025-01-04", "D"),
}


@pytest.mark.parametrize("rows", [5, 25, 1000])
@pytest.mark.parametrize("case", ORDINARY)
def test_ordinary_windows_are_of_their_time(case, rows):
    rng = np.random.default_rng(7)
    start, freq = ORDINARY[case]
    reference, frame = hourly(rng, 3000), hourly(rng, rows, start, freq)
    assert look(reference, frame, schema_of(frame, timestamp="t"))[0] == {}


def test_stragglers_that_the_reference_has_as_well_are_not_late():
    rng = np.random.default_rng(8)

    def with_stragglers(rows, start):
        frame = hourly(rng, rows, start)
        behind = pd.to_timedelta(rng.exponential(20, rows) * (rng.random(rows) < 0.04), unit="h")
        ordered = frame.assign(t=frame["t"] - behind)
        return ordered.sort_values("t", kind="stable", ignore_index=True)

    reference, frame = with_stragglers(3000, "2025-01-01"), with_stragglers(1000, "2025-01-04")
    assert look(reference, frame, schema_of(frame, timestamp="t"))[0] == {}


def test_damaged_rows_are_no_feature():
    assert [Problem("t", name, 0.1).of_rows for name in ("late", "future")] == [True, True]
    assert not Problem("t", "unit", 1.0).of_rows
