"""Versions: of Python, of what we require, and of what does not go together."""

import importlib.util
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from packaging.requirements import Requirement

from flows.doctor.finding import Finding

OURS = "drift-factory"
OLDEST, NEWEST = (3, 11), (3, 12)
COLLECTIONS = {"all", "dev"}
"""Extras that bring others together."""
NEVER_BESIDE = {
    "nannyml": "its lightgbm fails with this scikit-learn; call it in an environment of its own",
    "factory_boy": "it installs a top-level package named factory, as ours is",
    "model-factory": "it is another project; ours is drift-factory",
}
"""Packages that break this one when they are installed beside it."""
WITH = (
    ("alibi-detect", "numpy<2", "alibi-detect fails with it"),
    ("alibi-detect", "tensorflow<2.19", "alibi-detect fails with it"),
    ("alibi-detect", "numba<0.60", "alibi-detect fails with it"),
    ("autokeras", "keras<3.13", "AutoKeras fails with 'invalid value for units'"),
    ("prefect", "fastapi<0.151", "Prefect's server answers 422 to null fields, or does not start"),
    ("prefect", "sqlalchemy<2.1", "Prefect's scheduler silently creates no runs"),
    ("mlserver", "uvloop<0.22", "MLServer's worker crashes"),
)
"""Where the first is installed, the second must hold, or else."""


def python(home: Path, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Look at the interpreter."""
    del home, environ
    have = sys.version_info[:2]
    said = f"Python {sys.version.split()[0]}"
    if OLDEST <= have <= NEWEST:
        yield Finding("python", "ok", said)
    else:
        yield Finding("python", "problem", f"{said} is not supported.", "use Python 3.11 or 3.12")


def packages(home: Path, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Look whether every required package is there in a version that fits."""
    del home, environ
    needed = [r for r in _requirements() if r.marker is None]
    wrong = [f for r in needed if (f := _fits(r)) is not None]
    yield from wrong
    if not wrong:
        yield Finding("packages", "ok", f"{len(needed)} required packages fit")
    found = importlib.util.find_spec("factory")
    if found is None or not Path(str(found.origin)).with_name("nouns.py").is_file():
        where = None if found is None else found.origin
        said = f"the package factory is not ours, but {where}."
        yield Finding("packages", "problem", said, "pip uninstall factory_boy factory")


def together(home: Path, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Look for packages that are known not to work together."""
    del home, environ
    wrong = [
        Finding(
            "together", "problem", f"{name} {have} is installed: {why}.", f"pip uninstall {name}"
        )
        for name, why in NEVER_BESIDE.items()
        if (have := _version(name)) is not None
    ]
    for name, wanted, why in WITH:
        need = Requirement(wanted)
        have = _version(need.name)
        if _version(name) is None or have is None or _holds(need, have):
            continue
        said = f"{need.name} {have} beside {name}: {why}."
        wrong.append(Finding("together", "problem", said, f"pip install '{wanted}'"))
    yield from wrong
    if not wrong:
        yield Finding("together", "ok", "nothing installed is known to break another")


def extras(home: Path, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Tell which extras are there, and look at the versions of those."""
    del home, environ
    by_extra: dict[str, list[Requirement]] = {}
    for requirement in _requirements():
        if requirement.marker is not None and requirement.name != OURS:
            extra = str(requirement.marker).split('"')[1]
            by_extra.setdefault(extra, []).append(requirement)
    for extra, needed in by_extra.items():
        if extra in COLLECTIONS:
            continue
        absent = [r.name for r in needed if _version(r.name) is None]
        if absent:
            said = f"{extra} is not installed ({', '.join(absent)})"
            yield Finding("extras", "note", said, f"pip install '{OURS}[{extra}]'")
            continue
        wrong = [f for r in needed if (f := _fits(r)) is not None]
        yield from wrong
        if not wrong:
            yield Finding("extras", "ok", f"{extra} is installed")


def _requirements() -> list[Requirement]:
    try:
        return [Requirement(text) for text in requires(OURS) or ()]
    except PackageNotFoundError:
        return []


def _fits(requirement: Requirement) -> Finding | None:
    have = _version(requirement.name)
    if have is not None and _holds(requirement, have):
        return None
    wanted = f"{requirement.name}{requirement.specifier}"
    said = f"{requirement.name} is {have or 'not installed'}, {wanted} is needed."
    return Finding("packages", "problem", said, f"pip install '{wanted}'")


def _holds(requirement: Requirement, have: str) -> bool:
    return requirement.specifier.contains(have, prereleases=True)


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
