"""Tables kept by their content's hash: the rows that a model was trained or checked on."""

import base64
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet

from factory.errors import BadData, Unavailable
from factory.nouns import Bools, DataVersion
from registry.home import Home
from registry.versions import content_hash

ARROW = {"f": pa.float64(), "M": pa.timestamp("ns"), "O": pa.large_string()}
BROKEN, MARKS = b"factory.broken", b"factory.marks"


def save_frame(
    home: Home,
    frame: pd.DataFrame,
    version: DataVersion,
    broken: Mapping[str, Bools] | None = None,
    marks: str = "",
) -> None:
    """Keep a canonical table under its hash; the same content twice is one file.

    Args:
        home: where.
        frame: canonical rows.
        version: its version, see ``data_version``.
        broken: per feature, the rows that must not be trained on, shape (rows,). None leaves
            what was marked when the same content was kept before.
        marks: that the version was made with.

    Raises:
        Unavailable: the file cannot be written.
    """
    path = _path(home, version.sha256)
    if path.exists() and broken is None:
        return
    kept = {name: mask for name, mask in (broken or {}).items() if mask.any()}
    fields = [(str(name), ARROW[frame[name].dtype.kind]) for name in frame.columns]
    schema = pa.schema(fields, metadata={BROKEN: json.dumps(_packed(kept)), MARKS: marks})
    table = pa.Table.from_pandas(frame, schema=pa.schema(fields), preserve_index=False)
    try:
        _write(table.cast(schema), path)
    except OSError as error:
        raise Unavailable(
            f"{path} cannot be written: {error}.", hint="free some space, or mend its permissions"
        ) from None


def load_frame(home: Home, sha256: str) -> tuple[pd.DataFrame, dict[str, Bools]]:
    """Return a kept table and, per feature, its rows that must not be trained on.

    Raises:
        BadData: no such table is kept, or its content is no longer what its name says.
    """
    path = _path(home, sha256)
    hint = "check the data it came from again, or train on new data"
    if not path.exists():
        raise BadData(f"The rows {sha256} are not kept in {home.data}.", hint=hint)
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            table = file.read()
        frame = table.to_pandas(ignore_metadata=True)
        packed = json.loads(table.schema.metadata[BROKEN])
        marks = table.schema.metadata.get(MARKS, b"").decode()
        intact = content_hash(frame, marks) == sha256
        broken = {name: _unpacked(mask, len(frame)) for name, mask in packed.items()}
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError) as error:
        raise BadData(f"{path} is damaged: {error}.", hint=hint) from None
    if not intact:
        raise BadData(f"{path} is damaged: its content has another hash.", hint=hint)
    return frame, broken


def _path(home: Home, sha256: str) -> Path:
    return home.data / f"{sha256}.parquet"


def _write(table: Any, path: Path) -> None:
    # The name appears only once the content is complete and on disk.
    part = path.with_name(f"{uuid4().hex}.part")
    try:
        with part.open("xb") as sink:
            pyarrow.parquet.write_table(table, sink, compression="zstd")
            sink.flush()
            os.fsync(sink.fileno())
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _packed(broken: Mapping[str, Bools]) -> dict[str, str]:
    return {
        name: base64.b64encode(np.packbits(mask).tobytes()).decode()
        for name, mask in sorted(broken.items())
    }


def _unpacked(mask: str, rows: int) -> Bools:
    bits = np.frombuffer(base64.b64decode(mask), dtype=np.uint8)
    return np.unpackbits(bits, count=rows).astype(bool)
