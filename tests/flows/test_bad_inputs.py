"""Bad input: exit code 2, one message with a fix, and nothing written."""

import json
import os

import numpy as np
import pytest
from small import world, write_config

from flows.cli import main
from flows.workplace import open_workplace


def config(shop, **data):
    return str(write_config(shop, data={"path": "train.csv", "target": "y", **data}))


def raw_config(shop, text):
    (shop / "raw.yaml").write_text(text)
    return str(shop / "raw.yaml")


def spoilt(shop, change, **data):
    """A config whose training data went through ``change``."""
    change(world(300, seed=1)).to_csv(shop / "train.csv", index=False)
    return config(shop, **data)


def broken_file(shop, name, content):
    (shop / name).write_bytes(content)
    return str(shop / name)


def window_of(shop, change):
    change(world(300, seed=2, first=5000, start="2025-04-01")).to_csv(shop / "w.csv", index=False)
    return str(shop / "w.csv")


CASES = {
    "no such config": lambda s: ["train", str(s / "absent.yaml")],
    "config is no YAML": lambda s: ["train", raw_config(s, "a: [1")],
    "config is a list": lambda s: ["train", raw_config(s, "- 1")],
    "config is binary": lambda s: ["train", broken_file(s, "b.yaml", b"\xff\xfe\x00")],
    "unknown key": lambda s: ["train", str(write_config(s, sead=1))],
    "unknown nested key": lambda s: ["train", str(write_config(s, policy={"minimum_gian": 1}))],
    "value out of range": lambda s: ["train", str(write_config(s, search={"trials": 0}))],
    "bad model name": lambda s: ["train", str(write_config(s, name="a/b"))],
    "unknown metric": lambda s: ["train", str(write_config(s, metric="acuracy"))],
    "metric of another task": lambda s: ["train", str(write_config(s, metric="roc_auc"))],
    "unknown family": lambda s: ["train", str(write_config(s, search={"families": ["xgb"]}))],
    "loss a family lacks": lambda s: [
        "train", str(write_config(s, search={"families": ["forest"], "loss": "hinge"}))
    ],
    "no such data": lambda s: ["train", config(s, path="absent.csv")],
    "unknown file ending": lambda s: ["train", config(s, path="train.xlsx")],
    "empty file": lambda s: ["train", config(s, path=broken_file(s, "e.csv", b""))],
    "header only": lambda s: ["train", config(s, path=broken_file(s, "h.csv", b"a,y\n"))],
    "corrupt parquet": lambda s: ["train", config(s, path=broken_file(s, "c.parquet", b"PAR1xx"))],
    "folder without a table": lambda s: ["train", config(s, path=str(s))],
    "database that is absent": lambda s: ["train", config(s, path="sqlite:////absent/x.db#t")],
    "URL without a table": lambda s: ["train", config(s, path=f"sqlite:///{s}/x.db")],
    "no such target": lambda s: ["train", config(s, target="z")],
    "no such timestamp": lambda s: ["train", config(s, timestamp="when")],
    "target all missing": lambda s: ["train", spoilt(s, lambda f: f.assign(y=None))],
    "one class": lambda s: ["train", spoilt(s, lambda f: f.assign(y="yes"), task="binary")],
    "text as regression target": lambda s: [
        "train", spoilt(s, lambda f: f.assign(y="tall"), task="regression")
    ],
    "infinite target": lambda s: ["train", spoilt(s, lambda f: f.assign(y=np.inf))],
    "text in a number": lambda s: [
        "train",
        spoilt(s, lambda f: f.assign(a=f["a"].astype(object).where(f.index != 7, "oops")),
               types={"a": "number"}),
    ],
    "duplicate ids": lambda s: ["train", spoilt(s, lambda f: f.assign(row="r1"), id="row")],
    "no features": lambda s: ["train", spoilt(s, lambda f: f[["y"]])],
    "too few rows": lambda s: ["train", spoilt(s, lambda f: f.head(5))],
    "unparseable timestamp": lambda s: [
        "train", spoilt(s, lambda f: f.assign(time="soon"), timestamp="time")
    ],
    "data option absent": lambda s: ["train", config(s), "--data", str(s / "absent.csv")],
    "init without target": lambda s: ["init", str(s / "train.csv"), "--target", "z"],
    "init over a file": lambda s: [
        "init", str(s / "train.csv"), "--target", "y", "-o", str(s / "small.yaml")
    ],
    "model unknown": lambda s: ["run", "smal", "--window", window_of(s, lambda f: f)],
    "window absent": lambda s: ["run", "small", "--window", str(s / "absent.parquet")],
    "window lacks every feature": lambda s: [
        "run", "small", "--window", window_of(s, lambda f: f.drop(columns=["a", "b", "c"]))
    ],
    "window of text": lambda s: [
        "run", "small", "--window",
        window_of(s, lambda f: f.drop(columns="c").assign(a="x", b="x")),
    ],
    "input lacks a feature": lambda s: [
        "predict", "small", "--input", window_of(s, lambda f: f.drop(columns="a")),
        "--output", str(s / "out.csv"),
    ],
    "window is empty": lambda s: ["check", "small", "--window", window_of(s, lambda f: f.head(0))],
    "predict to an odd file": lambda s: [
        "predict", "small", "--input", window_of(s, lambda f: f), "--output", str(s / "out.txt")
    ],
    "predict to no folder": lambda s: [
        "predict", "small", "--input", window_of(s, lambda f: f),
        "--output", str(s / "no" / "o.csv"),
    ],
    "version unknown": lambda s: ["promote", "small", "99"],
    "roll back to nothing": lambda s: ["rollback", "small"],
    "roll back to an unknown version": lambda s: ["rollback", "small", "--to", "99"],
    "history of an unknown model": lambda s: ["history", "nobody"],
    "history at no time": lambda s: ["history", "small", "--at", "yesterday"],
    "drift of one file": lambda s: ["drift", str(s / "train.csv"), str(s / "absent.csv")],
}  # fmt: skip


def state(shop):
    """What must not change: files of value, versions, promotions, decisions, windows."""
    place = open_workplace(shop / "home")
    ledger = place.ledger
    kept = [p for d in ("data", "inference", "reports") for p in (shop / "home" / d).rglob("*")]
    return (
        sorted(map(str, kept)),
        place.models.versions("small"),
        ledger.history("small"),
        ledger.decisions("small"),
        ledger.windows("small"),
    )


@pytest.mark.parametrize("case", CASES)
def test_bad_input_is_refused(case, shop, capsys):
    arguments = CASES[case](shop)
    before = state(shop)
    files = sorted(p for p in shop.iterdir())
    capsys.readouterr()
    code = main([*arguments, "--home", str(shop / "home"), "--json"])
    printed = capsys.readouterr()
    assert code == 2, printed.err
    assert printed.out == ""
    assert printed.err.count("error: ") == 1, printed.err
    assert printed.err.count("\n  fix: ") == 1, printed.err
    assert "Traceback" not in printed.err
    assert state(shop) == before
    assert sorted(p for p in shop.iterdir()) == files


@pytest.mark.parametrize("arguments", [["fly"], ["run"], ["promote", "small", "two"], []])
def test_a_wrong_command_line_is_refused(arguments, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert "\n  fix: " in capsys.readouterr().err


def test_a_home_that_is_a_file_is_refused(tmp_path, shop, capsys):
    (tmp_path / "home").write_text("")
    assert main(["models", "--home", str(tmp_path / "home")]) == 2
    assert "fix: " in capsys.readouterr().err


def test_a_corrupt_ledger_is_refused(shop, capsys):
    (shop / "home" / "ledger.db").write_bytes(b"no database" * 500)
    assert main(["models", "--home", str(shop / "home")]) == 2
    assert "ledger" in capsys.readouterr().err


def test_a_corrupt_mlflow_database_is_refused(shop, capsys):
    (shop / "home" / "mlflow.db").write_bytes(b"no database" * 500)
    assert main(["models", "--home", str(shop / "home")]) == 2
    assert "fix: " in capsys.readouterr().err


def test_a_prefect_server_that_is_absent_is_refused(shop, window, capsys, monkeypatch):
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    name = window(world(50, seed=1))
    assert main(["run", "small", "--window", name, "--home", str(shop / "home")]) == 2
    assert "PREFECT_API_URL" in capsys.readouterr().err


def test_a_home_that_cannot_be_written_is_refused(shop, capsys):
    if os.geteuid() == 0:
        target = "/proc/factory-home"  # root may write anywhere but here
    else:
        (shop / "locked").mkdir(mode=0o500)
        target = str(shop / "locked" / "home")
    assert main(["models", "--home", target]) == 2
    assert "--home" in capsys.readouterr().err


def test_a_bad_config_message_names_the_nearest_key(shop, capsys):
    path = write_config(shop)
    path.write_text(json.dumps({**json.loads(path.read_text()), "polcy": {}}))
    assert main(["train", str(path), "--home", str(shop / "home")]) == 2
    assert "did you mean 'policy'?" in capsys.readouterr().err
