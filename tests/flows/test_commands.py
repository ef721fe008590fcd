"""Every command as a user calls it, and the JSON that others rely on."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from small import command, world, write_config

from factory.config import ModelConfig, load_config
from registry.inference.table import address, read

ROOT = Path(__file__).parents[2]
LATER = {"start": "2025-03-01", "first": 10_000}
TRAIN_KEYS = {
    "model", "version", "champion", "metric", "score", "metrics", "params", "features", "trials",
    "seconds", "run_id", "data_sha256",
}  # fmt: skip
SIGNAL_KEYS = {"feature", "kind", "detector", "statistic", "p_value", "effect", "alarm"}


def test_help_is_light():
    code = "import sys, flows.cli as c; c.parser(); print(*sorted(sys.modules))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"numpy", "pandas", "mlflow", "prefect", "sklearn", "sqlalchemy", "pydantic", "rich"}
    assert not heavy & set(out.stdout.split())


@pytest.mark.parametrize(
    ("load", "task", "metric"),
    [
        (load_wine, "multiclass", "accuracy"),
        (load_breast_cancer, "binary", "accuracy"),
        (load_diabetes, "regression", "mean_absolute_error"),
    ],
)
def test_init_train_and_run_on_data_of_ones_own(load, task, metric, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    frame = load(as_frame=True).frame
    if task == "multiclass":
        frame["target"] = frame["target"].map({0: "barolo", 1: "grignolino", 2: "barbera"})
    frame = frame.sample(frac=1, random_state=0)
    cut = len(frame) * 2 // 3
    frame[:cut].to_csv("mine.csv", index=False)
    frame[cut:].to_csv("later.csv", index=False)
    home = tmp_path / "home"
    code, told = command("init", "mine.csv", "--target", "target", home=home, capsys=capsys)
    assert (code, told["task"], told["metric"]) == (0, task, metric)
    text = Path("mine.yaml").read_text()
    assert text.startswith("# yaml-language-server: $schema=factory.schema.json")
    assert json.loads(Path("factory.schema.json").read_text()) == ModelConfig.model_json_schema()
    Path("mine.yaml").write_text(text.replace("trials: 25", "trials: 4"))
    code, told = command("train", "mine.yaml", home=home, capsys=capsys)
    assert code == 0
    assert set(told) >= TRAIN_KEYS
    assert told["champion"] == told["version"] == 1
    assert told["trials"] == 4
    assert len(told["data_sha256"]) == 64
    code, body = command("run", "mine", "--window", "later.csv", home=home, capsys=capsys)
    assert code == 0
    assert body["champion_after"] == 1
    assert body["check"]["performance"]["realised"]["rows"] == len(frame) - cut


def test_check_prints_the_promised_keys(shop, window, capsys):
    rows = world(600, seed=2, **LATER)
    name = window(rows)
    code, told = command("check", "small", "--window", name, home=shop / "home", capsys=capsys)
    assert code == 0
    assert set(told) >= {
        "model", "version", "window", "quality", "drift", "prediction_drift", "label_drift",
        "performance", "alarm",
    }  # fmt: skip
    assert set(told["window"]) >= {"rows", "sha256", "start", "end"}
    assert set(told["drift"]) >= {"alarm", "features", "joint"}
    assert set(told["drift"]["features"][0]) >= SIGNAL_KEYS
    assert set(told["drift"]["joint"]) >= {"detector", "statistic", "alarm"}
    assert set(told["prediction_drift"]) >= {"statistic", "effect", "alarm"}
    assert set(told["label_drift"]) >= {"statistic", "effect", "alarm"}
    performance = told["performance"]
    assert set(performance) >= {"metric", "reference", "realised", "estimated", "alarm"}
    assert set(performance["realised"]) >= {"value", "low", "high", "rows"}
    assert told["quality"] == []


def test_the_config_names_the_detectors(shop, window, capsys):
    chosen = {"number": "wasserstein", "category": "psi", "joint": "mmd"}
    config = write_config(shop, check={"detectors": chosen})
    arguments = ("check", str(config), "--window", window(world(600, seed=2, **LATER)))
    _, told = command(*arguments, home=shop / "home", capsys=capsys)
    used = {s["kind"]: s["detector"] for s in told["drift"]["features"]}
    assert used["number"] == told["prediction_drift"]["detector"] == "wasserstein"
    assert used["category"] == "psi"
    assert told["drift"]["joint"]["detector"] == "mmd"
    assert not told["alarm"]


def test_check_exits_with_1_on_an_alarm_only_when_asked(shop, window, capsys):
    name = window(world(600, seed=2, **LATER).assign(a=lambda f: f["a"] + 5))
    arguments = ("check", "small", "--window", name)
    assert command(*arguments, home=shop / "home", capsys=capsys)[0] == 0
    assert command(*arguments, "--exit-code", home=shop / "home", capsys=capsys)[0] == 1


def test_drift_needs_no_model(tmp_path, capsys):
    world(500, seed=1).to_csv(tmp_path / "a.csv", index=False)
    world(700, seed=2, **LATER).assign(a=9.0).to_parquet(tmp_path / "b.parquet")
    files = (str(tmp_path / "a.csv"), str(tmp_path / "b.parquet"))
    code, told = command("drift", *files, "--exit-code", home=tmp_path / "home", capsys=capsys)
    assert code == 1
    assert told["alarm"]
    assert told["rows"] == [500, 700]
    assert told["seconds"] > 0
    moved = {s["feature"] for s in told["features"] if s["alarm"]}
    assert moved == {"a"}
    assert all(set(s) >= SIGNAL_KEYS for s in told["features"])


def test_predict_writes_and_logs_every_row_with_an_id(shop, window, tmp_path, capsys):
    rows = world(100, seed=2, **LATER).drop(columns="y")
    output = tmp_path / "out.parquet"
    code, told = command(
        "predict", "small", "--input", window(rows), "--output", str(output),
        home=shop / "home", capsys=capsys,
    )  # fmt: skip
    assert (code, told["rows"]) == (0, 100)
    written = pd.read_parquet(output)
    assert written["prediction_id"].is_unique
    assert written["row"].tolist() == rows["row"].tolist()
    assert np.corrcoef(written["prediction"], rows["a"])[0, 1] > 0.8
    from flows.workplace import open_workplace  # noqa: PLC0415 - read the log as a user would

    logged = read(address(open_workplace(shop / "home").home, "predictions", "small")).to_pandas()
    assert set(logged["prediction_id"]) == set(written["prediction_id"])


def test_looking_back(shop, capsys):
    home = shop / "home"
    _, told = command("models", home=home, capsys=capsys)
    assert told["models"][0]["model"] == "small"
    _, told = command("status", home=home, capsys=capsys)
    assert told["models"][0]["champion"] == 1
    _, told = command("history", "small", home=home, capsys=capsys)
    assert told["history"][0]["version"] == 1
    _, told = command("history", "small", "--at", "2020-01-01", home=home, capsys=capsys)
    assert told["history"] == []


def test_promote_and_roll_back_by_hand(shop, capsys):
    home = shop / "home"
    command("train", str(shop / "small.yaml"), home=home, capsys=capsys)
    _, told = command("promote", "small", "2", "--why", "try it", home=home, capsys=capsys)
    assert (told["champion_before"], told["champion_after"]) == (1, 2)
    _, told = command("rollback", "small", home=home, capsys=capsys)
    assert (told["champion_before"], told["champion_after"]) == (2, 1)
    _, told = command("history", "small", home=home, capsys=capsys)
    assert [p["version"] for p in told["history"]] == [1, 2, 1]
    assert told["history"][1]["why"] == "try it"


@pytest.mark.parametrize("path", sorted((ROOT / "configs").glob("*.yaml")), ids=lambda p: p.name)
def test_example_configs_are_valid(path):
    assert load_config(path).name


def test_people_read_the_same(shop, window, capsys):
    from flows.cli import main  # noqa: PLC0415 - people's output, without --json

    name = window(world(600, seed=2, **LATER))
    for arguments in (
        ["check", "small", "--window", name],
        ["run", "small", "--window", name],
        ["models"],
        ["status"],
        ["history", "small"],
        ["decisions", "small"],
    ):
        assert main([*arguments, "--home", str(shop / "home")]) == 0
        assert "small" in capsys.readouterr().out


def test_the_readme_names_every_command_and_no_other():
    from flows.cli import COMMANDS  # noqa: PLC0415 - the table itself

    text = (ROOT / "README.md").read_text()
    named = set(re.findall(r"`factory ([a-z]+)", text)) | {"status", "history", "decisions"}
    assert named == {command.name for command in COMMANDS}
