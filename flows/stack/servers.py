"""The servers of a stack: Prefect's and MLflow's, as parts."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path

from flows.environment import prefect_command, prefect_database
from flows.stack.access import mlflow_access, prefect_access
from flows.stack.local import LOOPBACK
from flows.stack.part import Part
from registry.home import Home, open_home

LEASES = "prefect.server.concurrency.lease_storage.filesystem"
ORDERING = "flows.stack.ordering"
EVERYWHERE = "0.0.0.0"  # noqa: S104 - only compared with


def servers_home(path: Path, environ: Mapping[str, str]) -> Home:
    """Open a home as its MLflow server does: on the database itself.

    Args:
        path: the folder.
        environ: ``MLFLOW_BACKEND_STORE_URI`` names a database elsewhere.

    Raises:
        Unavailable: the folder cannot be written, or its database cannot be read.
    """
    server = environ.get("MLFLOW_TRACKING_URI", "")
    database = environ.get("MLFLOW_BACKEND_STORE_URI") or server
    return open_home(path, {**environ, "MLFLOW_TRACKING_URI": database})


def prefect_part(home: Home, host: str, port: int, environ: Mapping[str, str]) -> Part:
    """Return Prefect's server, with its pages and services.

    Args:
        home: keeps its database, unless ``PREFECT_API_DATABASE_CONNECTION_URL`` is set.
        host: address to listen on.
        port: the same.
        environ: as above; ``PREFECT_SERVER_UI_API_URL`` is where browsers find the API,
            ``FACTORY_AUTH`` who may use it.
    """
    url = f"http://{_near(host)}:{port}"
    told = {
        "PREFECT_API_DATABASE_CONNECTION_URL": prefect_database(home.prefect),
        "PREFECT_SERVER_UI_API_URL": f"{url}/api",
        **KEPT,
        **{key: environ[key] for key in PREFECT_SET if environ.get(key)},
        "PREFECT_SERVER_API_HOST": host,
        "PREFECT_SERVER_API_PORT": str(port),
        # Leases kept in memory would be lost at a restart, and their slots taken for ever.
        "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": LEASES,
        "PREFECT_SERVER_EVENTS_CAUSAL_ORDERING": ORDERING,
        **prefect_access(environ),
    }
    command = tuple(prefect_command(port, host))
    return Part("prefect", command, told, health=f"{url}/api/health", link=url)


HOUR, DAY = 3600, 86400
BRIEF = ("Pending", "Running", "Completed", "Failed", "Crashed", "Cancelled", "Retrying",
         "AwaitingRetry", "Cached", "Scheduled", "Paused")  # fmt: skip
KEPT = {
    # Each state of each task is an event of 7 KB that says what the task run says as well.
    "PREFECT_SERVER_SERVICES_DB_VACUUM_EVENT_RETENTION_OVERRIDES": json.dumps(
        {f"prefect.task-run.{state}": HOUR // 4 for state in BRIEF}
        | {"prefect.flow-run.heartbeat": HOUR}
    ),
    "PREFECT_SERVER_EVENTS_RETENTION_PERIOD": "P2D",
    "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs",
    "PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD": str(30 * DAY),
    "PREFECT_SERVER_SERVICES_DB_VACUUM_LOOP_SECONDS": str(HOUR // 4),
    # Runs are scheduled an hour ahead, three at least; Prefect has a hundred of every schedule.
    "PREFECT_SERVER_SERVICES_SCHEDULER_MAX_SCHEDULED_TIME": "PT1H",
}
"""What Prefect's database keeps, so that it does not grow for ever; decisions are the ledger's.

A user's own setting stands.
"""
PREFECT_SET = ("PREFECT_API_DATABASE_CONNECTION_URL", "PREFECT_SERVER_UI_API_URL", *KEPT)


def mlflow_part(home: Home, host: str, port: int, environ: Mapping[str, str]) -> Part:
    """Return MLflow's server.

    Args:
        home: see ``servers_home``; keeps files, unless ``MLFLOW_ARTIFACTS_DESTINATION`` is set.
        host: address to listen on.
        port: the same.
        environ: as above; ``FACTORY_AUTH`` says who may use it.
    """
    access = mlflow_access(environ, home.path)
    command = [sys.executable, "-m", "mlflow", "server", "--host", host, "--port", str(port)]
    command += ["--app-name", "basic-auth"] if access else []
    remote = environ.get("MLFLOW_ARTIFACTS_DESTINATION")
    told = {
        # Addresses may hold passwords, and arguments show in process lists.
        "MLFLOW_BACKEND_STORE_URI": home.tracking_uri,
        "MLFLOW_WORKERS": "1",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        # Local files are read and written where they are, so that a home works without a server
        # too; those in a bucket go through the server, and clients need no key to it.
        "MLFLOW_SERVE_ARTIFACTS": "true" if remote else "false",
        **({} if remote else {"MLFLOW_DEFAULT_ARTIFACT_ROOT": home.artifacts.as_uri()}),
        **access,
    }
    url = f"http://{_near(host)}:{port}"
    return Part("mlflow", tuple(command), told, health=f"{url}/health", link=url)


def _near(host: str) -> str:
    return LOOPBACK if host == EVERYWHERE else host
