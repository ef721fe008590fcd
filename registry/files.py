"""The content of files, by hashes."""

import hashlib
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlparse

from registry.client import mlflow


def file_hash(path: Path) -> str:
    """Return the SHA-256 of a file's bytes.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def files_of(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each file below a folder, by its path there, in order."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): file_hash(path) for path in paths}


def changed(files: Mapping[str, str], kept: Mapping[str, str]) -> str | None:
    """Say which file is not what it was; None where all are.

    >>> changed({"a": "1"}, {"a": "1", "b": "2"}), changed({"a": "1"}, {"a": "2"})
    ("'b' is gone", "'a' was edited")
    """
    for name in sorted({*files, *kept}):
        if name not in files:
            return f"{name!r} is gone"
        if name not in kept:
            return f"{name!r} was not there when it was saved"
        if files[name] != kept[name]:
            return f"{name!r} was edited"
    return None


@contextmanager
def fetched(location: str, tracking_uri: str) -> Iterator[Path]:
    """Have the folder of an MLflow model here, by way of MLflow's server where there is one."""
    address = urlparse(location)
    if address.scheme in {"", "file"}:
        yield Path(unquote(address.path))
        return
    with tempfile.TemporaryDirectory() as folder:
        yield Path(
            mlflow.artifacts.download_artifacts(
                artifact_uri=location, dst_path=folder, tracking_uri=tracking_uri
            )
        )
