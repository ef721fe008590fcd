"""Which parts a home's stack has, on which ports, and what each is told."""

import secrets
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flows.environment import prefect_command, prefect_database
from flows.stack.access import client_environ, mlflow_access, prefect_access
from flows.stack.local import LOOPBACK, free_port
from flows.stack.part import Part
from registry.addresses import without_password
from registry.home import Home

LEASES = "prefect.server.concurrency.lease_storage.filesystem"


@dataclass(frozen=True)
class Plan:
    """What a supervisor keeps: the parts, their common environment, and what others are told."""

    mark: str
    parts: tuple[Part, ...]
    environ: Mapping[str, str]
    facts: Mapping[str, Any]


def plan(home: Home, environ: Mapping[str, str]) -> Plan:
    """Plan the stack of a home.

    Args:
        home: where state is kept.
        environ: ``PREFECT_API_URL`` and ``MLFLOW_TRACKING_URI``, where set, name servers that
            run already; ``PREFECT_API_DATABASE_CONNECTION_URL``, ``MLFLOW_BACKEND_STORE_URI``
            and ``MLFLOW_ARTIFACTS_DESTINATION`` what ours keep their state in, in place of the
            home; ``FACTORY_AUTH`` who may use them.

    Raises:
        BadConfig: ``FACTORY_AUTH`` is malformed.
    """
    servers: list[Part] = []
    shared = {key: environ[key] for key in SHARED if environ.get(key)}
    if "PREFECT_API_URL" not in shared:
        port = free_port()
        shared["PREFECT_API_URL"] = f"http://{LOOPBACK}:{port}/api"
        servers.append(_prefect(home, port, environ))
    if "MLFLOW_TRACKING_URI" not in shared:
        port = free_port()
        shared["MLFLOW_TRACKING_URI"] = f"http://{LOOPBACK}:{port}"
        servers.append(_mlflow(home, port, environ))
    links = {
        "Prefect": shared["PREFECT_API_URL"].removesuffix("/api"),
        "MLflow": shared["MLFLOW_TRACKING_URI"],
        "reports": home.reports.as_uri(),
    }
    ours = {**environ, **client_environ(environ), **shared, "FACTORY_HOME": str(home.path), **QUIET}
    facts = {"environ": shared, "links": links, "ledger": without_password(home.ledger_url)}
    return Plan(secrets.token_hex(8), tuple(servers), ours, facts)


SHARED = ("PREFECT_API_URL", "MLFLOW_TRACKING_URI")
"""What other commands in the same home are told."""
QUIET = {
    # What a part says is kept in its log.
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "INFO",
    "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
    "PREFECT_WORKER_QUERY_SECONDS": "2",
    "PYTHONUNBUFFERED": "1",
}


def _prefect(home: Home, port: int, environ: Mapping[str, str]) -> Part:
    url = f"http://{LOOPBACK}:{port}"
    told = {
        "PREFECT_SERVER_API_HOST": LOOPBACK,
        "PREFECT_SERVER_API_PORT": str(port),
        "PREFECT_SERVER_UI_API_URL": f"{url}/api",
        # Leases kept in memory would be lost at a restart, and their slots taken for ever.
        "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": LEASES,
        **prefect_access(environ),
    }
    database = "PREFECT_API_DATABASE_CONNECTION_URL"
    told[database] = environ.get(database) or prefect_database(home.prefect)
    command = tuple(prefect_command(port))
    return Part("prefect", command, told, health=f"{url}/api/health", link=url)


def _mlflow(home: Home, port: int, environ: Mapping[str, str]) -> Part:
    access = mlflow_access(environ, home.path)
    command = [sys.executable, "-m", "mlflow", "server", "--host", LOOPBACK, "--port", str(port)]
    command += ["--app-name", "basic-auth"] if access else []
    remote = environ.get("MLFLOW_ARTIFACTS_DESTINATION")
    told = {
        "MLFLOW_BACKEND_STORE_URI": environ.get("MLFLOW_BACKEND_STORE_URI") or home.tracking_uri,
        "MLFLOW_WORKERS": "1",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        # Local files are read and written where they are, so that a home works without a server
        # too; those in a bucket go through the server, and clients need no key to it.
        "MLFLOW_SERVE_ARTIFACTS": "true" if remote else "false",
        **({} if remote else {"MLFLOW_DEFAULT_ARTIFACT_ROOT": home.artifacts.as_uri()}),
        **access,
    }
    url = f"http://{LOOPBACK}:{port}"
    return Part("mlflow", tuple(command), told, health=f"{url}/health", link=url)
