import os
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from factory.errors import Unavailable
from registry.home import open_home


def test_a_home_holds_everything(tmp_path):
    home = open_home(tmp_path / "a" / "home", {})
    assert home.tracking_uri == f"sqlite:///{home.path}/mlflow.db"
    assert home.ledger_url == f"sqlite:///{home.path}/ledger.db"
    for folder in (home.artifacts, home.data, home.inference, home.reports, home.prefect):
        assert folder.is_dir()
        assert folder.parent == home.path
    assert open_home(home.path, {}) == home


def test_addresses_may_be_elsewhere(tmp_path):
    environ = {"MLFLOW_TRACKING_URI": "http://127.0.0.1:5000", "FACTORY_LEDGER_URL": "sqlite://"}
    home = open_home(tmp_path / "home", environ)
    assert (home.tracking_uri, home.ledger_url) == tuple(environ.values())
    assert not (home.path / "mlflow.db").exists()


def test_a_relative_path_becomes_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    home = open_home(tmp_path.__class__(".factory"), {})
    assert home.path == tmp_path / ".factory"


def test_mlflow_writes_ahead(tmp_path):
    home = open_home(tmp_path / "home", {})
    with closing(sqlite3.connect(home.path / "mlflow.db")) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_home_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    locked = "/proc/factory-home" if os.geteuid() == 0 else str(tmp_path / "locked" / "home")
    (tmp_path / "locked").mkdir(mode=0o500)
    for path in (tmp_path / "file", tmp_path / "file" / "home", tmp_path.__class__(locked)):
        with pytest.raises(Unavailable, match="cannot be written") as refused:
            open_home(path, {})
        assert refused.value.hint == "give --home another folder"


def test_a_corrupt_mlflow_database_is_refused(home):
    (home.path / "mlflow.db").write_bytes(b"no database" * 500)
    with pytest.raises(Unavailable, match="not a database"):
        open_home(home.path, {})


def test_opening_a_home_is_light():
    code = "import sys, registry.home; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert not {"mlflow", "pandas", "numpy", "sqlalchemy"} & set(loaded.stdout.split())
