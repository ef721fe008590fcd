import json
import os
import sqlite3
from contextlib import closing

import pytest

from flows.cli import main
from flows.doctor import CHECKS, examine, versions
from flows.doctor.stores import servers, stack
from flows.stack.state import write_state


def graded(findings, check):
    return [finding.grade for finding in findings if finding.check == check]


def test_a_sound_installation_has_no_problem(home, capsys, monkeypatch):
    for variable in ("PREFECT_API_URL", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(variable, raising=False)
    assert main(["doctor", "--home", str(home.path), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {f["check"] for f in told["findings"]} == set(CHECKS) - {"servers"}
    problems = [f for f in told["findings"] if f["grade"] == "problem"]
    assert problems == []
    assert all(f["fix"] for f in told["findings"] if f["grade"] == "warning")


def test_people_read_the_same(home, capsys):
    assert main(["doctor", "--home", str(home.path)]) == 0
    assert "required packages fit" in capsys.readouterr().out


def test_a_damaged_database_is_a_problem(home, capsys):
    (home.path / "ledger.db").write_bytes(b"no database" * 500)
    found = examine(home.path, {})
    assert graded(found, "ledger") == ["problem"]
    assert main(["doctor", "--home", str(home.path), "--exit-code"]) == 1
    assert "fix:" in capsys.readouterr().out


def test_an_mlflow_file_with_a_broken_page_is_a_problem(home):
    file = home.path / "mlflow.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")
    content = bytearray(file.read_bytes())
    middle = len(content) // 2 // 4096 * 4096
    content[middle : middle + 4096] = b"\xff" * 4096
    file.write_bytes(bytes(content))
    assert graded(examine(home.path, {}), "mlflow") == ["problem"]


def test_servers_that_do_not_answer_are_named_without_their_password(home):
    told = list(servers(home.path, {"MLFLOW_TRACKING_URI": "http://ann:secret@127.0.0.1:9"}))
    assert [finding.grade for finding in told] == ["problem"]
    assert "secret" not in told[0].said
    assert "MLFLOW_TRACKING_URI" in told[0].fix


def test_a_home_that_is_not_there_stays_so(tmp_path):
    found = examine(tmp_path / "none", {})
    assert graded(found, "home") == ["note"]
    assert not (tmp_path / "none").exists()


def test_a_killed_stack_is_told(home):
    (home.path / "stack").mkdir()
    write_state(home.path, {"mark": "gone", "pid": os.getpid(), "parts": []})
    assert [finding.grade for finding in stack(home.path, {})] == ["warning"]


@pytest.mark.parametrize(
    ("name", "installed", "said"),
    [
        ("fastapi", {"prefect": "3.8.8", "fastapi": "0.160"}, "422"),
        ("sqlalchemy", {"prefect": "3.8.8", "sqlalchemy": "2.1.0"}, "no runs"),
        ("keras", {"autokeras": "3.0.0", "keras": "3.13.1"}, "invalid value"),
        ("nannyml", {"nannyml": "0.13.1"}, "environment of its own"),
        ("factory_boy", {"factory_boy": "3.3"}, "top-level"),
    ],
)
def test_what_does_not_go_together_is_named(name, installed, said, tmp_path, monkeypatch):
    monkeypatch.setattr(versions, "_version", installed.get)
    found = list(versions.together(tmp_path, {}))
    assert [finding.grade for finding in found] == ["problem"]
    assert name in found[0].said
    assert said in found[0].said
    assert name in found[0].fix


def test_a_check_that_fails_is_a_finding(tmp_path, monkeypatch):
    monkeypatch.setitem(CHECKS, "ports", "flows.doctor.machine:nothing")
    assert graded(examine(tmp_path / "none", {}), "ports") == ["problem"]
