"""Rows at the edge: raw tables become canonical (see ``registry.canonical``), or are refused."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from factory.columns import DataConfig
from factory.errors import BadData
from factory.nouns import Bools, Column, DataVersion, Schema, Window
from registry.canonical import (
    bad_cell,
    canonical,
    canonical_features,
    check_ids,
    check_labels,
    in_time_order,
    kinds_of,
    parsed,
    read_cells,
)
from registry.columns import cells
from registry.pictures import with_pictures
from registry.schemas import comparable_kind, infer_schema, inspect_schema, require
from registry.tables import read_table
from registry.versions import data_version, marks_of

__all__ = [
    "TrainingData",
    "canonical",
    "canonical_features",
    "common_schema",
    "data_version",
    "infer_schema",
    "read_pair",
    "read_table",
    "read_to_score",
    "read_training",
    "read_window",
    "to_training",
    "to_window",
]

SHOWN = 40
"""Letters of a cell that are shown."""


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


def read_training(
    config: DataConfig, location: str | None = None, *, parted_by: Collection[str] = ()
) -> TrainingData:
    """Read labelled rows, and find out what they look like.

    Rows without target are dropped and counted, and so are rows without timestamp where the
    config names one.

    Args:
        config: what the columns mean.
        location: read this instead of ``config.path``.
        parted_by: columns that part rows; those that are no features are read beside them.

    Raises:
        BadData: the table, its target or its timestamp cannot be used, a cell of a column whose
            kind the config gives is not of that kind, or ids are missing or repeated.
        BadConfig: the config names columns that are not there, or a malformed URL.
        Unavailable: a database does not answer.
    """
    location = location or config.path
    return to_training(
        with_pictures(read_table(location), config.images, location), config, parted_by
    )


def to_training(
    raw: pd.DataFrame, config: DataConfig, parted_by: Collection[str] = ()
) -> TrainingData:
    """Return a raw table's labelled rows; as ``read_training``."""
    schema, ignored = inspect_schema(raw, config, parted_by)
    frame, unreadable = parsed(raw, schema)
    kinds = kinds_of(schema)
    dropped = {}
    for name, mask in unreadable.items():
        if kinds[name] != "image":
            raise bad_cell(raw, name, mask, kinds[name])
        dropped[f"{name} unreadable"] = int(mask.sum())
        frame = frame.loc[~mask]
    needed: dict[str, str | None] = {"target": schema.target, "timestamp": schema.timestamp}
    for role, column in needed.items():
        if column is not None and frame[column].isna().any():
            dropped[f"{role} missing"] = int(frame[column].isna().sum())
            frame = frame.loc[frame[column].notna()]
    if frame.empty:
        raise _nothing_left(raw, unreadable)
    check_ids(frame, schema)
    frame, _ = in_time_order(frame.reset_index(drop=True), {}, schema)
    return TrainingData(frame, schema, data_version(frame, schema), dropped, ignored)


def _nothing_left(raw: pd.DataFrame, unreadable: Mapping[str, Bools]) -> BadData:
    for name, mask in unreadable.items():
        if mask.all():
            problem = (
                f"No picture of {name!r} can be read, the first is {_example(raw[name], mask)!r}."
            )
            return BadData(problem, hint="name .png, .jpg or .npy files beside the table or below")
    return BadData("No row has both target and timestamp.", hint="give rows that have both")


def read_window(location: str, schema: Schema, whole: Schema | None = None) -> Window:
    """Read the rows to check now, as the schema says; labels may be missing in part or all.

    Of the features that only ``whole`` has, those are read that the table has. A feature without
    a column is missing in every row and named as absent; columns that nobody knows are named as
    extra.

    A cell that is not of its feature's kind is missing in the frame and marked. An unknown label
    is refused, not marked: a model cannot be judged on a class it cannot name, and the usual
    cause is the wrong file. So is a table of which no feature can be read. A row that came twice,
    the same in every column, keeps its id.

    Raises:
        BadData: the table cannot be read; the timestamp or the id has no column; no feature has a
            column with anything of its kind; a label is none of the schema's classes; or ids are
            missing, or repeated by different rows.
        BadConfig: a malformed URL.
        Unavailable: a database does not answer.
    """
    features = (whole or schema).features
    return to_window(with_pictures(read_table(location), features, location), schema, whole)


def to_window(raw: pd.DataFrame, schema: Schema, whole: Schema | None = None) -> Window:
    """Return a raw table's rows as a window; as ``read_window``."""
    needed = schema.names
    if whole is not None:
        found = (c for c in whole.features if c.name in needed or c.name in raw.columns)
        schema = schema.reading(tuple(found))
    absent = tuple(name for name in needed if name not in raw.columns)
    if needed and len(absent) == len(needed):
        require(needed[0], raw.columns, "feature")
    extra = tuple(str(name) for name in raw.columns if name not in _columns(schema))
    frame, unreadable = parsed(raw.assign(**dict.fromkeys(absent)), schema)
    alien = [name for name in needed if name in unreadable and frame[name].isna().all()]
    if alien and len(alien) + len(absent) == len(needed):
        raise bad_cell(raw, alien[0], unreadable[alien[0]], kinds_of(schema)[alien[0]])
    examples = {name: _example(raw[name], mask) for name, mask in unreadable.items()}
    check_labels(frame, schema)
    check_ids(frame, schema, resent=True)
    frame, unreadable = in_time_order(frame, unreadable, schema)
    version = data_version(frame, schema, marks_of(absent, unreadable, examples))
    return Window(frame, version, unreadable, examples, absent, extra)


def _columns(schema: Schema) -> set[str | None]:
    beside = (column.name for column in schema.beside)
    return {*schema.names, *beside, schema.target, schema.timestamp, schema.id}


def _example(column: pd.Series, bad: Bools) -> str:
    """Return the first cell that cannot be read, shortened."""
    told = str(column.iloc[int(np.argmax(bad))])
    return told if len(told) <= SHOWN else f"{told[: SHOWN - 3]}..."


def read_to_score(location: str, schema: Schema) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read rows to predict, in the table's own order; only the features have to be there.

    Returns:
        The canonical features, and the raw id and timestamp columns that the table has.

    Raises:
        BadData: the table cannot be read, or a feature has no column.
    """
    raw = with_pictures(read_table(location), schema.features, location)
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
    schema = common_schema(before, after, f"{reference} and {current}")
    return canonical_features(before, schema)[0], canonical_features(after, schema)[0], schema


def common_schema(before: pd.DataFrame, after: pd.DataFrame, shown: str) -> Schema:
    """Return the columns that two raw tables share, as ``read_pair``.

    Args:
        before: raw rows of the reference.
        after: raw rows to compare with it.
        shown: what messages call the two.

    Raises:
        BadData: nothing is left to compare.
    """
    features = []
    for name in before.columns:
        kind = comparable_kind(before[name]) if name in after else None
        if kind is not None:
            values, bad = read_cells(cells(after[name]), Column(name, kind))
            alien = bad.any() and pd.isna(values).all()
            features.append(Column(name, "category" if alien else kind))
    if not features:
        raise BadData(
            f"{shown} share no column to compare.",
            hint="give two tables with the same columns",
        )
    return Schema(tuple(features), target="", task="regression")
