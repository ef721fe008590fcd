import json
import stat

import pytest

from factory.config import parse_config
from factory.errors import BadConfig, Unavailable, UnknownModel
from flows.deployments.outputs import require_output
from flows.environment import join, run_flow
from flows.stack.access import client_environ, credentials, mlflow_access, prefect_access
from flows.stack.plan import plan
from flows.stack.state import holding, running, write_state
from flows.workplace import resolve, without_secret
from registry.databases import read_database

AUTH = {"FACTORY_AUTH": "ann:correct horse"}


def test_open_unless_asked(home):
    assert client_environ({}) == prefect_access({}) == mlflow_access({}, home.path) == {}


@pytest.mark.parametrize("told", ["ann", "ann:", ":correct horse", "ann:short"])
def test_a_malformed_password_is_refused_without_being_told(told):
    with pytest.raises(BadConfig) as refused:
        credentials({"FACTORY_AUTH": told})
    assert told not in str(refused.value)


def test_servers_and_clients_agree(home):
    password = client_environ(AUTH)["PREFECT_API_AUTH_STRING"]
    assert prefect_access(AUTH) == {"PREFECT_SERVER_API_AUTH_STRING": password}
    told, again = mlflow_access(AUTH, home.path), mlflow_access(AUTH, home.path)
    assert told["MLFLOW_AUTH_ADMIN_PASSWORD"] == client_environ(AUTH)["MLFLOW_TRACKING_PASSWORD"]
    key = "MLFLOW_FLASK_SERVER_SECRET_KEY"
    assert told[key] != again[key]


def test_no_secret_is_in_an_argument_a_file_or_what_others_are_told(home):
    url = "postgresql://me:correct%20horse@h/d"
    environ = {**AUTH, "MLFLOW_BACKEND_STORE_URI": url, "FACTORY_LEDGER_URL": url}
    planned = plan(home, (), environ)
    for part in planned.parts:
        assert not any("horse" in word for word in part.command)
    assert "horse" not in str(planned.facts)
    for path in (p for p in home.path.rglob("*") if p.is_file()):
        assert b"horse" not in path.read_bytes()


def test_the_lock_is_the_owners(tmp_path):
    with holding(tmp_path):
        assert stat.S_IMODE((tmp_path / "stack" / "lock").stat().st_mode) == 0o600


def test_commands_join_the_stack_that_runs(home):
    told = {
        "PREFECT_API_URL": "http://127.0.0.1:1/api",
        "MLFLOW_TRACKING_URI": "http://127.0.0.1:2",
    }
    environ = dict(AUTH)
    with holding(home.path):
        write_state(home.path, {"environ": told, "ledger": home.ledger_url})
        join(environ, home.path)
        assert environ == {**AUTH, **client_environ(AUTH), **told}
        mine = {"PREFECT_API_URL": "http://elsewhere/api"}
        join(mine, home.path)
        assert mine["PREFECT_API_URL"] == "http://elsewhere/api"
        with pytest.raises(Unavailable, match="keeps its ledger at"):
            join({"FACTORY_LEDGER_URL": "sqlite:///elsewhere.db"}, home.path)
    assert running(home.path) is None
    alone = {}
    join(alone, home.path)
    assert alone == {}


def test_a_password_is_no_parameter_of_a_run(tmp_path):
    with pytest.raises(BadConfig) as refused:
        run_flow("flows.monitor:monitor", tmp_path, window="postgresql://me:secret@h/d#t")
    assert "secret" not in str(refused.value)


def test_a_password_comes_from_the_environment_and_is_not_kept(monkeypatch):
    where = "sqlite:///${NOWHERE}#t"
    monkeypatch.delenv("NOWHERE", raising=False)
    with pytest.raises(BadConfig, match="NOWHERE"):
        read_database(where)
    data = {"path": "postgresql://me:${SHOP}@h/d#t", "target": "y"}
    kept = without_secret(parse_config({"name": "m", "data": data}, source="m"))
    assert kept.data.path == data["path"]


@pytest.mark.parametrize("name", ["../m", "a/b", "/etc/passwd", "", ".hidden", "a\0b", "m\n"])
def test_names_cannot_leave_the_home(name):
    with pytest.raises(UnknownModel):
        resolve(name)
    with pytest.raises(BadConfig):
        parse_config({"name": name, "data": {"path": "a", "target": "y"}}, source="m")


def test_outputs_stay_where_the_config_says(tmp_path):
    config, home = tmp_path / "models" / "m.yaml", tmp_path / "home"
    config.parent.mkdir()
    data = {"path": "a", "target": "y"}
    given = {"name": "m", "data": data, "deploy": {"predict": {"output": "/data/scores.csv"}}}
    config.write_text(json.dumps(given))
    for fine in ("/data/scores.csv", config.parent / "out.csv", home / "reports" / "out.csv"):
        require_output(str(fine), config, home)
    (config.parent / "way").symlink_to("/etc")
    for bad in ("/data/other.csv", "../out.csv", f"{config.parent}/../x.csv",
                f"{config.parent}/way/x.csv", f"{home}/data/x.parquet"):  # fmt: skip
        with pytest.raises(BadConfig, match="may not write"):
            require_output(bad, config, home)
    given["deploy"]["predict"]["output"] = "../scores.csv"
    with pytest.raises(BadConfig, match="leaves the config's folder"):
        parse_config(given, source="m")
