"""Bodies of requests, in every form that is understood, as columns of cells.

JSON as MLflow has it (``dataframe_split``, ``dataframe_records``, ``instances``, ``inputs``), JSON
as the Open Inference Protocol has it, CSV, Arrow IPC and Parquet.
"""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet

from factory.compiled.rows import Layout, Rows
from serving.cells import ABSENT, Columns, read_columns, read_table
from serving.refused import Fault, Refused

JSON, CSV = "application/json", "text/csv"
ARROW_STREAM = "application/vnd.apache.arrow.stream"
ARROW_FILE = "application/vnd.apache.arrow.file"
PARQUET = "application/vnd.apache.parquet"
TABLES = (ARROW_STREAM, ARROW_FILE, PARQUET)
FORMS = ("dataframe_split", "dataframe_records", "instances", "inputs")
DATATYPES = (
    "BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64", "FP16",
    "FP32", "FP64", "BYTES",
)  # fmt: skip
HINT = "see /openapi.json for the forms that are understood"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request wants predicted.

    Attributes:
        rows: canonical, missing where a cell is bad.
        faults: bad cells.
        keys: cells of columns that name the rows, as far as they are there.
        id: the request's own id, empty where it gave none.
    """

    rows: Rows
    faults: list[Fault]
    keys: dict[str, Sequence[Any]] = field(default_factory=dict)
    id: str = ""


def read_body(
    body: bytes, content_type: str, layout: Layout, keys: Sequence[str], *, v2: bool
) -> Asked:
    """Read a request's body.

    Args:
        body: as it came.
        content_type: its header, without parameters, lower case; empty is JSON.
        layout: the features to read.
        keys: columns that name a row, carried along.
        v2: whether JSON is that of the Open Inference Protocol, else that of MLflow.

    Raises:
        Refused: the body cannot be read at all.
    """
    if content_type in TABLES:
        table = read_body_table(body, content_type)
        rows, faults = read_table(table, layout)
        known = [name for name in keys if name in table.column_names]
        return Asked(rows, faults, {name: table.column(name).to_pylist() for name in known})
    if content_type == CSV:
        columns, n = read_csv(body)
        request_id = ""
    elif content_type in {"", JSON}:
        told = _json(body)
        request_id = _request_id(told) if v2 else ""
        columns, n = _v2(told, layout) if v2 else _mlflow(told, layout)
    else:
        known_types = ", ".join((JSON, CSV, *TABLES))
        raise Refused(
            "unsupported",
            f"A body of type {content_type[:80]!r} is not understood.",
            hint=f"send one of: {known_types}",
        )
    if n == 0:
        raise malformed("there are no rows in it")
    rows, faults = read_columns(columns, n, layout)
    named = {name: _given(columns[name]) for name in keys if name in columns}
    return Asked(rows, faults, named, request_id)


def _given(cells: Sequence[Any]) -> Sequence[Any]:
    return [None if cell is ABSENT else cell for cell in cells]


def malformed(what: str) -> Refused:
    """Return the error of a body that cannot be read."""
    return Refused("malformed", f"The body cannot be read: {what}.", hint=HINT)


def _json(body: bytes) -> dict[str, Any]:
    try:
        told = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise malformed(f"it is not JSON: {error}") from None
    if not isinstance(told, dict):
        raise malformed("it is no JSON object")
    return told


def _mlflow(told: dict[str, Any], layout: Layout) -> tuple[Columns, int]:
    found = [form for form in FORMS if form in told]
    if len(found) != 1:
        raise malformed(f"it needs one of the keys {', '.join(FORMS)}, and has {len(found)}")
    value = told[found[0]]
    match found[0], value:
        case "dataframe_split", {"data": list(data), "columns": list(names)}:
            return _split(data, [str(name) for name in names])
        case "dataframe_split", {"data": list(data)}:
            return _split(data, [column.name for column in layout.features])
        case "inputs", dict():
            return _by_column(value)
        case "dataframe_split", _:
            raise malformed("dataframe_split needs columns and data, both lists")
        case form, list() if value:
            if isinstance(value[0], dict):
                return _records(value, form, layout)
            if form in {"instances", "inputs"}:
                if not isinstance(value[0], list):
                    value = [value] if form == "inputs" else [[cell] for cell in value]
                return _split(value, [column.name for column in layout.features])
    raise malformed(f"{found[0]} is no list of rows")


def _split(data: list[Any], names: list[str]) -> tuple[Columns, int]:
    if len(set(names)) < len(names):
        raise malformed("a column is named twice")
    for place, row in enumerate(data):
        if not isinstance(row, list) or len(row) != len(names):
            raise malformed(f"row {place} is no list of {len(names)} cells, one a column")
    return dict(zip(names, zip(*data, strict=True), strict=False)), len(data)


def _records(records: list[Any], form: str, layout: Layout) -> tuple[Columns, int]:
    for place, record in enumerate(records):
        if not isinstance(record, dict):
            raise malformed(f"{form}: row {place} is no object")
    if len(records) == 1:
        return {name: (cell,) for name, cell in records[0].items()}, 1
    names = {column.name for column in layout.features}
    names.update(*records[:1])
    return {name: [record.get(name, ABSENT) for record in records] for name in names}, len(records)


def _by_column(value: dict[str, Any]) -> tuple[Columns, int]:
    columns = {name: cells if isinstance(cells, list) else [cells] for name, cells in value.items()}
    flat = {
        name: [c[0] if isinstance(c, list) and len(c) == 1 else c for c in cells]
        for name, cells in columns.items()
    }
    return flat, _common_length(flat)


def _common_length(columns: Columns) -> int:
    lengths = {len(cells) for cells in columns.values()}
    if len(lengths) > 1:
        raise malformed("its columns are not equally long")
    return lengths.pop() if lengths else 0


def _request_id(told: dict[str, Any]) -> str:
    given = told.get("id", "")
    if not isinstance(given, str):
        raise malformed("id is no text")
    return given


def _v2(told: dict[str, Any], layout: Layout) -> tuple[Columns, int]:
    inputs = told.get("inputs")
    if not isinstance(told.get("parameters", {}), dict):
        raise malformed("parameters is no object")
    if not isinstance(inputs, list) or not inputs:
        raise malformed("inputs is no list of tensors")
    tensors = [_tensor(given) for given in inputs]
    names = [column.name for column in layout.features]
    if len(tensors) == 1 and tensors[0][0] not in names:
        _, shape, data = tensors[0]
        if len(shape) != 2 or shape[1] != len(names):  # noqa: PLR2004 - a matrix
            raise malformed(
                f"its one tensor is neither a feature nor of shape [rows, {len(names)}]"
            )
        rows = [data[i : i + len(names)] for i in range(0, len(data), len(names))]
        return _split(rows, names)
    if len({name for name, _, _ in tensors}) < len(tensors):
        raise malformed("a tensor is named twice")
    images = {column.name for column in layout.features if column.kind == "image"}
    columns: dict[str, Sequence[Any]] = {}
    for name, shape, data in tensors:
        whole = len(shape) == 1 or prod(shape[1:]) == 1
        if not whole and name not in images:
            raise malformed(f"the tensor {name[:80]!r} has more than one cell a row")
        columns[name] = data if whole else list(np.array(data).reshape(shape))
    return columns, _common_length(columns)


def _tensor(given: Any) -> tuple[str, list[int], list[Any]]:
    match given:
        case {"name": str(name), "shape": list(shape), "datatype": str(kind), "data": list(data)}:
            if kind not in DATATYPES:
                raise malformed(f"the datatype of {name[:80]!r} is none of the protocol's")
        case _:
            raise malformed("a tensor needs name, shape, datatype and data")
    if not shape or not all(type(size) is int and size >= 0 for size in shape):
        raise malformed(f"the shape of {name[:80]!r} is no list of sizes")
    while data and isinstance(data[0], list):
        if not all(isinstance(part, list) for part in data):
            raise malformed(f"the data of {name[:80]!r} are not rectangular")
        data = [cell for part in data for cell in part]
    if len(data) != prod(shape):
        raise malformed(f"the data of {name[:80]!r} do not fill its shape")
    return name, shape, data


def read_csv(body: bytes) -> tuple[Columns, int]:
    """Return a CSV body's cells by column, and its number of rows.

    Raises:
        Refused: it is none.
    """
    try:
        lines = list(csv.reader(io.StringIO(body.decode("utf-8-sig"), newline="")))
    except (UnicodeDecodeError, csv.Error) as error:
        raise malformed(f"it is no CSV: {error}") from None
    if not lines:
        raise malformed("it is empty")
    return _split([line for line in lines[1:] if line], lines[0])


def read_body_table(body: bytes, content_type: str) -> Any:
    """Return an Arrow or Parquet body as an Arrow table.

    Raises:
        Refused: it is none.
    """
    try:
        source = pa.BufferReader(body)
        if content_type == PARQUET:
            return pyarrow.parquet.read_table(source)
        opened = pa.ipc.open_stream if content_type == ARROW_STREAM else pa.ipc.open_file
        with opened(source) as reader:
            table = reader.read_all()
            table.validate(full=True)
            return table
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:
        raise malformed(" ".join(str(error).split())[:200]) from None
