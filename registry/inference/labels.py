"""Labels that come later: kept every one, the last that arrived counts."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from factory.errors import BadData
from factory.nouns import Schema
from registry.canonical import bad_cell, check_labels
from registry.columns import categories, cells, numbers
from registry.home import Home
from registry.inference.columns import MOMENT
from registry.inference.commit import spools, with_day
from registry.inference.spool import waiting_in
from registry.inference.table import address, append, names, opened, read

ID, KEY = "prediction_id", "row_id"
SHOWN = 5
"""Ids that a report names."""
ORDER = ["at", "sequence"]
"""What puts labels in the order in which they arrived."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """What became of labels that came in.

    Attributes:
        rows: labels that were kept.
        empty: rows without a label, which were not.
        unknown: kept ones that name no prediction of the log; they count once it is there.
        repeated: ones that said what was known already.
        corrected: ones that said something else than was known.
        examples: some of the unknown ids.
    """

    rows: int = 0
    empty: int = 0
    unknown: int = 0
    repeated: int = 0
    corrected: int = 0
    examples: tuple[str, ...] = field(default=())

    def __add__(self, other: "Labelled") -> "Labelled":
        return Labelled(
            self.rows + other.rows,
            self.empty + other.empty,
            self.unknown + other.unknown,
            self.repeated + other.repeated,
            self.corrected + other.corrected,
            (*self.examples, *other.examples)[:SHOWN],
        )


def add_labels(
    home: Home, model: str, schema: Schema, raw: pd.DataFrame, *, at: int, first: int = 0
) -> Labelled:
    """Keep labels of predictions.

    Args:
        home: whose log.
        model: registered name.
        schema: names the id and the target, and the classes.
        raw: one row a label: ``prediction_id``, or the schema's id column, or both of them, one
            of which may be empty in a row; and the target's column, or ``label``.
        at: moment of arrival, nanoseconds since 1970, UTC.
        first: place of the first row among those that arrived at that moment.

    Returns:
        What became of them.

    Raises:
        BadData: a column is not there, a row has no id, or a label is none the model knows.
        Unavailable: the log cannot be read or written.
    """
    told = _read(raw, schema)
    known = ~pd.isna(told["label"])
    empty, told = int((~known).sum()), told.loc[known].reset_index(drop=True)
    if told.empty:
        return Labelled(empty=empty)
    unknown = _unknown(home, model, told)
    repeated, corrected = _told_before(home, model, told)
    kind = pa.float64() if schema.task == "regression" else pa.string()
    rows = pa.table(
        {
            ID: pa.array(told[ID], pa.string()),
            KEY: pa.array(told[KEY], pa.string()),
            "label": pa.array(told["label"], kind),
            "at": pa.array(np.full(len(told), at // 1_000)).cast(MOMENT),
            "sequence": pa.array(np.arange(first, first + len(told))),
        }
    )
    append(address(home, "labels", model), with_day(rows))
    examples = told[ID].fillna(told[KEY])[unknown].head(SHOWN)
    return Labelled(
        len(told), empty, int(unknown.sum()), repeated, corrected, tuple(map(str, examples))
    )


def labels_of(
    home: Home,
    model: str,
    schema: Schema,
    ids: Sequence[str] | pd.Series,
    keys: Sequence[str | None] | pd.Series | None = None,
    *,
    until: int | None = None,
) -> Any:
    """Return the label of each of some predictions, missing where none is known.

    Args:
        home: whose log.
        model: registered name.
        schema: of the model.
        ids: of the predictions, shape (n,).
        keys: the rows' own ids, shape (n,), where they have any.
        until: leave out labels that arrived later, nanoseconds since 1970.

    Returns:
        Shape (n,): float64, or text and None for classifiers. Of several labels the one that
        arrived last counts, whether it came by the prediction's id or by the row's.
    """
    wanted = pd.DataFrame({ID: np.asarray(ids, dtype=object)})
    wanted[KEY] = None if keys is None else np.asarray(keys, dtype=object)
    newest = _newest(_kept(home, model, wanted, until))
    regression = schema.task == "regression"
    by_id, by_key = (_looked_up(wanted[name], newest[name]) for name in (ID, KEY))
    later = by_key["order"].to_numpy() > by_id["order"].to_numpy()
    found = np.where(later, by_key["label"].to_numpy(), by_id["label"].to_numpy())
    return found.astype(np.float64) if regression else _textual(found)


def _read(raw: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    target = schema.target if schema.target in raw.columns else "label"
    if target not in raw.columns:
        raise BadData(
            f"There is no column {schema.target!r} with the labels.",
            hint=f"name it {schema.target!r} or 'label'",
        )
    found: dict[str, Any] = {}
    for name, column in ((ID, ID), (KEY, schema.id)):
        there = column is not None and column in raw.columns
        found[name] = categories(cells(raw[column])) if there else np.full(len(raw), None)
    ids = pd.DataFrame(found)
    nameless = ids.isna().all(axis=1)
    if nameless.any():
        known = " or ".join(repr(name) for name in (ID, schema.id) if name)
        raise BadData(
            f"Row {int(nameless.to_numpy().argmax()) + 1} names no prediction "
            f"({int(nameless.sum())} rows).",
            hint=f"give every label its {known}",
        )
    array = cells(raw[target])
    if schema.task == "regression":
        values, bad = numbers(array)
        if bad.any():
            raise bad_cell(raw, target, bad, "number")
        return ids.assign(label=values)
    labels = categories(array)
    check_labels(pd.DataFrame({schema.target: labels}), schema)
    return ids.assign(label=labels)


def _unknown(home: Home, model: str, told: pd.DataFrame) -> pd.Series:
    """Mark the labels that name no prediction, shape (rows,)."""
    # First what is on its way, then what is there, so that nothing is missed in between.
    waiting = list(waiting_in(spools(home), model))
    where = address(home, "predictions", model)
    kept = names(where)
    found = pd.Series(data=False, index=told.index)
    for name in (ID, KEY):
        wanted = told[name].dropna()
        if wanted.empty:
            continue
        logged = [read(where, [name], _between(name, wanted))] if name in kept else []
        parts = [*logged, *waiting]
        for part in parts:
            if name in part.column_names:
                there = part.column(name).cast(pa.large_string())
                asked = pa.array(wanted, pa.large_string())
                mask = pc.is_in(asked, value_set=there).to_numpy(zero_copy_only=False)
                found.loc[wanted.index[mask]] = True
    return ~found


def _told_before(home: Home, model: str, told: pd.DataFrame) -> tuple[int, int]:
    """Return how many labels say what was known already, and how many something else."""
    newest = _newest(_kept(home, model, told[[ID, KEY]], None))
    repeated = corrected = 0
    for name in (ID, KEY):
        rows = told.loc[told[name].notna() & ((name == ID) | told[ID].isna())]
        # Within these rows as well a later one corrects an earlier.
        before = rows.groupby(name, sort=False)["label"].shift()
        known = _looked_up(rows[name], newest[name])["label"].to_numpy()
        last = np.where(before.isna(), known, before)
        there = ~pd.isna(last)
        same = there & (last == rows["label"].to_numpy())
        repeated += int(same.sum())
        corrected += int((there & ~same).sum())
    return repeated, corrected


def _kept(home: Home, model: str, wanted: pd.DataFrame, until: int | None) -> pd.DataFrame:
    """Read the labels that were kept for some predictions, in the order in which they arrived."""
    where = address(home, "labels", model)
    columns = [ID, KEY, "label", *ORDER]
    table = opened(where)
    if table is None:
        return pd.DataFrame(columns=columns)
    parts = []
    for name in (ID, KEY):
        asked = wanted[name].dropna()
        if asked.empty:
            continue
        kept = _between(name, asked)
        if name == KEY:
            kept &= pc.is_in(pc.field(KEY), value_set=pa.array(asked.unique(), pa.string()))
        if until is not None:
            moment = datetime.fromtimestamp(0, UTC) + pd.Timedelta(until // 1_000, "us")
            kept &= pc.field("at") <= pa.scalar(moment, MOMENT)
        parts.append(read(where, columns, kept))
    if not parts:
        return pd.DataFrame(columns=columns)
    frame: pd.DataFrame = pa.concat_tables(parts).to_pandas(types_mapper=None)
    return frame.sort_values(ORDER, kind="stable", ignore_index=True)


def _newest(kept: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return the label that counts by prediction and by row, with its place in the order."""
    ranked = kept.assign(order=kept.index)
    return {
        name: ranked.loc[ranked[name].notna(), [name, "label", "order"]]
        .drop_duplicates(name, keep="last")
        .set_index(name)
        for name in (ID, KEY)
    }


def _looked_up(wanted: pd.Series, newest: pd.DataFrame) -> pd.DataFrame:
    if newest.empty:
        lost = np.full(len(wanted), None)
        return pd.DataFrame({"label": lost, "order": np.full(len(wanted), -1)})
    places = newest.index.get_indexer(pd.Index(wanted))
    found = newest.take(np.maximum(places, 0)).reset_index(drop=True)
    labels, order = found["label"].to_numpy(dtype=object, copy=True), found["order"].to_numpy()
    labels[places < 0] = None
    return pd.DataFrame({"label": labels, "order": np.where(places < 0, -1, order)})


def _textual(labels: Any) -> Any:
    labels[pd.isna(labels)] = None
    return labels


def _between(name: str, wanted: pd.Series) -> Any:
    return (pc.field(name) >= wanted.min()) & (pc.field(name) <= wanted.max())
