"""Looking back and proving: what served then and why, and that every record is what was written."""

import json
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest
from small import command, world

from flows.cli import main
from flows.workplace import open_workplace
from registry.ledger import Ledger

LATER = {"start": "2025-03-01", "first": 10_000}


@pytest.fixture(scope="module")
def decided(trained, tmp_path_factory):
    """A shop in which a moved relation was retrained."""
    folder = tmp_path_factory.mktemp("decided") / "shop"
    shutil.copytree(trained, folder)
    world(1500, seed=3, slope=-3.0, **LATER).to_csv(folder / "window.csv", index=False)
    window = str(folder / "window.csv")
    assert main(["run", "small", "--window", window, "--home", str(folder / "home"), "--json"]) == 0
    return folder


def test_what_served_then_and_why(decided, capsys):
    home = decided / "home"
    first, second = open_workplace(home).ledger.history("small")
    _, told = command("history", "small", "--at", first.at, home=home, capsys=capsys)
    assert (told["version"], told["decision"]) == (1, None)
    assert told["history"][0]["why"] == first.why
    _, told = command("history", "small", "--at", second.at, home=home, capsys=capsys)
    assert told["version"] == 2
    assert told["decision"]["decision"] == second.decision
    assert told["decision"]["remedy"]["kind"] == "retrain"
    assert told["decision"]["because"] in second.why
    _, told = command("history", "small", "--at", "2020-01-01", home=home, capsys=capsys)
    assert (told["version"], told["history"], told["decision"]) == (None, [], None)
    for at, said in ((second.at, "version 2"), (first.at, "beats"), ("2020-01-01", "nothing")):
        assert main(["history", "small", "--at", at, "--home", str(home)]) == 0
        assert said in capsys.readouterr().out


def test_every_record_is_what_was_written(decided, capsys):
    home = decided / "home"
    code, told = command("verify", "small", "--exit-code", home=home, capsys=capsys)
    assert code == 0
    assert told["whole"]
    [proof] = told["models"]
    assert (proof["model"], proof["damage"], proof["frames"], proof["versions"]) == (
        "small", None, 2, 2,
    )  # fmt: skip
    assert main(["verify", "--home", str(home)]) == 0
    assert "whole" in capsys.readouterr().out
    assert main(["verify", "smal", "--home", str(home)]) == 2
    assert "did you mean 'small'" in capsys.readouterr().err


def test_an_edited_decision_is_named_and_stops_who_reads_it(decided, capsys):
    home = decided / "home"
    ledger = home / "ledger.db"
    content = ledger.read_bytes()
    with closing(sqlite3.connect(ledger)) as connection:
        connection.execute(
            "UPDATE entries SET body = replace(body, 'concept_drift', 'concept_draft')"
        )
        connection.commit()
    try:
        code, told = command("verify", "--exit-code", home=home, capsys=capsys)
        assert code == 1
        assert not told["whole"]
        assert "decision" in told["models"][0]["damage"]
        assert main(["verify", "--home", str(home)]) == 0
        assert "was edited" in capsys.readouterr().out
        assert main(["decisions", "small", "--home", str(home)]) == 2
        assert "factory verify small" in capsys.readouterr().err
    finally:
        ledger.write_bytes(content)


def decision_of(home):
    return open_workplace(home).ledger.decisions("small")[-1]


@pytest.mark.parametrize("deep", [[], ["--deep"]])
def test_a_decision_is_made_again_to_the_same_bytes(decided, deep, capsys):
    home, decision = decided / "home", decision_of(decided / "home")
    arguments = ["replay", decision.id, *deep]
    code, told = command(*arguments, "--exit-code", home=home, capsys=capsys)
    assert (code, told["same"], told["differences"], told["changes"]) == (0, True, [], [])
    assert told["remedy"] == json.loads(decision.body)["remedy"]
    assert main([*arguments, "--home", str(home)]) == 0
    assert "the same bytes" in capsys.readouterr().out


def test_a_replay_says_what_came_out_another(decided, capsys, monkeypatch):
    home, decision = decided / "home", decision_of(decided / "home")
    body = json.loads(decision.body)
    body["because"] += "!"
    body["inputs"]["evidence"]["labelled"] += 1
    body["inputs"]["code"]["libraries"]["numpy"] = "0.1"
    monkeypatch.setattr(
        Ledger,
        "decision",
        lambda _, id: replace(decision, body=json.dumps(body)),  # noqa: A006
    )
    code, told = command("replay", decision.id, "--exit-code", home=home, capsys=capsys)
    assert (code, told["differences"]) == (1, ["because"])
    assert told["changes"][0].startswith("numpy 0.1 is now")
    _, told = command("replay", decision.id, "--deep", home=home, capsys=capsys)
    assert told["differences"] == ["because", "inputs.evidence.labelled"]


def test_an_unknown_decision_is_told(decided, capsys):
    assert main(["replay", "0123", "--home", str(decided / "home")]) == 2
    assert "factory decisions" in capsys.readouterr().err


@pytest.mark.parametrize(("version", "made"), [("1", "train"), ("2", "retrain")])
def test_a_version_is_made_again_with_the_same_predictions(decided, version, made, capsys):
    home = decided / "home"
    arguments = ["reproduce", "small", version]
    code, told = command(*arguments, "--exit-code", home=home, capsys=capsys)
    assert code == 0
    assert (told["difference"], told["moved"], told["made"], told["changes"]) == (0, 0, made, [])
    assert told["rows"] > 100
    assert main([*arguments, "--home", str(home)]) == 0
    assert "the same" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("made", "words"),
    [
        ({}, "how version 2 of 'small' was made is not recorded"),
        ({"by": "remedy", "decision": "none", "remedy": {"kind": "keep"}}, "never recorded"),
        ({"by": "train", "data_sha256": "0" * 64}, "are not kept"),
    ],
)
def test_a_version_whose_record_is_incomplete_says_so(decided, made, words, capsys, monkeypatch):
    home = decided / "home"
    entry = open_workplace(home).ledger.version("small", 2)
    monkeypatch.setattr(Ledger, "version", lambda *_: replace(entry, made=made))
    assert main(["reproduce", "small", "2", "--home", str(home)]) == 2
    assert words.lower() in capsys.readouterr().err.lower()
