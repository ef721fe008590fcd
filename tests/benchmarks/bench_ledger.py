"""Decisions replayed byte for byte, edited bytes found, versions made again, the ledger's speed."""

import contextlib
import io
import json
import os
import sqlite3
import time
from collections import Counter
from contextlib import closing

import numpy as np
import pandas as pd
import pytest
import yaml
from prefect.settings import PREFECT_API_URL, temporary_settings
from sklearn.datasets import load_breast_cancer, load_diabetes

from factory.errors import FactoryError
from factory.nouns import DataVersion
from flows.cli import main
from flows.environment import prefect_server, prepare
from flows.replay import replay
from flows.reproduce import reproduce
from flows.workplace import open_unmended, open_workplace
from registry.ledger import Ledger
from registry.verify import verify_all

DECISIONS, EDITS, ROWS = 200, 200, 200
FAMILIES = ("linear", "tree", "forest", "boosting", "svm", "neighbours", "mlp")
TASKS = {"regression": load_diabetes, "binary": load_breast_cancer}
WHY = {"who": "me", "why": "better", "at": "2025-01-01T00:00:00+00:00"}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A Prefect server for all commands of this module, run in this process."""
    folder = tmp_path_factory.mktemp("prefect")
    prepare(os.environ, folder)
    with prefect_server(folder) as ready:
        ready()
        with temporary_settings({PREFECT_API_URL: os.environ["PREFECT_API_URL"]}):
            yield


def command(home, *arguments):
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        assert main([*arguments, "--home", str(home), "--json"]) == 0, arguments
    return json.loads(printed.getvalue())


def world(rows, seed, first=0, slope=3.0):
    """A number that follows from a, and from c; hourly."""
    rng = np.random.default_rng(seed)
    a, b, c = rng.normal(size=rows), rng.exponential(size=rows), rng.choice(["x", "y", "z"], rows)
    y = slope * a + 2.0 * (c == "x") + rng.normal(scale=0.5, size=rows)
    time = np.datetime64("2025-01-01T00", "h") + np.arange(first, first + rows)
    names = [f"r{i}" for i in range(first, first + rows)]
    return pd.DataFrame({"row": names, "time": time, "a": a, "b": b, "c": c, "y": y})


INCIDENTS = {
    "none": lambda f: f,
    "relation": lambda f: f.assign(y=f["y"] - 6.0 * f["a"]),
    "missing": lambda f: f.assign(a=None),
    "unit": lambda f: f.assign(a=1000.0 * f["a"]),
    "offset": lambda f: f.assign(y=f["y"] + 4.0),
    "no labels": lambda f: f.assign(a=f["a"] + 3.0, y=None),
    "broken without labels": lambda f: f.assign(a=None).drop(columns="y"),
    "renamed": lambda f: f.rename(columns={"b": "B"}),
}


def configured(folder, name, frame, data, **more):
    frame.to_csv(folder / f"{name}.csv", index=False)
    told = {"name": name, "data": {"path": f"{name}.csv", **data}, **more}
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(told))
    return str(path)


def decided(folder, count):
    """A home in which a real loop decided on so many windows, half of them incidents."""
    home = folder / "home"
    data = {"target": "y", "timestamp": "time", "id": "row"}
    search = {"families": ["linear"], "trials": 1, "folds": 2}
    check = {"corruptions": 0, "resamples": 100}
    command(home, "train", configured(
        folder, "m", world(600, seed=0), data, search=search, check=check,
        policy={"minimum_rows": 40, "searches": False},
    ))  # fmt: skip
    draw, kinds = np.random.default_rng(0), Counter()
    names = ["none"] * (len(INCIDENTS) - 1) + list(INCIDENTS)[1:]
    for number in range(count):
        incident = INCIDENTS[names[int(draw.integers(len(names)))]]
        rows = world(ROWS, seed=1 + number, first=1000 + ROWS * number)
        incident(rows).to_csv(folder / "window.csv", index=False)
        body = command(home, "run", "m", "--window", str(folder / "window.csv"))
        kinds[body["remedy"]["kind"]] += 1
    return home, kinds


def test_decisions_are_made_again_byte_for_byte_and_remedies_too(server, tmp_path, tell):
    home, kinds = decided(tmp_path, DECISIONS)
    place = open_workplace(home)
    decisions = place.ledger.decisions("m")
    started = time.process_time()
    shallow = [replay(d.id, place) for d in decisions]
    between = time.process_time()
    deep = [replay(d.id, place, deep=True) for d in decisions]
    ended = time.process_time()
    made = {v.version: reproduce("m", v.version, place) for v in place.ledger.versions("m")}
    largest = max(one.difference for one in made.values())
    checked = time.process_time()
    proof = verify_all(place.models)
    tell(
        f"{len(decisions)} decisions: {dict(kinds)}",
        f"replayed from inputs to the same bytes: {sum(r.same for r in shallow)}, "
        f"{1000 * (between - started) / len(decisions):.1f} ms each",
        f"replayed from rows and models to the same bytes: {sum(r.same for r in deep)}, "
        f"{1000 * (ended - between) / len(decisions):.0f} ms each",
        f"versions made again: {len(made)}, {dict(Counter(o.made for o in made.values()))}, "
        f"largest difference {largest:g}",
        f"ledger {(home / 'ledger.db').stat().st_size / 1e6:.1f} MB; verified in "
        f"{time.process_time() - checked:.1f} s: {proof}",
    )
    assert [r.differences for r in deep if not r.same] == []
    assert all(r.same for r in shallow)
    assert largest == 0
    assert [p.damage for p in proof] == [None]


def content(home):
    """What the ledger's file says, None where it cannot be read."""
    try:
        with closing(sqlite3.connect(home / "ledger.db")) as connection:
            queries = ("SELECT * FROM entries", "SELECT * FROM models", "PRAGMA integrity_check")
            return [connection.execute(query).fetchall() for query in queries]
    except sqlite3.Error:
        return None


def found(home):
    try:
        return any(proof.damage for proof in verify_all(open_unmended(home).models))
    except FactoryError:
        return True


def test_edited_bytes_are_found(server, tmp_path, tell):
    home, _ = decided(tmp_path, 12)
    draw, before = np.random.default_rng(0), content(home)
    models = [p for p in (home / "artifacts").rglob("*") if p.is_file() and "models" in p.parts]
    groups = {
        "ledger": [home / "ledger.db"],
        "rows and masks": sorted((home / "data").iterdir()),
        "model files": sorted(models),
    }
    edits, missed, empty = Counter(), [], 0
    assert not found(home)
    while edits.total() < EDITS:
        group = list(groups)[edits.total() % len(groups)]
        path = groups[group][int(draw.integers(len(groups[group])))]
        whole = path.read_bytes()
        position, flip = int(draw.integers(len(whole))), int(draw.integers(1, 256))
        path.write_bytes(whole[:position] + bytes([whole[position] ^ flip]) + whole[position + 1 :])
        if group == "ledger" and content(home) == before:
            # A byte of a page that no row uses.
            empty += 1
        else:
            edits[group] += 1
            if not found(home):
                missed.append((path, position, flip))
        path.write_bytes(whole)
    assert not found(home)
    tell(
        f"edits {dict(edits)}, missed {len(missed)}; {empty} bytes of the ledger's file held no row"
    )
    assert missed == []


def test_every_family_is_made_again(server, tmp_path, tell):
    home, differences = tmp_path / "home", {}
    for task, load in TASKS.items():
        frame = load(as_frame=True).frame.iloc[:440]
        for family in FAMILIES:
            name = f"{task}-{family}"
            search = {"families": [family], "trials": 2, "folds": 2}
            data = {"target": "target", "task": task}
            config = configured(
                tmp_path, name, frame, data, search=search, check={"corruptions": 0}
            )
            version = command(home, "train", config)["version"]
            made = reproduce(name, version, open_workplace(home))
            differences[name] = made.difference, made.moved
    tell(*(f"{name}: difference {d:g}, moved {m:g}" for name, (d, m) in differences.items()))
    assert set(differences.values()) == {(0.0, 0.0)}


def test_reading_the_champion_does_not_grow_with_the_ledger(tmp_path, tell, seconds):
    taken, listed = {}, {}
    for windows in (10, 1000):
        ledger = Ledger(f"sqlite:///{tmp_path}/{windows}.db")
        for number in range(windows):
            with ledger.transaction("m") as t:
                rows = DataVersion(f"{number:064}", ROWS)
                t.record_window(
                    rows, source="window", labelled=ROWS, quarantined=False,
                    file="f" * 64, broken="", at=WHY["at"],
                )  # fmt: skip
                t.record_decision(
                    f"d{number}", window_sha256=rows.sha256, champion_before=1, champion_after=1,
                    body=json.dumps({"told": "x" * 12_000}), at=WHY["at"],
                )  # fmt: skip
                t.promote(1 + number % 2, **WHY)
        taken[windows] = seconds(lambda ledger=ledger: [ledger.champion("m") for _ in range(20)])
        listed[windows] = seconds(lambda ledger=ledger: ledger.windows("m"))
        walked = seconds(lambda ledger=ledger: ledger.decisions("m"), times=3)
    ratio = taken[1000] / taken[10]
    tell(
        f"champion at 1,000 windows / at 10: {ratio:.2f} (asked: at most 2), "
        f"{1000 * taken[1000] / 20:.2f} ms a read",
        f"1,000 windows listed in {1000 * listed[1000]:.0f} ms, "
        f"1,000 decisions of 12 kB in {1000 * walked:.0f} ms",
    )
    assert ratio < 2
