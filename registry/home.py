"""One folder that holds a factory's whole state, and the addresses of the stores in it."""

import sqlite3
import tempfile
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from factory.errors import Unavailable

LOCK_SECONDS = 30.0
LOCAL_UI = "http://127.0.0.1:5000"
"""Where ``mlflow ui`` answers unless told otherwise."""


@dataclass(frozen=True, slots=True)
class Home:
    """Where everything is kept.

    Attributes:
        path: the folder, absolute.
        tracking_uri: MLflow's store, for runs and models alike.
        ledger_url: SQLAlchemy URL of the ledger.
        log_url: folder of the inference log's tables, a path or a URL such as s3://bucket/log.
    """

    path: Path
    tracking_uri: str
    ledger_url: str
    log_url: str

    @property
    def artifacts(self) -> Path:
        """MLflow's artifacts, unless a tracking server keeps them."""
        return self.path / "artifacts"

    @property
    def data(self) -> Path:
        """Content-addressed tables."""
        return self.path / "data"

    @property
    def inference(self) -> Path:
        """What is on its way into the inference log, and its tables where they lie at home."""
        return self.path / "inference"

    @property
    def reports(self) -> Path:
        """Files for people."""
        return self.path / "reports"

    @property
    def prefect(self) -> Path:
        """Prefect's database and settings."""
        return self.path / "prefect"


def open_home(path: Path, environ: Mapping[str, str]) -> Home:
    """Create what is missing of a home folder, and return its addresses.

    Args:
        path: the folder.
        environ: ``MLFLOW_TRACKING_URI`` and ``FACTORY_LEDGER_URL``, where set, replace the
            SQLite files that the folder would hold, and ``FACTORY_LOG_URL`` the folder of the
            inference log.

    Raises:
        Unavailable: the folder cannot be written, or its MLflow database cannot be read.
    """
    path = path.expanduser().absolute()
    own = path / "mlflow.db"
    tracking_uri = environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{own}"
    ledger_url = ledger_address(path, environ)
    log_url = environ.get("FACTORY_LOG_URL") or str(path / "inference")
    home = Home(path, tracking_uri, ledger_url, log_url)
    try:
        for folder in (home.artifacts, home.data, home.inference, home.reports, home.prefect):
            folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        raise Unavailable(
            f"The home folder {path} cannot be written: {error.strerror}.",
            hint="give --home another folder",
        ) from None
    if tracking_uri == f"sqlite:///{own}":
        _write_ahead(own)
    return home


def ledger_address(path: Path, environ: Mapping[str, str]) -> str:
    """Return where the ledger of a home is; nothing is created."""
    return environ.get("FACTORY_LEDGER_URL") or f"sqlite:///{path / 'ledger.db'}"


def ui_address(home: Home) -> str:
    """Return where MLflow's pages are: at its server, else at a local ``mlflow ui``."""
    uri = home.tracking_uri
    return uri.rstrip("/") if uri.startswith(("http://", "https://")) else LOCAL_UI


def _write_ahead(database: Path) -> None:
    # MLflow commits five or six times per run it records; with a write-ahead log each commit
    # costs a third, and people who browse do not stop a training that writes.
    try:
        with closing(sqlite3.connect(database, timeout=LOCK_SECONDS)) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
    except sqlite3.Error as error:
        raise Unavailable(
            f"MLflow's database {database} cannot be used: {error}.",
            hint=f"restore {database} from a backup, or give --home another folder",
        ) from None
