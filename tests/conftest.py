"""Real stores for tests: a migrated home per test, a PostgreSQL server per session."""

import ctypes
import os
import pwd
import shutil
import signal
import socket
import sqlite3
import subprocess
import tempfile
import time
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

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
    programs = _postgres_programs()
    with tempfile.TemporaryDirectory(prefix="factory-postgres-", dir="/tmp") as folder:
        user = _unprivileged(folder)
        data = Path(folder) / "data"
        port = _free_port()
        subprocess.run(
            [programs / "initdb", "-D", data, "-U", "factory", "-A", "trust", "--no-sync"],
            check=True, stdout=subprocess.DEVNULL, cwd=folder, **user,
        )  # fmt: skip
        options = {"listen_addresses": "127.0.0.1", "unix_socket_directories": folder,
                   "fsync": "off", "max_connections": "60"}  # fmt: skip
        flags = [part for key, value in options.items() for part in ("-c", f"{key}={value}")]
        with (Path(folder) / "log").open("wb") as log:
            server = subprocess.Popen(
                [programs / "postgres", "-D", data, "-p", str(port), *flags],
                stdout=log, stderr=log, cwd=folder, **user,
                preexec_fn=_die_with_parent,  # noqa: PLW1509 - it only calls prctl
            )  # fmt: skip
            try:
                _wait(server, programs, port, Path(folder) / "log")
                yield f"postgresql://factory@127.0.0.1:{port}/postgres"
            finally:
                server.send_signal(signal.SIGINT)
                server.wait(timeout=30)


def _postgres_programs() -> Path:
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: int(p.parent.name))
    if not folders:
        pytest.fail("PostgreSQL is not installed: apt-get install postgresql", pytrace=False)
    return folders[-1]


def _unprivileged(folder: str) -> dict[str, object]:
    """PostgreSQL refuses to run as root: own the folder, and run, as somebody else then."""
    if os.geteuid() != 0:
        return {}
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    entry = names.get("postgres") or names["nobody"]
    os.chown(folder, entry.pw_uid, entry.pw_gid)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def _die_with_parent() -> None:
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGINT)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _wait(server: subprocess.Popen, programs: Path, port: int, log: Path) -> None:
    ready = [programs / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)]
    for _ in range(600):
        if server.poll() is not None:
            break
        if subprocess.run(ready, check=False).returncode == 0:
            return
        time.sleep(0.05)
    pytest.fail(f"PostgreSQL did not start:\n{log.read_text()}", pytrace=False)
