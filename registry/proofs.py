"""The proof that a version may be served compiled, kept with it; it holds where it was made."""

import hashlib
import json
import platform
import sys
from dataclasses import asdict
from functools import lru_cache
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import factory
from factory.compiled.proof import Proof
from registry.client import MlflowException
from registry.files import fetched, file_hash

PROOF = "bundle/served.json"
"""The file, within the MLflow model."""
LIBRARIES = ("numpy", "scipy", "scikit-learn", "numba", "llvmlite", "pandas")
OURS = ("compiled/*.py", "adapt/*.py", "transformers.py")
"""Files of ``factory`` that a compiled form is made of."""


@lru_cache(maxsize=1)
def here() -> str:
    """Return what the last bits of a prediction hang on: processor, libraries and our own code."""
    found = [sys.implementation.cache_tag, platform.machine(), _processor()]
    for name in LIBRARIES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            found.append(f"no {name}")
    folder, code = Path(factory.__path__[0]), hashlib.sha256()
    for path in sorted(path for pattern in OURS for path in folder.glob(pattern)):
        code.update(path.read_bytes())
    return ", ".join([*found, f"code {code.hexdigest()[:16]}"])


def write_proof(proof: Proof, folder: Path) -> None:
    """Write how a version is served, and that it may be, beside its bundle."""
    (folder / PROOF).write_text(json.dumps(asdict(proof), indent=1, allow_nan=False))


def fetched_proof(location: str, tracking_uri: str, content: str) -> Proof | None:
    """Read how a version is served from where MLflow keeps it; None where that is not kept.

    Args:
        location: of the MLflow model.
        tracking_uri: of MLflow.
        content: SHA-256 that the file must have.
    """
    try:
        with fetched(f"{location}/{PROOF}", tracking_uri) as file:
            return Proof(**json.loads(file.read_text())) if file_hash(file) == content else None
    except (OSError, MlflowException, ValueError, TypeError):
        return None


def _processor() -> str:
    try:
        return str(import_module("llvmlite.binding").get_host_cpu_name())
    except ImportError:
        return platform.processor()
