"""Tables kept by their content's hash: the rows that a model was trained or checked on."""

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO
from uuid import uuid4

import pandas as pd
import pyarrow as pa
import pyarrow.parquet

from factory.errors import BadData, Unavailable
from factory.nouns import Bools, DataVersion
from registry.files import file_hash
from registry.home import Home
from registry.masks import packed, unpacked
from registry.versions import content_hash

ARROW = {"f": pa.float64(), "M": pa.timestamp("ns"), "O": pa.large_string()}
MARKS = b"factory.marks"
HINT = "check the data it came from again, or train on new data"
GONE = "replay.keep: true lets the next tables stay"


@dataclass(frozen=True, slots=True)
class KeptFrame:
    """What the ledger needs to know of a kept table.

    Attributes:
        file: SHA-256 of the file that holds it.
        broken: name of the masks beside it; empty where nothing is broken, None where it was not
            said.
    """

    file: str
    broken: str | None


@dataclass(frozen=True, slots=True)
class StandIn:
    """The version whose generator stands for a table that was removed."""

    model: str
    version: int


def save_frame(
    home: Home,
    frame: pd.DataFrame,
    version: DataVersion,
    broken: Mapping[str, Bools] | None = None,
    marks: str = "",
) -> KeptFrame:
    """Keep a canonical table under its hash, and its masks under theirs.

    The same content twice is one file, and no file is ever written again: a judgement of the same
    rows by other rules is other masks beside them.

    Args:
        home: where.
        frame: canonical rows.
        version: its version, see ``data_version``.
        broken: per feature, the rows that must not be trained on, shape (rows,).
        marks: that the version was made with.

    Raises:
        Unavailable: the file cannot be written.
    """
    path = frame_path(home, version.sha256)
    try:
        if not path.exists():
            fields = [(str(name), ARROW[frame[name].dtype.kind]) for name in frame.columns]
            schema = pa.schema(fields, metadata={MARKS: marks})
            table = pa.Table.from_pandas(frame, schema=pa.schema(fields), preserve_index=False)
            _write(lambda sink: _parquet(table.cast(schema), sink), path)
        file = file_hash(path)
        return KeptFrame(file, None if broken is None else _save_masks(home, broken, len(frame)))
    except OSError as error:
        raise Unavailable(
            f"{path} cannot be written: {error}.", hint="free some space, or mend its permissions"
        ) from None


def load_frame(home: Home, sha256: str, broken: str = "") -> tuple[pd.DataFrame, dict[str, Bools]]:
    """Return a kept table and, per feature, its rows that must not be trained on.

    Args:
        home: where.
        sha256: of the table.
        broken: name of the masks wanted, empty for none.

    Raises:
        BadData: no such table is kept, or its content is no longer what its name says.
    """
    path = frame_path(home, sha256)
    if (stands := stand_in_of(home, sha256)) is not None:
        said = f"version {stands.version} of {stands.model!r} draws their like"
        raise BadData(f"The rows {sha256} were removed: {said}.", hint=GONE)
    if not path.exists():
        raise BadData(f"The rows {sha256} are not kept in {home.data}.", hint=HINT)
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            table = file.read()
        frame = table.to_pandas(ignore_metadata=True)
        marks = (table.schema.metadata or {}).get(MARKS, b"").decode()
        intact = content_hash(frame, marks) == sha256
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError) as error:
        raise BadData(f"{path} is damaged: {error}.", hint=HINT) from None
    if not intact:
        raise BadData(f"{path} is damaged: its content has another hash.", hint=HINT)
    return frame, load_masks(home, broken) if broken else {}


def forget_frame(home: Home, sha256: str, stands: StandIn) -> None:
    """Remove a kept table, and keep who stands for it; a later version may take its place.

    Raises:
        Unavailable: the file cannot be removed.
    """
    path, mark = frame_path(home, sha256), home.data / f"{sha256}.gone"
    try:
        _write(lambda sink: sink.write(json.dumps(asdict(stands)).encode()), mark)
        path.unlink(missing_ok=True)
    except OSError as error:
        raise Unavailable(f"{path} cannot be removed: {error}.", hint="remove it by hand") from None


def stand_in_of(home: Home, sha256: str) -> StandIn | None:
    """Return who stands for a table that was removed; None for one that was not."""
    mark = home.data / f"{sha256}.gone"
    if frame_path(home, sha256).exists() or not mark.exists():
        return None
    return StandIn(**json.loads(mark.read_text()))


def load_masks(home: Home, name: str) -> dict[str, Bools]:
    """Return masks by feature, each of shape (rows,).

    Raises:
        BadData: there are none of that name, or their content is no longer what it says.
    """
    path = masks_path(home, name)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadData(f"{path} cannot be read: {error.strerror}.", hint=HINT) from None
    if hashlib.sha256(content).hexdigest() != name:
        raise BadData(f"{path} is damaged: its content has another hash.", hint=HINT)
    told = json.loads(content)
    return {feature: unpacked(mask, told["rows"]) for feature, mask in told["broken"].items()}


def frame_path(home: Home, name: str) -> Path:
    """Return where a table is kept."""
    return home.data / f"{name}.parquet"


def masks_path(home: Home, name: str) -> Path:
    """Return where masks are kept."""
    return home.data / f"{name}.json"


def _save_masks(home: Home, broken: Mapping[str, Bools], rows: int) -> str:
    kept = {name: packed(mask) for name, mask in sorted(broken.items()) if mask.any()}
    if not kept:
        return ""
    content = json.dumps({"broken": kept, "rows": rows}).encode()
    name = hashlib.sha256(content).hexdigest()
    path = masks_path(home, name)
    if not path.exists():
        _write(lambda sink: sink.write(content), path)
    return name


def _parquet(table: Any, sink: BinaryIO) -> None:
    pyarrow.parquet.write_table(table, sink, compression="zstd")


def _write(fill: Callable[[BinaryIO], object], path: Path) -> None:
    # The name appears only once the content is complete and on disk.
    part = path.with_name(f"{uuid4().hex}.part")
    try:
        with part.open("xb") as sink:
            fill(sink)
            sink.flush()
            os.fsync(sink.fileno())
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
