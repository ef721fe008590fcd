"""Looking back and proving: what served then and why, and that every record is what was written."""

import sqlite3
from contextlib import closing

import pytest
from small import command, world

from flows.cli import main
from flows.workplace import open_workplace

LATER = {"start": "2025-03-01", "first": 10_000}


@pytest.fixture(scope="module")
def decided(trained, tmp_path_factory):
    """A shop in which a moved relation was retrained."""
    import shutil  # noqa: PLC0415 - one use

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
