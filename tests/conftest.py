"""Real stores for tests: a migrated home per test, a PostgreSQL server per session."""

import os
import shutil
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from postgres import Postgres

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

collect_ignore_glob = ["conftest.py", "*/conftest.py"]
"""Several files of this name hold no doctests, and one name can be imported once only."""

# A busy machine is no reason to fail.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


@pytest.fixture(scope="session")
def migrated(tmp_path_factory):
    """MLflow's database with its tables, made once; a test gets a copy."""
    from registry.client import connect  # noqa: PLC0415 - MLflow takes seconds to import
    from registry.home import open_home  # noqa: PLC0415 - as above

    folder = tmp_path_factory.mktemp("migrated")
    connect(open_home(folder / "home", {}))
    template = folder / "mlflow.db"
    with closing(sqlite3.connect(folder / "home" / "mlflow.db")) as connection:
        connection.execute("VACUUM INTO ?", (str(template),))
    return template


@pytest.fixture
def home(migrated, tmp_path):
    """An empty home folder whose MLflow database needs no migration."""
    from registry.home import open_home  # noqa: PLC0415 - as above

    folder = tmp_path / "home"
    folder.mkdir()
    shutil.copy(migrated, folder / "mlflow.db")
    return open_home(folder, {})


@pytest.fixture
def models(home):
    """The models of an empty home."""
    from registry.ledger import Ledger  # noqa: PLC0415 - as above
    from registry.models import Models  # noqa: PLC0415 - as above

    return Models(home, Ledger(home.ledger_url))


@pytest.fixture
def keep(home, models):
    """Register a bundle under a run of its own, and return its version."""
    from registry.runs import Runs  # noqa: PLC0415 - as above

    runs = Runs(home)

    def save(bundle, name="m", **tags):
        with runs.run(name, "train") as run_id:
            return models.save(bundle, name, run_id, data_sha256="f" * 64, tags=tags)

    return save


@pytest.fixture(params=["csv", "parquet"])
def put(request, tmp_path):
    """Write a table as CSV or Parquet, and return the file's name."""

    def write(frame, name="rows"):
        path = tmp_path / f"{name}.{request.param}"
        if request.param == "csv":
            frame.to_csv(path, index=False)
        else:
            frame.to_parquet(path)
        return str(path)

    return write


@pytest.fixture(scope="session")
def postgres_url():
    """The URL of a PostgreSQL server of our own, its superuser, and database ``postgres``."""
    # Its folder is not pytest's: another user must come to it.
    with tempfile.TemporaryDirectory(prefix="factory-postgres-", dir="/tmp") as folder:
        server = Postgres(Path(folder), max_connections="60")
        try:
            server.wait()
            yield server.url
        finally:
            server.stop()
