"""Which parts a home's stack has, on which ports, and what each is told."""

import secrets
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flows.stack.access import client_environ
from flows.stack.local import LOOPBACK, free_port
from flows.stack.part import Part
from flows.stack.servers import mlflow_part, prefect_part
from registry.addresses import without_password
from registry.home import Home


@dataclass(frozen=True)
class Plan:
    """What a supervisor keeps: the parts, their common environment, and what others are told."""

    mark: str
    parts: tuple[Part, ...]
    environ: Mapping[str, str]
    facts: Mapping[str, Any]


def plan(home: Home, configs: Sequence[Path], environ: Mapping[str, str]) -> Plan:
    """Plan the stack of a home.

    Args:
        home: where state is kept, see ``servers_home``.
        configs: of the models to deploy.
        environ: ``PREFECT_API_URL`` and ``MLFLOW_TRACKING_URI``, where set, name servers that
            run already; ``PREFECT_API_DATABASE_CONNECTION_URL`` and
            ``MLFLOW_ARTIFACTS_DESTINATION`` what ours keep their state in, in place of the home;
            ``FACTORY_AUTH`` who may use them.

    Raises:
        BadConfig: ``FACTORY_AUTH`` is malformed.
    """
    servers: list[Part] = []
    shared = {key: environ[key] for key in SHARED if environ.get(key)}
    if "PREFECT_API_URL" not in shared:
        port = free_port()
        shared["PREFECT_API_URL"] = f"http://{LOOPBACK}:{port}/api"
        servers.append(prefect_part(home, LOOPBACK, port, environ))
    if "MLFLOW_TRACKING_URI" not in shared:
        port = free_port()
        shared["MLFLOW_TRACKING_URI"] = f"http://{LOOPBACK}:{port}"
        servers.append(mlflow_part(home, LOOPBACK, port, environ))
    others = workers(home, configs, tuple(part.name for part in servers))
    links = {
        "Prefect": shared["PREFECT_API_URL"].removesuffix("/api"),
        "MLflow": shared["MLFLOW_TRACKING_URI"],
        **{part.name: part.link for part in others if part.link},
        "reports": home.reports.as_uri(),
    }
    ours = {**environ, **client_environ(environ), **shared, "FACTORY_HOME": str(home.path), **QUIET}
    facts = {"environ": shared, "links": links, "ledger": without_password(home.ledger_url)}
    return Plan(secrets.token_hex(8), (*servers, *others), ours, facts)


def workers(home: Home, configs: Sequence[Path], servers: tuple[str, ...]) -> list[Part]:
    """Return what stands on the servers: deployments, predictor, and a worker for each queue."""
    factory = (sys.executable, "-m", "flows.cli")
    told = ("--home", str(home.path))
    parts = []
    if configs:
        names, port = tuple(map(str, configs)), free_port()
        deploy = (*factory, "deploy", *names, *told)
        parts.append(Part("deploy", deploy, after=servers, once=True))
        url = f"http://{LOOPBACK}:{port}"
        serve = (*factory, "serve", *names, "--wait", "--port", str(port), *told)
        live = f"{url}/v2/health/live"
        parts.append(Part("predictor", serve, after=servers, health=live, link=url))
    for name, queue in (("worker", "default"), ("trainer", "gpu")):
        command = (*factory, "worker", "--queue", queue, "--name", name, *told)
        parts.append(Part(name, command, after=servers, says="started!", stop_seconds=20.0))
    return parts


SHARED = ("PREFECT_API_URL", "MLFLOW_TRACKING_URI")
"""What other commands in the same home are told."""
QUIET = {
    # What a part says is kept in its log.
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "INFO",
    "PYTHONUNBUFFERED": "1",
}
