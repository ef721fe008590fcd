"""One environment for every process, and a Prefect server for commands that run alone."""

import ctypes
import importlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from factory.errors import Unavailable
from registry.home import open_home

START_SECONDS = 120.0
DEFAULTS = {
    "DO_NOT_TRACK": "true",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
    # Threads that spin while they wait for each other are slow beside any busy neighbour.
    "OMP_NUM_THREADS": "1",
}


def prepare(environ: MutableMapping[str, str], prefect_home: Path) -> None:
    """Set what libraries read at import: no telemetry, state under the home, one thread a fit."""
    for key, value in DEFAULTS.items():
        environ.setdefault(key, value)
    environ.setdefault("PREFECT_HOME", str(prefect_home))


@contextmanager
def prefect_server(prefect_home: Path) -> Iterator[Callable[[], None]]:
    """Have a Prefect API to record runs in: the one configured, else our own for a while.

    Our own server listens on a free loopback port, keeps its database in ``prefect_home``, and
    ends with the block or with this process, whichever comes first. It starts while the caller
    imports what it needs.

    Yields:
        A function that waits until the API answers; call it before the first flow.

    Raises:
        Unavailable: PREFECT_API_URL is set and does not answer, or our server did not start.
    """
    configured = os.environ.get("PREFECT_API_URL")
    if configured:
        if not _answers(configured):
            raise Unavailable(
                f"PREFECT_API_URL is {configured}, and nothing answers there.",
                hint="start that server, or unset PREFECT_API_URL",
            )
        yield lambda: None
        return
    port = _free_port()
    url = f"http://127.0.0.1:{port}/api"
    log = prefect_home / "server.log"
    with log.open("ab") as sink:
        server = subprocess.Popen(  # noqa: S603 - our own interpreter, fixed arguments
            _command(port),
            env=_server_environ(prefect_home),
            stdout=sink,
            stderr=sink,
            preexec_fn=_die_with_parent,  # noqa: PLW1509 - no threads have started yet
            start_new_session=True,
        )
    os.environ["PREFECT_API_URL"] = url
    try:
        yield lambda: _wait(server, url, log)
    finally:
        del os.environ["PREFECT_API_URL"]
        server.terminate()
        try:
            server.wait(timeout=10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def run_flow(where: str, home: Path, **parameters: object) -> Any:
    """Import a flow while a Prefect server starts, run it in this process, return its answer.

    Args:
        where: "module:flow".
        home: the factory's home folder, also the flow's parameter ``home``.
        **parameters: the flow's others.
    """
    with prefect_server(open_home(home, os.environ).prefect) as ready:
        module, name = where.split(":")
        flow = getattr(importlib.import_module(module), name)
        ready()
        try:
            answer = flow(**parameters, home=str(home))
        finally:
            importlib.import_module("flows.steps").drain()
        return answer


def _command(port: int) -> list[str]:
    app = "prefect.server.api.server:create_app"
    where = ["--host", "127.0.0.1", "--port", str(port)]
    return [sys.executable, "-m", "uvicorn", "--factory", app, *where, "--log-level", "warning"]


def _server_environ(prefect_home: Path) -> dict[str, str]:
    return {
        **os.environ,
        "PREFECT_API_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{prefect_home}/prefect.db",
        "PREFECT_SERVER_SERVICES_SCHEDULER_ENABLED": "false",
        "PREFECT_SERVER_SERVICES_LATE_RUNS_ENABLED": "false",
        "PREFECT_UI_ENABLED": "false",
    }


def _die_with_parent() -> None:
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _answers(url: str) -> bool:
    try:
        with urlopen(f"{url}/health", timeout=2) as answer:  # noqa: S310 - the configured API
            return bool(answer.status == HTTPStatus.OK)
    except (URLError, OSError, ValueError):
        return False


def _wait(server: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if server.poll() is not None:
            break
        if _answers(url):
            return
        time.sleep(0.05)
    raise Unavailable(f"The local Prefect server did not start; see {log}.", hint="read that log")
