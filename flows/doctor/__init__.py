"""Looks whether an installation can work, and says how to mend what cannot."""

from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from pathlib import Path

from factory.errors import FactoryError
from flows.doctor.finding import Finding
from flows.environment import join

CHECKS = {
    "python": "flows.doctor.versions:python",
    "packages": "flows.doctor.versions:packages",
    "together": "flows.doctor.versions:together",
    "extras": "flows.doctor.versions:extras",
    "home": "flows.doctor.machine:home_folder",
    "disk": "flows.doctor.machine:disk",
    "ports": "flows.doctor.machine:ports",
    "clock": "flows.doctor.machine:clock",
    "gpu": "flows.doctor.machine:gpu",
    "servers": "flows.doctor.stores:servers",
    "ledger": "flows.doctor.stores:ledger",
    "mlflow": "flows.doctor.stores:mlflow",
    "stack": "flows.doctor.stores:stack",
}
"""Per check: a function of the home folder and the environment that returns findings."""


def examine(home: Path, environ: Mapping[str, str]) -> list[Finding]:
    """Run every check, as a command in this home would be run.

    Args:
        home: the factory's home folder.
        environ: of the command. A stack that runs is joined by it, or the reason why not is the
            first finding; a check that fails itself is one too.
    """
    found: list[Finding] = []
    environ = dict(environ)
    try:
        join(environ, home)
    except FactoryError as error:
        found.append(Finding("settings", "problem", error.problem, error.hint))
    for name, where in CHECKS.items():
        module, function = where.split(":")
        check: Callable[[Path, Mapping[str, str]], Iterable[Finding]]
        try:
            check = getattr(import_module(module), function)
            found += check(home, environ)
        except Exception as error:  # noqa: BLE001 - whatever is broken, the others are looked at
            said = f"could not be checked: {type(error).__name__}: {error}"
            found.append(Finding(name, "problem", said, "mend that, then look again"))
    return found
