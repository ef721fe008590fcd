"""Which code runs: our version and sources, and the libraries that models are made of."""

import hashlib
import platform
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

PACKAGES = ("factory", "flows", "registry", "training")
LIBRARIES = ("numpy", "pandas", "pyarrow", "scikit-learn", "scipy", "skops")


def code_version() -> dict[str, Any]:
    """Return our version, a hash over our sources, Python's version and the libraries'."""
    return {
        "version": version("drift-factory"),
        "sources": _sources(),
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in LIBRARIES},
    }


def code_changes(then: dict[str, Any]) -> list[str]:
    """Say in words what is other code than it was.

    Args:
        then: what ``code_version`` returned; empty where it was not recorded.
    """
    if not then:
        return ["which code it was made by is not recorded"]
    now = code_version()
    changes = [
        f"{name} {_short(then[name])} is now {_short(now[name])}"
        for name in ("version", "sources", "python")
        if then[name] != now[name]
    ]
    return changes + [
        f"{name} {then['libraries'].get(name)} is now {found}"
        for name, found in now["libraries"].items()
        if then["libraries"].get(name) != found
    ]


@lru_cache(maxsize=1)
def _sources() -> str:
    root = Path(__file__).parents[1]
    digest = hashlib.sha256()
    for package in PACKAGES:
        for path in sorted((root / package).rglob("*.py")):
            name, content = path.relative_to(root).as_posix().encode(), path.read_bytes()
            for part in (name, content):
                digest.update(len(part).to_bytes(8, "little") + part)
    return digest.hexdigest()


def _short(text: str) -> str:
    return text[:12]
