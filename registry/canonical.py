"""Canonical tables: what raw columns become, checked against what is known of them.

A canonical table has a RangeIndex and these columns, in this order: the features, the target,
the timestamp, the id and what only parts the rows, as far as the schema has them. Numbers are
float64, categories, texts, images (see ``factory.pictures``) and ids text or None, dates and the
timestamp datetime64[ns] in UTC without a zone. The target of a regression is float64, that of a
classification text. Rows are sorted by timestamp, equal ones in the order they came.
"""

from typing import Any

import numpy as np
import pandas as pd

from factory.errors import BadData
from factory.nouns import Bools, Column, Kind, Schema
from factory.pictures import to_bytes
from registry.columns import categories, cells, dates, numbers
from registry.nearest import nearest
from registry.schemas import require

Unreadable = dict[str, Bools]
"""Per feature that has any, the rows whose cell could not be read."""


def canonical(raw: pd.DataFrame, schema: Schema) -> tuple[pd.DataFrame, Unreadable]:
    """Return the canonical rows of a raw table, and which of its cells could not be read.

    A target column that is not there is all missing, and so is one that only parts the rows.
    Feature cells that cannot be read are missing in the frame; each feature that has any has a
    mask, in the frame's order.

    Raises:
        BadData: a column is not there, or a cell of the target or timestamp cannot be read.
    """
    return in_time_order(*parsed(raw, schema), schema)


def canonical_features(raw: pd.DataFrame, schema: Schema) -> tuple[pd.DataFrame, Unreadable]:
    """Return the features alone, in canonical form and in the raw table's order.

    This is what a prediction needs: no target, timestamp or id has to be there.

    Raises:
        BadData: a feature has no column.
    """
    columns: dict[str, Any] = {}
    unreadable: Unreadable = {}
    for column in schema.features:
        require(column.name, raw.columns, "feature")
        values, bad = read_cells(cells(raw[column.name]), column)
        columns[column.name] = values
        if bad.any():
            unreadable[column.name] = bad
    return pd.DataFrame(columns, index=range(len(raw))), unreadable


def parsed(raw: pd.DataFrame, schema: Schema) -> tuple[pd.DataFrame, Unreadable]:
    """Return canonical rows in the raw table's order; else as ``canonical``."""
    frame, unreadable = canonical_features(raw, schema)
    frame[schema.target] = _target(raw, schema)
    if schema.timestamp is not None:
        require(schema.timestamp, raw.columns, "timestamp")
        moments, bad = dates(cells(raw[schema.timestamp]))
        if bad.any():
            raise bad_cell(raw, schema.timestamp, bad, "date")
        frame[schema.timestamp] = moments
    if schema.id is not None:
        require(schema.id, raw.columns, "id")
        frame[schema.id] = categories(cells(raw[schema.id]))
    for column in schema.beside:
        # What no model reads may be absent, and a cell that cannot be read is in no part.
        found = raw.get(column.name, pd.Series(pd.NA, index=raw.index, dtype=object))
        frame[column.name] = read_cells(cells(found), column)[0]
    return frame, unreadable


def in_time_order(
    frame: pd.DataFrame, unreadable: Unreadable, schema: Schema
) -> tuple[pd.DataFrame, Unreadable]:
    """Return rows and masks sorted by timestamp; equal ones keep their order."""
    if schema.timestamp is None:
        return frame, unreadable
    order = np.argsort(frame[schema.timestamp].to_numpy(), kind="stable")
    if np.array_equal(order, np.arange(len(order))):
        return frame, unreadable
    masks = {name: mask[order] for name, mask in unreadable.items()}
    return frame.iloc[order].reset_index(drop=True), masks


def read_cells(array: Any, column: Column) -> tuple[Any, Bools]:
    """Read cells as values of a column's kind, and mark those that are none."""
    match column.kind:
        case "number":
            return numbers(array)
        case "date":
            return dates(array)
        case "category" | "text":
            return categories(array), np.zeros(len(array), dtype=bool)
        case "image":
            told = categories(array).copy()
            bad = [cell is not None and to_bytes(cell, column.shape) is None for cell in told]
            unreadable = np.array(bad, dtype=bool)
            told[unreadable] = None
            return told, unreadable


def _target(raw: pd.DataFrame, schema: Schema) -> Any:
    name = schema.target
    regression = schema.task == "regression"
    if name not in raw.columns:
        missing = np.nan if regression else None
        return np.full(len(raw), missing, dtype=np.float64 if regression else object)
    array = cells(raw[name])
    if not regression:
        return categories(array)
    values, bad = numbers(array)
    if bad.any():
        raise bad_cell(raw, name, bad, "number")
    if np.isinf(values).any():
        row = int(np.argmax(np.isinf(values)))
        raise BadData(
            f"The target {name!r} is infinite in row {row + 1}.", hint="leave that row out"
        )
    return values


def bad_cell(raw: pd.DataFrame, name: str, bad: Bools, kind: Kind) -> BadData:
    """Return the error that names the first cell that is not of its kind."""
    row = int(np.argmax(bad))
    value = raw[name].iloc[row]
    more = f", and {int(bad.sum()) - 1} more are not" if bad.sum() > 1 else ""
    hint = "write dates as 2013-01-31T05:00:00" if kind == "date" else "mend or empty that cell"
    problem = f"Column {name!r}, row {row + 1}: {str(value)!r} is no {kind}{more}."
    return BadData(problem, hint=hint)


def check_ids(frame: pd.DataFrame, schema: Schema, *, resent: bool = False) -> None:
    """Refuse ids that are missing or that two rows share.

    Args:
        frame: canonical rows.
        schema: names the id.
        resent: whether a row may come again that is the same in every column.

    Raises:
        BadData: an id is missing or repeated.
    """
    if schema.id is None:
        return
    ids = frame[schema.id]
    if ids.isna().any():
        problem = f"{int(ids.isna().sum())} rows have no {schema.id!r}."
        raise BadData(problem, hint="give every row an id, or leave data.id out")
    repeated = ids.duplicated()
    if resent and repeated.any():
        others = frame.loc[ids.duplicated(keep=False)].drop_duplicates()[schema.id]
        repeated &= ids.isin(others[others.duplicated()])
    if repeated.any():
        raise BadData(
            f"{int(repeated.sum())} rows repeat an id, the first is {ids[repeated].iloc[0]!r}.",
            hint=f"make {schema.id!r} unique, or leave data.id out",
        )


def check_labels(frame: pd.DataFrame, schema: Schema) -> None:
    """Refuse labels that are none of the schema's classes.

    Raises:
        BadData: there is one.
    """
    if schema.task == "regression":
        return
    labels = frame[schema.target].dropna()
    unknown = labels[~labels.isin(schema.classes)]
    if len(unknown):
        raise BadData(
            f"The label {unknown.iloc[0]!r} is none the model knows ({len(unknown)} rows).",
            hint=f"{nearest(unknown.iloc[0], schema.classes)}; a new class needs factory train",
        )


def kinds_of(schema: Schema) -> dict[str, Kind]:
    """Return each feature's kind."""
    return {column.name: column.kind for column in schema.features}
