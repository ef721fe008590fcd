"""Windows larger than memory: streamed, by one process or by many workers, they say the same."""

import json

import numpy as np
import pytest
from distributed import LocalCluster
from small import command, world

from factory.check import check
from factory.config import CheckConfig
from factory.errors import BadConfig, Unavailable
from factory.told import check_json
from flows import stream
from flows.pair import compare_tables
from flows.spread import RUNNERS, runner, spread
from flows.stream import gather, large, look
from flows.workplace import open_workplace
from registry.parts import parts_of
from registry.sources import read_window


@pytest.fixture
def champion(shop):
    place = open_workplace(shop / "home")
    version = place.models.champion("small")
    return place.models.load("small", version), version, str(shop / "home")


@pytest.fixture
def table(tmp_path):
    def write(rows, **more):
        frame = world(rows, seed=5, start="2025-03-01", first=10_000, **more)
        frame.loc[frame.index % 7 == 0, "b"] = np.nan
        frame["a"] += 0.5
        frame.to_parquet(tmp_path / "window.parquet", row_group_size=300)
        return str(tmp_path / "window.parquet")

    return write


def evidence(bundle, version, window, whole=None):
    told = check(
        bundle, window, bundle_check(bundle), model="small", version=version, seed=0, whole=whole
    )
    return check_json(told.evidence)


def bundle_check(bundle):
    from flows.workplace import config_of  # noqa: PLC0415 - only here

    return config_of(bundle.config, "small").check


def test_a_streamed_window_says_what_the_same_window_says_in_memory(champion, table):
    bundle, version, _ = champion
    location = table(1000)
    window, whole = gather([look(parts_of(location), bundle)], bundle)
    streamed = evidence(bundle, version, window, whole)
    held = evidence(bundle, version, read_window(location, bundle.schema, bundle.whole))
    assert streamed["drift"] == held["drift"]
    assert streamed["performance"] == held["performance"]
    assert streamed["window"]["rows"] == 1000
    assert {k: streamed["window"][k] for k in ("start", "end")} == {
        k: held["window"][k] for k in ("start", "end")
    }
    problems = {(q["feature"], q["problem"]) for q in streamed["quality"]}
    assert ("b", "missing") in problems
    json.dumps(streamed, allow_nan=False)


def test_only_some_rows_are_kept_whole(champion, table, monkeypatch):
    monkeypatch.setattr("factory.stream.SAMPLE", 200)
    bundle, version, _ = champion
    window, whole = gather([look(parts_of(table(1000)), bundle)], bundle)
    assert len(window.frame) == 200
    assert window.frame["time"].is_monotonic_increasing
    assert whole.profile.rows == 1000
    told = evidence(bundle, version, window, whole)
    assert told["window"]["rows"] == 1000
    assert told["labelled"] == 200


@pytest.mark.parametrize("name", ["thread", "dask"])
def test_many_workers_say_the_same(champion, table, name):
    bundle, version, home = champion
    parts = parts_of(table(1000))
    alone, alone_whole = gather([look(parts, bundle)], bundle)
    seen = spread(parts, "small", version, home, workers=3, kind=name)
    assert len(seen) == 3
    window, whole = gather(seen, bundle)
    assert window.version == alone.version
    assert evidence(bundle, version, window, whole) == evidence(bundle, version, alone, alone_whole)


def test_a_cluster_that_runs_is_used_by_its_address(champion, table):
    bundle, version, home = champion
    parts = parts_of(table(1000))
    with LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None) as cluster:
        seen = spread(parts, "small", version, home, workers=2, kind=cluster.scheduler_address)
    window, whole = gather(seen, bundle)
    assert whole.profile.rows == 1000
    assert window.version == gather([look(parts, bundle)], bundle)[0].version


def test_what_is_large_is_told_without_reading_it(table, monkeypatch):
    location = table(1000)
    assert large(location) == ()
    monkeypatch.setattr(stream, "CELLS", 5_999)
    assert len(large(location)) == 4


def test_a_runner_that_is_not_there_is_one_clear_error(monkeypatch):
    with pytest.raises(BadConfig, match="choose one of"):
        runner("spark", 2)
    monkeypatch.setitem(RUNNERS, "dask", ("no_such_module:Runner", "dask", dict))
    with pytest.raises(Unavailable, match=r"drift-factory\[dask\]"):
        runner("dask", 2)


def test_two_large_tables_are_compared_part_by_part(tmp_path, monkeypatch):
    for name, seed, shift in (("before", 1, 0.0), ("now", 2, 0.0), ("moved", 3, 1.0)):
        frame = world(4_000, seed=seed)
        frame["a"] += shift
        frame.to_parquet(tmp_path / f"{name}.parquet", row_group_size=700)
    before, now, moved = (str(tmp_path / f"{n}.parquet") for n in ("before", "now", "moved"))
    held = [compare_tables(before, other, CheckConfig())[0] for other in (now, moved)]
    monkeypatch.setattr(stream, "CELLS", 100)
    monkeypatch.setattr("flows.pair.ROWS", 10**9)
    for other, expected in zip((now, moved), held, strict=True):
        found, rows = compare_tables(before, other, CheckConfig())
        assert found == expected
        assert rows == (4_000, 4_000)
    monkeypatch.setattr("flows.pair.ROWS", 1_000)
    found, rows = compare_tables(before, moved, CheckConfig())
    assert max(found, key=lambda s: s.effect).feature == "a"
    assert rows == (4_000, 4_000)


@pytest.mark.parametrize("more", [(), ("--workers", "2")])
def test_the_command_streams_what_is_large(shop, table, monkeypatch, capsys, more):
    location = table(1000)
    ask = ("check", "small", "--window", location)
    _, held = command(*ask, home=shop / "home", capsys=capsys)
    monkeypatch.setattr(stream, "CELLS", 100)
    code, told = command(*ask, *more, home=shop / "home", capsys=capsys)
    assert code == 0
    assert told["window"]["rows"] == 1000
    assert told["drift"] == held["drift"]
    assert told["performance"]["realised"] == held["performance"]["realised"]
