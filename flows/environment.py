"""One environment for every process, and a Prefect server for commands that run alone."""

import importlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from factory.errors import Unavailable
from flows.stack.access import client_environ
from flows.stack.local import LOOPBACK, answers, die_with_parent, free_port
from flows.stack.state import running
from registry.addresses import require_no_password, without_password
from registry.home import ledger_address, open_home
from registry.settings import MLFLOW

START_SECONDS = 120.0
DEFAULTS = {
    "DO_NOT_TRACK": "true",
    **MLFLOW,
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
    # Threads that spin while they wait for each other are slow beside any busy neighbour.
    "OMP_NUM_THREADS": "1",
    # TensorFlow tells of every processor that it does not find.
    "TF_CPP_MIN_LOG_LEVEL": "3",
}


def prepare(environ: MutableMapping[str, str], prefect_home: Path) -> None:
    """Set what libraries read at import: no telemetry, state under the home, one thread a fit."""
    for key, value in DEFAULTS.items():
        environ.setdefault(key, value)
    environ.setdefault("PREFECT_HOME", str(prefect_home))


def join(environ: MutableMapping[str, str], home: Path) -> None:
    """Use the stack that runs in a home, where one does and nothing else was configured.

    Raises:
        Unavailable: it keeps its ledger elsewhere than this process would.
        BadConfig: ``FACTORY_AUTH`` is malformed.
    """
    for key, value in client_environ(environ).items():
        environ.setdefault(key, value)
    stack = running(home)
    if stack is None:
        return
    own = without_password(ledger_address(home, environ))
    if own != stack["ledger"]:
        raise Unavailable(
            f"The factory that is up in {home} keeps its ledger at {stack['ledger']}, "
            f"this command would at {own}.",
            hint="set FACTORY_LEDGER_URL as it was set for factory up",
        )
    for key, value in stack["environ"].items():
        environ.setdefault(key, value)


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
        if not answers(f"{configured}/health"):
            raise Unavailable(
                f"PREFECT_API_URL is {configured}, and nothing answers there.",
                hint="start that server, or unset PREFECT_API_URL",
            )
        yield lambda: None
        return
    port = free_port()
    url = f"http://{LOOPBACK}:{port}/api"
    log = prefect_home / "server.log"
    with log.open("ab") as sink:
        server = subprocess.Popen(  # noqa: S603 - our own interpreter, fixed arguments
            prefect_command(port),
            env=_server_environ(prefect_home),
            stdout=sink,
            stderr=sink,
            preexec_fn=die_with_parent,  # noqa: PLW1509 - no threads have started yet
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
        **parameters: the flow's others; Prefect keeps them.

    Raises:
        BadConfig: a parameter is an address with a password.
    """
    for value in parameters.values():
        if isinstance(value, str):
            require_no_password(value)
    with prefect_server(open_home(home, os.environ).prefect) as ready:
        module, name = where.split(":")
        flow = getattr(importlib.import_module(module), name)
        ready()
        try:
            answer = flow(**parameters, home=str(home))
        finally:
            importlib.import_module("flows.steps").drain()
        return answer


def prefect_command(port: int, host: str = LOOPBACK) -> list[str]:
    """Return the arguments that start a Prefect server."""
    app = "flows.stack.prefect_app:create_app"
    where = ["--host", host, "--port", str(port)]
    return [sys.executable, "-m", "uvicorn", "--factory", app, *where, "--log-level", "warning"]


def prefect_database(prefect_home: Path) -> str:
    """Return the URL of a home's own Prefect database."""
    return f"sqlite+aiosqlite:///{prefect_home}/prefect.db"


def _server_environ(prefect_home: Path) -> dict[str, str]:
    return {
        "PREFECT_API_DATABASE_CONNECTION_URL": prefect_database(prefect_home),
        **os.environ,
        "PREFECT_SERVER_SERVICES_SCHEDULER_ENABLED": "false",
        "PREFECT_SERVER_SERVICES_LATE_RUNS_ENABLED": "false",
        "PREFECT_UI_ENABLED": "false",
    }


def _wait(server: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if server.poll() is not None:
            break
        if answers(f"{url}/health"):
            return
        time.sleep(0.05)
    raise Unavailable(f"The local Prefect server did not start; see {log}.", hint="read that log")
