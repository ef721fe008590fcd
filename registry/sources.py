"""Rows at the edge: raw tables become canonical ones, checked against what is known of them.

A canonical table has a RangeIndex and these columns, in this order: the features, the target,
the timestamp and the id, as far as the schema has them. Numbers are float64, categories and ids
text or None, dates and the timestamp datetime64[ns] in UTC without a zone. The target of a
regression is float64, that of a classification text. Rows are sorted by timestamp, equal ones in
the order they came.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from factory.config import DataConfig
from factory.errors import BadData
from factory.nouns import Bools, Column, DataVersion, Kind, Schema, Window
from registry.columns import categories, cells, dates, numbers
from registry.nearest import nearest
from registry.schemas import comparable_kind, infer_schema, inspect_schema, require
from registry.tables import read_table
from registry.versions import data_version

__all__ = [
    "TrainingData",
    "canonical",
    "canonical_features",
    "data_version",
    "infer_schema",
    "read_pair",
    "read_table",
    "read_to_score",
    "read_training",
    "read_window",
]

Unreadable = dict[str, Bools]


@dataclass(frozen=True, slots=True)
class TrainingData:
    """Rows to train on.

    Attributes:
        frame: canonical rows, all of them labelled.
        schema: as inferred, or as the config gives it.
        version: of the content.
        dropped: rows left out, by reason.
        ignored: columns left out of the features, with the reason.
    """

    frame: pd.DataFrame
    schema: Schema
    version: DataVersion
    dropped: Mapping[str, int] = field(default_factory=dict)
    ignored: Mapping[str, str] = field(default_factory=dict)


def read_training(config: DataConfig, location: str | None = None) -> TrainingData:
    """Read labelled rows, and find out what they look like.

    Rows without target are dropped and counted, and so are rows without timestamp where the
    config names one.

    Args:
        config: what the columns mean.
        location: read this instead of ``config.path``.

    Raises:
        BadData: the table, its target or its timestamp cannot be used, a cell of a column whose
            kind the config gives is not of that kind, or ids are missing or repeated.
        BadConfig: the config names columns that are not there, or a malformed URL.
        Unavailable: a database does not answer.
    """
    raw = read_table(location or config.path)
    schema, ignored = inspect_schema(raw, config)
    frame, unreadable = _parsed(raw, schema)
    kinds = _kinds(schema)
    for name, mask in unreadable.items():
        raise _bad_cell(raw, name, mask, kinds[name])
    dropped = {}
    needed: dict[str, str | None] = {"target": schema.target, "timestamp": schema.timestamp}
    for role, column in needed.items():
        if column is not None and frame[column].isna().any():
            dropped[f"{role} missing"] = int(frame[column].isna().sum())
            frame = frame.loc[frame[column].notna()]
    if frame.empty:
        raise BadData("No row has both target and timestamp.", hint="give rows that have both")
    _check_ids(frame, schema)
    frame, _ = _ordered(frame.reset_index(drop=True), {}, schema)
    return TrainingData(frame, schema, data_version(frame, schema), dropped, ignored)


def read_window(location: str, schema: Schema, whole: Schema | None = None) -> Window:
    """Read the rows to check now, as the schema says; labels may be missing in part or all.

    Of the features that only ``whole`` has, those are read that the table has.

    A cell that is not of its feature's kind is missing in the frame and marked. An unknown label
    is refused, not marked: a model cannot be judged on a class it cannot name, and the usual
    cause is the wrong file.

    Raises:
        BadData: the table cannot be read; a feature, the timestamp or the id has no column;
            nothing in a feature's column is of its kind; a label is none of the schema's
            classes; or ids are missing or repeated.
        BadConfig: a malformed URL.
        Unavailable: a database does not answer.
    """
    raw = read_table(location)
    needed = schema.names
    if whole is not None:
        found = (c for c in whole.features if c.name in needed or c.name in raw.columns)
        schema = schema.reading(tuple(found))
    frame, unreadable = _parsed(raw, schema)
    kinds = _kinds(schema)
    for name, mask in unreadable.items():
        if name in needed and frame[name].isna().all():
            raise _bad_cell(raw, name, mask, kinds[name])
    _check_labels(frame, schema)
    _check_ids(frame, schema)
    frame, unreadable = _ordered(frame, unreadable, schema)
    return Window(frame, data_version(frame, schema), unreadable)


def read_to_score(location: str, schema: Schema) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read rows to predict, in the table's own order; only the features have to be there.

    Returns:
        The canonical features, and the raw id and timestamp columns that the table has.

    Raises:
        BadData: the table cannot be read, or a feature has no column.
    """
    raw = read_table(location)
    keys = [name for name in (schema.id, schema.timestamp) if name in raw.columns]
    return canonical_features(raw, schema)[0], raw[keys].reset_index(drop=True)


def read_pair(reference: str, current: str) -> tuple[pd.DataFrame, pd.DataFrame, Schema]:
    """Read two tables to compare, without a target: the columns that both have.

    Kinds follow the reference; a column of which nothing in the current table is of that kind is
    a category in both. Left out are columns that are empty, nested or almost unique text in the
    reference.

    Returns:
        The canonical features of both, and their schema, whose target is the empty name.

    Raises:
        BadData: a table cannot be read, or nothing is left to compare.
        BadConfig: a malformed URL.
        Unavailable: a database does not answer.
    """
    before, after = read_table(reference), read_table(current)
    features = []
    for name in before.columns:
        kind = comparable_kind(before[name]) if name in after else None
        if kind is not None:
            values, bad = _read(cells(after[name]), kind)
            alien = bad.any() and pd.isna(values).all()
            features.append(Column(name, "category" if alien else kind))
    if not features:
        raise BadData(
            f"{reference} and {current} share no column to compare.",
            hint="give two tables with the same columns",
        )
    schema = Schema(tuple(features), target="", task="regression")
    return canonical_features(before, schema)[0], canonical_features(after, schema)[0], schema


def canonical(raw: pd.DataFrame, schema: Schema) -> tuple[pd.DataFrame, Unreadable]:
    """Return the canonical rows of a raw table, and which of its cells could not be read.

    A target column that is not there is all missing. Feature cells that cannot be read are
    missing in the frame; each feature that has any has a mask, in the frame's order.

    Raises:
        BadData: a column is not there, or a cell of the target or timestamp cannot be read.
    """
    return _ordered(*_parsed(raw, schema), schema)


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
        values, bad = _read(cells(raw[column.name]), column.kind)
        columns[column.name] = values
        if bad.any():
            unreadable[column.name] = bad
    return pd.DataFrame(columns, index=range(len(raw))), unreadable


def _parsed(raw: pd.DataFrame, schema: Schema) -> tuple[pd.DataFrame, Unreadable]:
    frame, unreadable = canonical_features(raw, schema)
    frame[schema.target] = _target(raw, schema)
    if schema.timestamp is not None:
        require(schema.timestamp, raw.columns, "timestamp")
        moments, bad = dates(cells(raw[schema.timestamp]))
        if bad.any():
            raise _bad_cell(raw, schema.timestamp, bad, "date")
        frame[schema.timestamp] = moments
    if schema.id is not None:
        require(schema.id, raw.columns, "id")
        frame[schema.id] = categories(cells(raw[schema.id]))
    return frame, unreadable


def _ordered(
    frame: pd.DataFrame, unreadable: Unreadable, schema: Schema
) -> tuple[pd.DataFrame, Unreadable]:
    if schema.timestamp is None:
        return frame, unreadable
    order = np.argsort(frame[schema.timestamp].to_numpy(), kind="stable")
    if np.array_equal(order, np.arange(len(order))):
        return frame, unreadable
    masks = {name: mask[order] for name, mask in unreadable.items()}
    return frame.iloc[order].reset_index(drop=True), masks


def _read(array: Any, kind: Kind) -> tuple[Any, Bools]:
    match kind:
        case "number":
            return numbers(array)
        case "date":
            return dates(array)
        case "category":
            return categories(array), np.zeros(len(array), dtype=bool)


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
        raise _bad_cell(raw, name, bad, "number")
    if np.isinf(values).any():
        row = int(np.argmax(np.isinf(values)))
        raise BadData(
            f"The target {name!r} is infinite in row {row + 1}.", hint="leave that row out"
        )
    return values


def _bad_cell(raw: pd.DataFrame, name: str, bad: Bools, kind: Kind) -> BadData:
    row = int(np.argmax(bad))
    value = raw[name].iloc[row]
    more = f", and {int(bad.sum()) - 1} more are not" if bad.sum() > 1 else ""
    hint = "write dates as 2013-01-31T05:00:00" if kind == "date" else "mend or empty that cell"
    problem = f"Column {name!r}, row {row + 1}: {str(value)!r} is no {kind}{more}."
    return BadData(problem, hint=hint)


def _check_ids(frame: pd.DataFrame, schema: Schema) -> None:
    if schema.id is None:
        return
    ids = frame[schema.id]
    if ids.isna().any():
        problem = f"{int(ids.isna().sum())} rows have no {schema.id!r}."
        raise BadData(problem, hint="give every row an id, or leave data.id out")
    repeated = ids.duplicated()
    if repeated.any():
        raise BadData(
            f"{int(repeated.sum())} rows repeat an id, the first is {ids[repeated].iloc[0]!r}.",
            hint=f"make {schema.id!r} unique, or leave data.id out",
        )


def _check_labels(frame: pd.DataFrame, schema: Schema) -> None:
    if schema.task == "regression":
        return
    labels = frame[schema.target].dropna()
    unknown = labels[~labels.isin(schema.classes)]
    if len(unknown):
        raise BadData(
            f"The label {unknown.iloc[0]!r} is none the model knows ({len(unknown)} rows).",
            hint=f"{nearest(unknown.iloc[0], schema.classes)}; a new class needs factory train",
        )


def _kinds(schema: Schema) -> dict[str, Kind]:
    return {column.name: column.kind for column in schema.features}
