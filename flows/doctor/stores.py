"""The stores and servers: databases, what is configured, what runs."""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from factory.errors import FactoryError
from flows.doctor.finding import Finding
from flows.doctor.machine import CLOCK_SECONDS
from flows.stack.local import answers
from flows.stack.part import STATE_READY
from flows.stack.state import running, stack_folder
from registry.addresses import without_password
from registry.home import open_home
from registry.ledger import Ledger


def servers(home: Path, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Look whether the servers that are configured answer."""
    del home
    for variable in ("PREFECT_API_URL", "MLFLOW_TRACKING_URI"):
        url = environ.get(variable, "").rstrip("/")
        if not url.startswith("http"):
            continue
        if answers(f"{url}/health"):
            yield Finding("servers", "ok", f"{variable} answers at {without_password(url)}")
        else:
            said = f"{variable} is {without_password(url)}, and nothing answers there."
            yield Finding("servers", "problem", said, f"start that server, or unset {variable}")


def ledger(home: Path, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Look whether the ledger's database works, is whole, and has our clock."""
    if not home.exists():
        return
    place = open_home(home, environ)
    shown = without_password(place.ledger_url)
    try:
        store = Ledger(place.ledger_url)
        damage = store.file_damage()
        moment = store.moment()
    except FactoryError as error:
        yield Finding("ledger", "problem", error.problem, error.hint)
        return
    apart = abs((datetime.now(UTC) - moment).total_seconds())
    if damage is not None:
        yield Finding("ledger", "problem", f"{shown} is damaged: {damage}.", "restore a backup")
    elif apart > CLOCK_SECONDS:
        said = f"The clock of {shown} is {apart:.0f} s from this machine's."
        yield Finding("ledger", "problem", said, "keep both by NTP")
    else:
        yield Finding("ledger", "ok", shown)


def mlflow(home: Path, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Look whether MLflow's store works and, where it is a file of ours, is whole."""
    if not home.exists():
        return
    from registry.client import connect  # noqa: PLC0415 - the other checks need no MLflow

    place = open_home(home, environ)
    shown = without_password(place.tracking_uri)
    file = place.path / "mlflow.db"
    try:
        connect(place)
    except FactoryError as error:
        yield Finding("mlflow", "problem", error.problem, error.hint)
        return
    if place.tracking_uri == f"sqlite:///{file}":
        with closing(sqlite3.connect(file)) as connection:
            found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if found != "ok":
            yield Finding("mlflow", "problem", f"{file} is damaged: {found}.", "restore a backup")
            return
    yield Finding("mlflow", "ok", shown)


def stack(home: Path, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Look at the parts of the stack, and for one that was killed."""
    del environ
    state = running(home)
    if state is None:
        if (stack_folder(home) / "state.json").exists():
            said = "A stack was killed here."
            yield Finding("stack", "warning", said, "factory up ends what it left")
        else:
            yield Finding("stack", "note", "no stack runs in this home", "factory up")
        return
    for part in state["parts"]:
        if part["state"] not in STATE_READY:
            said = f"{part['name']} is {part['state']}."
            yield Finding("stack", "problem", said, f"read {part['log']}")
        elif part["restarts"]:
            said = f"{part['name']} was started again {part['restarts']} times."
            yield Finding("stack", "warning", said, f"read {part['log']}")
        else:
            yield Finding("stack", "ok", f"{part['name']} is {part['state']}")
