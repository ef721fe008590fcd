"""Damage is found, drift is left alone, and ordinary windows are not accused."""

import numpy as np
import pandas as pd
import pytest

from factory.nouns import Column, DataVersion, Schema, Window
from factory.profile import Profile
from factory.quality import inspect

WORLDS = {
    "normal": lambda rng, rows: rng.normal(50, 10, rows),
    "lognormal": lambda rng, rows: rng.lognormal(0, 1.5, rows),
    "heavy": lambda rng, rows: rng.standard_t(2, rows),
    "cauchy": lambda rng, rows: rng.standard_cauchy(rows),
    "integers": lambda rng, rows: rng.integers(0, 10, rows).astype(float),
    "mostly zero": lambda rng, rows: np.where(
        rng.random(rows) < 0.02, rng.lognormal(0, 1.5, rows), 0.0
    ),
    "gaps": lambda rng, rows: np.where(rng.random(rows) < 0.3, np.nan, rng.normal(size=rows)),
    "zipf": lambda rng, rows: rng.zipf(1.7, rows).astype(str).astype(object),
    "plates": lambda rng, rows: rng.integers(10**6, size=rows).astype(str).astype(object),
}


def schema_of(kinds):
    return Schema(tuple(Column(name, kind) for name, kind in kinds.items()), "y", "regression")


def found(before, now, unreadable=None):
    """Inspect one feature."""
    kind = "category" if np.asarray(before).dtype == object else "number"
    schema = schema_of({"x": kind})
    reference, frame = pd.DataFrame({"x": before}), pd.DataFrame({"x": now})
    marks = {} if unreadable is None else {"x": unreadable}
    window = Window(frame, DataVersion("0", len(frame)), marks)
    problems, broken = inspect(
        Profile.of(reference, schema), Profile.of(frame, schema), window, schema
    )
    shares = {p.problem: p.share for p in problems}
    return shares, broken.get("x", np.zeros(len(frame), dtype=bool))


@pytest.mark.parametrize(("rows", "size"), [(300, 100), (1000, 1000), (500, 4000)])
def test_windows_of_the_same_world_are_not_accused(rows, size):
    rng = np.random.default_rng(rows)
    kinds = {n: "category" if n in {"zipf", "plates"} else "number" for n in WORLDS}
    schema = schema_of(kinds)
    accused = []
    for _ in range(200):
        reference, frame = (
            pd.DataFrame({name: world(rng, n) for name, world in WORLDS.items()})
            for n in (rows, size)
        )
        window = Window(frame, DataVersion("0", size))
        pair = Profile.of(reference, schema), Profile.of(frame, schema)
        accused += inspect(*pair, window, schema)[0]
    assert len(accused) <= 0.01 * 200 * len(WORLDS)


def winter(rng, rows=2000):
    return np.clip(rng.normal(40, 8, rows), 20, 60).round(0)


def test_summer_is_no_damage():
    rng = np.random.default_rng(0)
    summer = np.clip(rng.normal(78, 7, 3000), 60, 95).round(0)
    shares, broken = found(winter(rng), summer)
    assert shares == {}
    assert not broken.any()


@pytest.mark.parametrize("rows", [50, 500, 5000])
@pytest.mark.parametrize("value", [9999.0, -9999.0, np.inf, -np.inf])
def test_a_single_impossible_value_is_found(rows, value):
    rng = np.random.default_rng(1)
    now = winter(rng, rows)
    now[7] = value
    shares, broken = found(winter(rng), now)
    assert shares == {"out_of_range": pytest.approx(1 / rows)}
    assert np.flatnonzero(broken).tolist() == [7]


@pytest.mark.parametrize("world", ["normal", "lognormal", "heavy"])
def test_a_unit_error_breaks_every_row(world):
    rng = np.random.default_rng(2)
    draw = WORLDS[world]
    shares, broken = found(draw(rng, 1000), 1000 * draw(rng, 500))
    assert shares == {"unit": 1.0}
    assert broken.all()


def test_what_is_far_away_and_no_unit_breaks_every_row():
    rng = np.random.default_rng(2)
    shares, broken = found(rng.normal(50, 10, 1000), 1000 * rng.exponential(50, 500))
    assert shares["out_of_range"] > 0.9
    assert broken.all()


def test_a_sentinel_in_part_of_the_rows_breaks_those():
    rng = np.random.default_rng(3)
    lost = rng.random(800) < 0.2
    shares, broken = found(winter(rng), np.where(lost, -999.0, winter(rng, 800)))
    assert set(shares) == {"out_of_range"}
    assert broken.tolist() == lost.tolist()


def test_infinite_values_that_the_reference_knows_are_no_news():
    rng = np.random.default_rng(4)
    before, now = winter(rng), winter(rng)
    before[3] = now[5] = -np.inf
    assert found(before, now)[0] == {}


@pytest.mark.parametrize("value", [0.0, 41.0, 33.3])
def test_a_stuck_sensor_breaks_the_window(value):
    shares, broken = found(winter(np.random.default_rng(5)), np.full(400, value))
    assert shares == {"constant": 1.0}
    assert broken.all()


def test_a_stuck_category_breaks_the_window():
    before = np.random.default_rng(5).choice(np.array(["a", "b", "c"], dtype=object), size=900)
    assert set(found(before, np.full(300, "a", dtype=object))[0]) == {"constant"}


def test_what_rests_by_nature_may_stand_still():
    month = np.repeat([1.0, 2.0, 3.0], 1000)
    assert found(month, np.full(900, 4.0))[0] == {}
    rng = np.random.default_rng(6)
    snow = np.repeat(np.where(rng.random(40) < 0.2, 1.5, 0.0), 50)
    assert found(snow, np.zeros(900))[0] == {}
    rare = (rng.random(3000) < 0.002).astype(float)
    assert found(rare, np.zeros(900))[0] == {}


def test_few_rows_and_constant_references_are_not_called_stuck():
    rng = np.random.default_rng(7)
    assert found(winter(rng), np.full(29, 41.0))[0] == {}
    assert found(np.full(500, 3.0), np.full(500, 4.0))[0] == {}


def test_lost_values_are_found_when_certain_and_many():
    rng = np.random.default_rng(8)
    before = winter(rng)
    now = winter(rng, 600)
    lost = np.arange(600) % 4 == 0
    now[lost] = np.nan
    shares, broken = found(before, now)
    assert shares == {"missing": 0.25}
    assert broken.tolist() == lost.tolist()
    few = winter(rng, 600)
    few[:24] = np.nan
    assert found(before, few)[0] == {}
    assert found(now, before)[0] == {}
    assert found(before, np.array([np.nan, *[41.0] * 9]))[0] == {}


def test_values_that_go_missing_in_spells_by_nature_are_not_lost():
    rng = np.random.default_rng(13)
    spells = np.repeat(np.arange(100) % np.where(np.arange(100) < 30, 2, 5) == 0, 20)
    before = np.where(spells, np.nan, winter(rng))
    worst = np.where(np.repeat(np.arange(20) % 5 < 3, 20), np.nan, winter(rng, 400))
    assert found(before, worst)[0] == {}
    gone = np.where(rng.random(400) < 0.9, np.nan, winter(rng, 400))
    assert set(found(before, gone)[0]) == {"missing"}


def test_a_trend_may_go_on():
    month = np.repeat([1.0, 2.0, 3.0], 700)
    assert found(month, np.repeat([9.0, 10.0, 11.0, 12.0], 200))[0] == {}
    counter = np.arange(1000.0)
    assert found(counter, np.arange(20_000.0, 20_500.0))[0] == {}
    assert found(-counter, -np.arange(20_000.0, 20_500.0))[0] == {}
    assert set(found(counter, 1000 * np.arange(1000.0, 1500.0))[0]) == {"out_of_range"}


def test_rare_events_that_many_rows_share_are_no_damage():
    rng = np.random.default_rng(14)
    rain = np.where(rng.random(3000) < 0.05, rng.exponential(0.1, 3000).round(2), 0.0)
    shower = np.where(np.arange(1000) < 60, 6 * rain.max(), 0.0)
    assert found(rain, shower + rng.permutation(rain)[:1000])[0] == {}


def test_a_feature_that_vanished_is_missing():
    rng = np.random.default_rng(9)
    shares, broken = found(winter(rng), np.full(100, np.nan))
    assert shares == {"missing": 1.0}
    assert broken.all()


@pytest.mark.parametrize(("share", "named", "damaged"), [(0.1, 0, 0), (0.4, 1, 0), (0.7, 1, 1)])
def test_new_categories_are_news_and_then_damage(share, named, damaged):
    rng = np.random.default_rng(10)
    before = rng.choice(np.array(["a", "b", "c"], dtype=object), size=900)
    now = rng.choice(np.array(["a", "b", "c"], dtype=object), size=1000)
    new = np.arange(1000) < 1000 * share
    now[new] = "z"
    shares, broken = found(before, now)
    assert shares == ({"unseen": share} if named else {})
    assert broken.tolist() == (new if damaged else np.zeros(1000, dtype=bool)).tolist()


def test_unreadable_cells_are_of_the_wrong_type_and_not_missing_as_well():
    rng = np.random.default_rng(11)
    now = winter(rng, 400)
    unreadable = np.arange(400) < 100
    now[unreadable] = np.nan
    shares, broken = found(winter(rng), now, unreadable)
    assert shares == {"type": 0.25}
    assert broken.tolist() == unreadable.tolist()


def test_problems_of_one_feature_are_joined():
    rng = np.random.default_rng(12)
    now = winter(rng, 400)
    now[:100], now[100:150] = np.nan, 9999.0
    shares, broken = found(winter(rng), now)
    assert shares == {"missing": 0.25, "out_of_range": 0.125}
    assert broken.tolist() == (np.arange(400) < 150).tolist()


@pytest.mark.parametrize("before", [[], [1.0], [np.nan] * 40, [np.inf] * 40, [5.0] * 40])
@pytest.mark.parametrize("now", [[], [1.0], [np.nan] * 40, [np.inf] * 40, [1e308, -1e308] * 20])
def test_the_edges_are_silent(before, now):
    shares, broken = found(np.array(before, dtype=float), np.array(now, dtype=float))
    assert all(0 < share <= 1 for share in shares.values())
    assert len(broken) == len(now)
