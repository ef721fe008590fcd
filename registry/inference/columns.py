"""Columns of the log: predictions become Arrow tables of plain types, and canonical rows again."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any
from urllib.parse import unquote

import numpy as np
import pandas as pd
import pyarrow as pa

from factory.compiled.rows import Rows
from factory.nouns import Column, Kind, Outputs, Schema
from registry.columns import categories, cells, dates
from registry.predictions import Predictions

MOMENT = pa.timestamp("us", "UTC")
TYPES: Mapping[Kind, Any] = {
    "number": pa.float64(),
    "category": pa.string(),
    "date": MOMENT,
    "text": pa.string(),
    "image": pa.string(),
}
NUMBER: Kind = "number"
FEATURE, PROBABILITY = "feature_", "probability_"
REFUSED = " ,;{}()\n\t=%"
"""Letters that a Delta table's column must not have in every reader, and the one that stands in."""
OTHER = "%~"
"""Comes before the kind where a name is taken by a column of another kind."""


def column_of(prefix: str, name: str) -> str:
    """Return the column that a feature or class is kept in.

    >>> column_of("feature_", "mean radius")
    'feature_mean%20radius'
    """
    safe = "".join(f"%{ord(letter):02X}" if letter in REFUSED else letter for letter in name)
    return f"{prefix}{safe}"


def name_of(prefix: str, column: str) -> str | None:
    """Return the feature or class that a column keeps, None where it keeps none.

    >>> name_of("feature_", "feature_mean%20radius"), name_of("feature_", "feature_a%~category")
    ('mean radius', 'a')
    """
    if not column.startswith(prefix):
        return None
    return unquote(column.removeprefix(prefix).split(OTHER)[0])


def to_table(batches: Sequence[Predictions]) -> Any:
    """Return what one version said of the rows of several requests as one Arrow table.

    Args:
        batches: at least one, all of the same version and role.
    """
    first = batches[0]
    sizes = [len(batch.ids) for batch in batches]
    moments = np.repeat(np.array([batch.at for batch in batches], dtype=np.int64), sizes)
    rows = sum(sizes)
    columns: dict[str, Any] = {
        "prediction_id": pa.array(list(chain.from_iterable(b.ids for b in batches)), pa.string()),
        "at": pa.array(moments // 1_000, MOMENT),
        "version": pa.array(np.full(rows, first.version)),
        "role": pa.repeat(pa.scalar(first.role, pa.string()), rows),
        **_keys(batches, sizes),
        **_said(np.concatenate([b.outputs for b in batches]), first.schema),
    }
    if first.abstained is not None:
        reasons = list(chain.from_iterable(batch.abstained or () for batch in batches))
        columns["abstained"] = pa.array(reasons, pa.string())
    whole = _together([batch.rows for batch in batches])
    for column, place in first.layout.placed:
        columns[column_of(FEATURE, column.name)] = _feature(whole, column.kind, place)
    return _distinct(columns)


def features_of(table: Any, features: Iterable[Column]) -> pd.DataFrame:
    """Return logged features as canonical columns; those that the table lacks are left out."""
    found: dict[str, Any] = {}
    for column in features:
        held = held_in(table.schema, column_of(FEATURE, column.name), TYPES[column.kind])
        if held is not None:
            found[column.name] = values_of(table.column(held), column.kind)
    return pd.DataFrame(found, index=range(len(table)))


def outputs_of(table: Any, schema: Schema) -> Outputs:
    """Return what was said: shape (n,) values, or (n, k) probabilities of the schema's classes."""
    if schema.task == "regression":
        held = held_in(table.schema, "prediction", TYPES[NUMBER]) or "prediction"
        values: Outputs = _floats(table.column(held))
        return values
    names = [column_of(PROBABILITY, label) for label in schema.classes]
    held_all = [held_in(table.schema, name, TYPES[NUMBER]) for name in names]
    lost = np.full(len(table), np.nan)
    return np.column_stack([lost if h is None else _floats(table.column(h)) for h in held_all])


def values_of(column: Any, kind: Kind) -> Any:
    """Return a logged column's values in canonical form, shape (n,)."""
    match kind:
        case "number":
            return _floats(column)
        case "date":
            naive = column.cast(pa.timestamp("us"))
            return naive.to_numpy().astype("datetime64[ns]")
        case "category" | "text" | "image":
            return column.cast(pa.large_string()).to_numpy()


def held_in(schema: Any, name: str, kind: Any) -> str | None:
    """Return the column of a table that keeps a name's values of a kind, None where none does.

    Args:
        schema: the table's Arrow schema.
        name: the column's, if nothing else had it first.
        kind: Arrow type.
    """
    for held in (name, other_name(name, kind)):
        place = schema.get_field_index(held)
        if place >= 0 and schema.field(place).type == kind:
            return held
    return None


def other_name(name: str, kind: Any) -> str:
    """Return where values go whose column is taken by values of another kind."""
    return f"{name}{OTHER}{next((k for k, t in TYPES.items() if t == kind), 'other')}"


def fitted(table: Any, held: Any) -> Any:
    """Rename the columns whose name is taken in a table, by another kind or in other letters.

    Args:
        table: what is to be appended.
        held: Arrow schema of the table that it is appended to.

    >>> held = pa.schema([("feature_A", pa.string()), ("x", pa.int64())])
    >>> fitted(pa.table({"feature_a": [1.0], "x": [1]}), held).column_names
    ['feature_a%~number', 'x']
    """
    taken = {field.name.lower(): field for field in held}
    names = []
    for field in table.schema:
        before = taken.get(field.name.lower())
        same = before is None or (before.name == field.name and before.type == field.type)
        names.append(field.name if same else other_name(field.name, field.type))
    return table.rename_columns(names)


def _distinct(columns: dict[str, Any]) -> Any:
    """Build a table; of names that differ in their letters' case alone, later ones are renamed."""
    found: dict[str, Any] = {}
    known: set[str] = set()
    for name, values in columns.items():
        free = name if name.lower() not in known else other_name(name, values.type)
        while free.lower() in known:
            free += "~"
        known.add(free.lower())
        found[free] = values
    return pa.table(found)


def _keys(batches: Sequence[Predictions], sizes: Sequence[int]) -> dict[str, Any]:
    schema, found = batches[0].schema, {}
    wanted = (("row_id", schema.id), ("row_time", schema.timestamp))
    for name, key in wanted:
        if key is None or not any(key in batch.keys for batch in batches):
            continue
        raw: list[Any] = []
        for batch, size in zip(batches, sizes, strict=True):
            raw.extend(batch.keys.get(key, [None] * size))
        array = cells(pd.Series(raw, dtype=object))
        if name == "row_id":
            found[name] = pa.array(categories(array), pa.string())
        else:
            found[name] = _moments(dates(array)[0])
    return found


def _said(outputs: Outputs, schema: Schema) -> dict[str, Any]:
    if schema.task == "regression":
        return {"prediction": pa.array(outputs, from_pandas=True)}
    known = np.nan_to_num(outputs, nan=-1.0) if np.isnan(outputs).any() else outputs
    best = pa.array(known.argmax(axis=1))
    found = {"prediction": pa.array(schema.classes, pa.string()).take(best)}
    for place, label in enumerate(schema.classes):
        found[column_of(PROBABILITY, label)] = pa.array(outputs[:, place], from_pandas=True)
    return found


def _together(parts: Sequence[Rows]) -> Rows:
    if len(parts) == 1:
        return parts[0]
    texts = tuple(
        list(chain.from_iterable(columns))
        for columns in zip(*(part.categories for part in parts), strict=True)
    )
    numbers = np.concatenate([part.numbers for part in parts])
    return Rows(numbers, texts, np.concatenate([part.dates for part in parts]))


def _feature(rows: Rows, kind: Kind, place: int) -> Any:
    match kind:
        case "number":
            return pa.array(rows.numbers[:, place], from_pandas=True)
        case "category" | "text" | "image":
            return pa.array(rows.categories[place], pa.string(), from_pandas=True)
        case "date":
            return _moments(rows.dates[:, place])


def _moments(values: Any) -> Any:
    return pa.array(np.ascontiguousarray(values).astype("datetime64[us]")).cast(MOMENT)


def _floats(column: Any) -> Any:
    return column.cast(pa.float64()).to_numpy()
