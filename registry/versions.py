"""The version of a table's content: SHA-256 over every value of every row, in order."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from factory.nouns import Bools, DataVersion, Schema


def data_version(frame: pd.DataFrame, schema: Schema, marks: str = "") -> DataVersion:
    """Return a canonical table's content hash, its size and its time span.

    Args:
        frame: canonical rows.
        schema: names the timestamp column, from which ``start`` and ``end`` come.
        marks: what the frame does not show of the table, see ``marks_of``.

    >>> schema = Schema((), target="y", task="regression")
    >>> one = data_version(pd.DataFrame({"y": [1.0, 2.0]}), schema)
    >>> one.rows, one.sha256 == data_version(pd.DataFrame({"y": [2.0, 1.0]}), schema).sha256
    (2, False)
    """
    start = end = None
    if schema.timestamp is not None and frame[schema.timestamp].notna().any():
        start = frame[schema.timestamp].min().isoformat()
        end = frame[schema.timestamp].max().isoformat()
    return DataVersion(content_hash(frame, marks), len(frame), start, end)


def marks_of(
    absent: Sequence[str], unreadable: Mapping[str, Bools], examples: Mapping[str, str]
) -> str:
    """Tell as text which missing cells were no cells, or cells of another kind.

    In the frame all of them are missing, and still they are other data.

    Args:
        absent: features without a column.
        unreadable: per feature, rows whose cell could not be read, in the frame's order.
        examples: per such feature, one of those cells.

    Returns:
        JSON; empty where there is nothing to tell.

    >>> marks_of((), {}, {}), marks_of(("b", "a"), {}, {})
    ('', '{"absent": ["a", "b"], "unreadable": {}}')
    """
    cells = {
        name: [hashlib.sha256(np.packbits(mask).tobytes()).hexdigest(), examples.get(name)]
        for name, mask in sorted(unreadable.items())
        if mask.any()
    }
    if not absent and not cells:
        return ""
    return json.dumps({"absent": sorted(absent), "unreadable": cells})


def content_hash(frame: pd.DataFrame, marks: str = "") -> str:
    """Hash a canonical table: column names, kinds, row count, marks, then each column's bytes.

    What is hashed is unambiguous: the header is JSON, numbers and dates are eight bytes each
    with one bit pattern for missing, texts are their lengths (-1 for missing) and their bytes.
    """
    kinds = [[str(name), frame[name].dtype.kind] for name in frame.columns]
    told = {"columns": kinds, "rows": len(frame)} | ({"marks": marks} if marks else {})
    header = json.dumps(told).encode()
    digest = hashlib.sha256(len(header).to_bytes(8, "little") + header)
    for name in frame.columns:
        for part in _parts(frame[name]):
            digest.update(part)
    return digest.hexdigest()


def _parts(column: pd.Series) -> list[Any]:
    if column.dtype.kind == "f":
        values = column.to_numpy(dtype=np.float64)
        return [_little(np.where(np.isnan(values), np.nan, values), "<f8")]
    if column.dtype.kind == "M":
        return [_little(column.to_numpy(dtype="datetime64[ns]").view(np.int64), "<i8")]
    texts = pa.array(column, pa.large_string(), from_pandas=True)
    lengths = pc.binary_length(texts).fill_null(-1).to_numpy(zero_copy_only=False)
    parts = [_little(lengths, "<i8")]
    _, offsets, content = texts.buffers()
    if content is not None and len(texts):
        bounds = np.frombuffer(offsets, dtype="<i8", count=len(texts) + 1)
        parts.append(content.slice(int(bounds[0]), int(bounds[-1] - bounds[0])))
    return parts


def _little(values: Any, kind: str) -> Any:
    return np.ascontiguousarray(values, dtype=kind).data
