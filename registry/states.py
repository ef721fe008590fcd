"""Nested values with arrays in one file, and where online detectors stand in their streams."""

import io
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from factory.errors import BadData, Unavailable
from factory.locks import held
from registry.home import Home

PLAIN = "plain"
"""Entry of a file that holds, as JSON, all but the arrays."""


def write_values(path: Path, values: Mapping[str, Any]) -> None:
    """Write nested dicts and lists of arrays and plain values as one npz file.

    Numbers come back as they were, also those that JSON lacks; a tuple comes back as such. The
    name appears only once the content is complete and on disk.
    """
    arrays: dict[str, NDArray[Any]] = {}
    plain = _parted(values, arrays)
    sink = io.BytesIO()
    np.savez(sink, **{PLAIN: np.array(json.dumps(plain))}, **arrays)
    part = path.with_name(f"{uuid4().hex}.part")
    try:
        with part.open("xb") as file:
            file.write(sink.getbuffer())
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def read_values(path: Path) -> dict[str, Any]:
    """Read what ``write_values`` wrote; it may fail in any way if it is damaged."""
    with np.load(path, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    values: dict[str, Any] = _joined(json.loads(str(arrays[PLAIN])), arrays)
    return values


class States:
    """Where the online detectors of each version stand, one file a version in the home folder."""

    def __init__(self, home: Home) -> None:
        self._folder = home.path / "online"

    def path(self, model: str, version: int) -> Path:
        """Return the version's file, which need not be there."""
        return self._folder / model / f"{version}.npz"

    @contextmanager
    def alone(self, model: str, version: int) -> Iterator[None]:
        """Let one process at a time carry a version's stream on.

        Raises:
            Unavailable: another one does, or the folder cannot be written.
        """
        busy = Unavailable(
            f"Another process watches {model!r} version {version}.",
            hint="run this again when that one has ended",
        )
        lock = self.path(model, version).with_suffix(".lock")
        with held(lock, busy, hint="mend its permissions"):
            yield

    def read(self, model: str, version: int) -> dict[str, Any] | None:
        """Return what was written last, None where nothing was.

        Raises:
            BadData: the file is damaged.
        """
        path = self.path(model, version)
        if not path.exists():
            return None
        try:
            return read_values(path)
        except (OSError, ValueError, KeyError, TypeError, BadZipFile) as error:
            raise BadData(
                f"{path} is damaged: {error}.",
                hint=f"remove it; the stream then starts anew: {path}",
            ) from None

    def write(self, model: str, version: int, values: Mapping[str, Any]) -> None:
        """Replace what was written last.

        Raises:
            Unavailable: the file cannot be written; what was there is still there.
        """
        path = self.path(model, version)
        try:
            write_values(path, values)
        except OSError as error:
            raise Unavailable(
                f"{path} cannot be written: {error}.", hint="free some space, or mend permissions"
            ) from None


def _parted(value: Any, arrays: dict[str, NDArray[Any]]) -> Any:
    """Return a value as JSON has it; arrays are set aside, and named where they stood."""
    if isinstance(value, np.ndarray):
        name = f"a{len(arrays)}"
        arrays[name] = value
        return {"$array": name}
    if isinstance(value, Mapping):
        return {"$dict": [[str(key), _parted(item, arrays)] for key, item in value.items()]}
    if isinstance(value, tuple):
        return {"$tuple": [_parted(item, arrays) for item in value]}
    if isinstance(value, list):
        return [_parted(item, arrays) for item in value]
    if isinstance(value, np.generic):
        return _parted(value.item(), arrays)
    if isinstance(value, float):
        # Hexadecimal digits keep every bit, and know infinities.
        return {"$float": value.hex()}
    return value


def _joined(value: Any, arrays: Mapping[str, NDArray[Any]]) -> Any:
    if isinstance(value, list):
        return [_joined(item, arrays) for item in value]
    match value:
        case {"$array": str(name)}:
            return arrays[name]
        case {"$dict": list(pairs)}:
            return {key: _joined(item, arrays) for key, item in pairs}
        case {"$tuple": list(items)}:
            return tuple(_joined(item, arrays) for item in items)
        case {"$float": str(text)}:
            return float.fromhex(text)
    return value
