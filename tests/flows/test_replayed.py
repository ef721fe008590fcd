"""A model whose rows may not be kept: each version draws their like for the next."""

import json
from pathlib import Path

import numpy as np
import pytest
from small import command, world, write_config

from factory.config import load_config
from factory.errors import BadData
from flows.cli import main
from flows.recall import Stored
from flows.replayed import DRAWN, HELD, older_of
from flows.workplace import open_workplace
from registry.frames import load_frame

LATER = {"start": "2025-03-01", "first": 10_000}


@pytest.fixture(scope="module")
def forgetful(tmp_path_factory, prefect_api):
    """A shop whose champion was trained, and then retrained on a window, with nothing kept."""
    folder = tmp_path_factory.mktemp("forgetful")
    world(1200, seed=1).to_csv(folder / "train.csv", index=False)
    config = write_config(folder, replay={"rows": 1000})
    assert main(["train", str(config), "--home", str(folder / "home")]) == 0
    world(1500, seed=3, slope=-3.0, **LATER).to_csv(folder / "window.csv", index=False)
    window = str(folder / "window.csv")
    assert main(["run", "small", "--window", window, "--home", str(folder / "home")]) == 0
    decision = open_workplace(folder / "home").ledger.newest_decision("small")
    return folder, json.loads(decision.body)


def frames(folder: Path):
    return sorted(path.stem for path in (folder / "home" / "data").glob("*.parquet"))


def test_what_a_version_learnt_from_is_removed_and_drawn_anew(forgetful, capsys):
    folder, _ = forgetful
    place = open_workplace(folder / "home")
    windows = place.ledger.windows("small")
    assert [w.source for w in windows] == ["train", "window"]
    assert frames(folder) == []
    with pytest.raises(BadData, match="version 2 of 'small' draws their like"):
        load_frame(place.home, windows[0].sha256)
    [table] = Stored(place, "small").tables()
    assert (table.sha256, table.trained) == (DRAWN, True)
    assert table.stands == tuple(w.sha256 for w in windows)
    rows, marks = table.read()
    assert len(rows) == 2000
    assert marks[HELD].sum() == 1000
    real = world(1200, seed=1)
    assert not set(rows["row"]) & set(real["row"])
    assert not set(rows["a"]) & set(real["a"])
    code, told = command("verify", "small", "--exit-code", home=folder / "home", capsys=capsys)
    assert (code, told["whole"]) == (0, True)


def test_the_gate_looks_for_what_was_forgotten_on_rows_that_were_drawn(forgetful):
    _, body = forgetful
    assert body["remedy"]["kind"] == "retrain"
    assert body["champion_after"] == 2
    [test] = [t for t in body["verdict"]["tests"] if t["name"] == "forgetting"]
    assert "The relation has moved" in test["because"]


def test_a_training_learns_from_older_rows_too(forgetful, capsys):
    folder, _ = forgetful
    config = folder / "small.yaml"
    place = open_workplace(folder / "home")
    older = older_of(load_config(config), place)
    assert len(older.frame) == 1000
    assert np.isfinite(older.frame["y"]).all()
    new = world(200, seed=8, slope=-3.0, start="2025-08-01", first=60_000)
    new.to_csv(folder / "new.csv", index=False)
    _, told = command(
        "train", str(config), "--data", str(folder / "new.csv"), home=folder / "home", capsys=capsys
    )
    bundle = place.models.load("small", told["version"])
    assert bundle.replay.rows == 1200
    assert bundle.replay.tables[:-1] == older.tables
    # It is judged on real rows alone.
    assert set(bundle.reference["row"]) <= set(new["row"])
    assert frames(folder) == []
