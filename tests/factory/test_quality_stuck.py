"""A sensor that sticks for a while is found; what rests by nature is not."""

import numpy as np
import pandas as pd
import pytest
from damaged import hourly, look, schema_of


def stick(frame, name, start, rows):
    values = frame[name].to_numpy().copy()
    values[start : start + rows] = values[start]
    return frame.assign(**{name: values})


@pytest.mark.parametrize(("name", "rows"), [("a", 60), ("b", 60), ("c", 150)])
@pytest.mark.parametrize("start", [0, 700])
def test_a_stretch_is_found_and_only_that_is_broken(name, rows, start):
    rng = np.random.default_rng(1)
    reference, frame = hourly(rng, 3000), hourly(rng, 1000, "2025-02-01")
    schema = schema_of(frame, timestamp="t")
    found, broken = look(reference, stick(frame, name, start, rows), schema)
    problem = found[name, "stuck"]
    assert len(found) == 1
    assert problem.share == pytest.approx(rows / 1000, abs=0.003)
    assert problem.detail.startswith(repr(frame[name][start]))
    assert "rows at most in the reference" in problem.detail
    assert broken[name][start : start + rows].all()
    assert broken[name].sum() <= rows + 2
    assert set(broken) == {name}


def test_without_time_the_order_says_nothing():
    rng = np.random.default_rng(2)
    reference, frame = (hourly(rng, n).drop(columns="t") for n in (3000, 1000))
    assert look(reference, stick(frame, "a", 300, 400), schema_of(frame)) == ({}, {})


def test_rows_of_one_moment_are_in_no_order():
    rng = np.random.default_rng(3)
    reference, frame = hourly(rng, 3000), hourly(rng, 1000, "2025-02-01")
    frame.loc[300:800, "t"] = frame["t"][300]
    assert look(reference, stick(frame, "a", 350, 300), schema_of(frame, timestamp="t"))[0] == {}


def test_gaps_in_a_stretch_do_not_hide_it():
    rng = np.random.default_rng(4)
    reference, frame = hourly(rng, 3000), hourly(rng, 1000, "2025-02-01")
    frame = stick(frame, "a", 300, 200)
    frame.loc[300:500:10, "a"] = np.nan
    reference.loc[::10, "a"] = np.nan
    found, broken = look(reference, frame, schema_of(frame, timestamp="t"))
    assert set(found) == {("a", "stuck")}
    assert broken["a"].sum() == pytest.approx(180, abs=2)


def seasons(rng, rows, start):
    """What rests by nature: month, weather shared by many rows, snow, a tariff, a plane."""
    base = hourly(rng, rows, start)
    hours = rows // 60 + 1
    snow = np.where(rng.random(hours // 10 + 1) < 0.1, 1.5, 0.0)
    return base.assign(
        month=base["t"].dt.month.astype(float),
        temperature=np.repeat(rng.normal(10, 5, hours).round(1), 60)[:rows],
        snow=np.repeat(snow, 600)[:rows],
        tariff=np.repeat(rng.choice([1.0, 2.0, 3.0], hours // 5 + 1), 300)[:rows],
        plane=np.repeat(rng.integers(0, 50, rows // 3 + 1), 3)[:rows].astype(str).astype(object),
    )


@pytest.mark.parametrize("rows", [300, 3000])
def test_what_rests_by_nature_is_not_stuck(rows):
    rng = np.random.default_rng(5)
    reference = seasons(rng, 10_000, "2025-01-01")
    schema = schema_of(reference, timestamp="t")
    for _ in range(5):
        frame = seasons(rng, rows, "2025-02-05")
        assert {p for _, p in look(reference, frame, schema)[0]} <= {"unseen"}
        summer = frame.assign(snow=0.0)
        assert ("snow", "stuck") not in look(reference, summer, schema)[0]


def test_a_reference_that_is_a_sample_rests_longer_in_truth():
    rng = np.random.default_rng(6)
    whole = hourly(rng, 60_000).assign(a=np.repeat(rng.normal(size=1500), 40))
    sample = whole.iloc[np.sort(rng.permutation(60_000)[:3000])].reset_index(drop=True)
    window = hourly(rng, 2000, "2025-03-01").assign(a=np.repeat(rng.normal(size=50), 40))
    assert look(sample, window, schema_of(window, timestamp="t"))[0] == {}


def test_what_other_rules_found_is_not_stuck_as_well():
    rng = np.random.default_rng(7)
    reference, frame = hourly(rng, 3000), hourly(rng, 1000, "2025-02-01")
    frame.loc[200:400, "a"] = -999.0
    found, _ = look(reference, frame, schema_of(frame, timestamp="t"))
    assert set(found) == {("a", "out_of_range")}
    still = frame.assign(a=7.0)
    assert set(look(reference, still, schema_of(still, timestamp="t"))[0]) == {("a", "constant")}


def test_two_stretches_are_told_together():
    rng = np.random.default_rng(8)
    reference, frame = hourly(rng, 3000), hourly(rng, 1000, "2025-02-01")
    frame = stick(stick(frame, "a", 100, 50), "a", 500, 80)
    found, broken = look(reference, frame, schema_of(frame, timestamp="t"))
    assert "and 1 times more" in found["a", "stuck"].detail
    assert broken["a"].sum() == 130
    assert pd.Series(broken["a"]).diff().ne(0).sum() <= 5
