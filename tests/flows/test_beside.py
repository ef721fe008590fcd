"""Columns that no model reads, and that part the rows all the same: sex beside the features."""

import json

import numpy as np
from small import command, world, write_config

from flows.cli import main
from flows.workplace import open_workplace


def told_apart(n, seed, **more):
    """The small world with a column that has no part in it, but of whom errors are larger."""
    rows = world(n, seed=seed, **more)
    rng = np.random.default_rng(seed)
    sex = rng.choice(["f", "m"], size=n)
    noise = np.where(sex == "f", 3.0, 0.0) * rng.normal(size=n)
    return rows.assign(y=rows["y"] + noise, sex=sex)


def test_groups_by_a_column_that_is_no_feature(tmp_path, window, capsys):
    told_apart(1_200, 1).to_csv(tmp_path / "train.csv", index=False)
    config = write_config(
        tmp_path,
        data={
            "path": "train.csv",
            "target": "y",
            "timestamp": "time",
            "id": "row",
            "ignore": ["sex"],
        },
        check={"groups": ["sex"], "segments": [["c", "sex"]]},
    )
    home = tmp_path / "home"
    code, told = command("train", str(config), home=home, capsys=capsys)
    assert code == 0
    assert told["features"] == ["a", "b", "c"]
    bundle = open_workplace(home).models.load("small", 1)
    assert [column.name for column in bundle.schema.beside] == ["sex"]
    assert set(bundle.reference["sex"]) == {"f", "m"}

    rows = told_apart(600, 2, start="2025-03-01", first=10_000)
    where = window(rows)
    _, found = command("check", "small", "--window", where, home=home, capsys=capsys)
    (groups,) = found["fairness"]
    errors = {g["group"]["sex"]: g["metrics"]["mean_absolute_error"] for g in groups["groups"]}
    assert errors["f"]["value"] > 2 * errors["m"]["value"]
    assert groups["gaps"]["mean_absolute_error_difference"]["low"] > 0
    assert len(found["segments"]) == 6
    assert found["unparted"] == []
    assert "sex" not in {signal["feature"] for signal in found["drift"]["features"]}

    lacking = window(rows.drop(columns="sex"), "lacking.csv")
    code, found = command("check", "small", "--window", lacking, home=home, capsys=capsys)
    assert code == 0
    assert (found["unparted"], found["fairness"], found["segments"]) == (["sex"], [], [])
    assert found["quality"] == []
    main(["check", "small", "--window", lacking, "--home", str(home)])
    assert "no row has a 'sex'" in capsys.readouterr().out

    moved = told_apart(1_500, 3, slope=-3.0, start="2025-06-01", first=20_000)
    moved["sex"] = moved["sex"].where(np.arange(1_500) % 50 != 0, None)
    _, body = command("run", "small", "--window", window(moved), home=home, capsys=capsys)
    assert body["champion_after"] == 2
    again = open_workplace(home).models.load("small", 2)
    assert again.schema == bundle.schema
    assert set(again.reference["sex"].dropna()) == {"f", "m"}


def test_a_column_that_is_not_there_is_refused_with_those_there_are(tmp_path, capsys):
    told_apart(300, 1).to_csv(tmp_path / "train.csv", index=False)
    config = write_config(tmp_path, check={"groups": ["gender"]})
    assert main(["train", str(config), "--home", str(tmp_path / "home"), "--json"]) == 2
    error = json.dumps(capsys.readouterr().err)
    assert "there is no column 'gender'" in error
