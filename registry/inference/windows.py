"""Windows of the log: predictions between two moments, with the labels known at a third.

A window's name is enough to read it again, the same rows with the same labels, for as long as
the log is kept. The bounds are prediction ids, or beginnings of them, which are ordered as
their moments are.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from factory.errors import BadData
from factory.logs import LogConfig
from factory.nouns import Schema, Window
from registry.home import Home
from registry.inference.columns import features_of, values_of
from registry.inference.labels import labels_of
from registry.inference.table import address, read
from registry.sources import to_window

PREFIX = "log:"
NAME = re.compile(r"log:(?P<model>[^/]+)/(?P<low>[^/@]*)\.\.(?P<high>[^/@]+)@(?P<known>[0-9a-f]+)")
SECOND, HOUR = 10**9, 3_600 * 10**9
BACK = 20
"""Windows that are looked back at, whether labels came for them."""
GROWN = 2
"""A window is judged again when it has so many times the labels, or all."""


@dataclass(frozen=True, slots=True)
class LogWindow:
    """Predictions of a model, by name.

    Attributes:
        model: registered name.
        low: the first id, or what it begins with.
        high: the first id that is no part of it any more.
        known: labels that arrived later are not, nanoseconds since 1970.
    """

    model: str
    low: str
    high: str
    known: int

    @property
    def name(self) -> str:
        """What commands, flows and decisions call it.

        >>> LogWindow("m", "17979cfe362a0000", "17979dfe362a0000", 255).name
        'log:m/17979cfe362a0000..17979dfe362a0000@ff'
        """
        return f"{PREFIX}{self.model}/{self.low}..{self.high}@{self.known:x}"

    @classmethod
    def of(cls, name: str) -> Self:
        """Read a window's name.

        Raises:
            BadData: it is none.
        """
        found = NAME.fullmatch(name)
        if found is None:
            raise BadData(
                f"{name!r} names no window of the inference log.",
                hint="take the name that a decision tells, or log for the newest",
            )
        return cls(found["model"], found["low"], found["high"], int(found["known"], 16))

    def same(self, other: "LogWindow") -> bool:
        """Whether both hold the same predictions, whatever is known of their labels."""
        return (self.model, self.low, self.high) == (other.model, other.low, other.high)


@dataclass(frozen=True, slots=True)
class Judged:
    """A window that was decided on, its rows, and how many of them had labels then."""

    window: LogWindow
    rows: int
    labelled: int


def newest(
    home: Home,
    model: str,
    schema: Schema,
    cut: LogConfig,
    *,
    now: int,
    judged: Iterable[Judged] = (),
) -> LogWindow | None:
    """Return the window of the log that is to be judged next.

    That is the newest, unless it was judged; then the newest of those judged before for which
    many more labels are known by now. Windows that nobody judged while they were the newest are
    passed over.

    Args:
        home: whose log.
        model: registered name.
        schema: of the champion.
        cut: how long windows are.
        now: nanoseconds since 1970, UTC.
        judged: windows decided on, oldest first.

    Returns:
        None where nothing is new.

    Raises:
        BadData: the log is damaged.
        Unavailable: its store does not answer.
    """
    past = [one for one in judged if one.window.model == model]
    found = latest(
        home, model, cut, now=now, after=max((one.window.high for one in past), default=None)
    )
    if found is not None and not any(found.same(one.window) for one in past):
        return found
    seen: list[LogWindow] = []
    for one in reversed(past):
        if any(one.window.same(window) for window in seen) or len(seen) == BACK:
            continue
        seen.append(one.window)
        if one.labelled == one.rows:
            continue
        again = replace(one.window, known=now)
        labelled = int((~pd.isna(_rows(home, again, schema)[schema.target])).sum())
        if labelled > one.labelled and labelled >= min(one.rows, GROWN * one.labelled):
            return again
    return None


def latest(
    home: Home, model: str, cut: LogConfig, *, now: int, after: str | None = None
) -> LogWindow | None:
    """Return the newest window that is complete, None where there is none.

    Windows by time end at multiples of their step since 1970. Windows by rows end at multiples
    of it since the last judged one, or the log's begin.

    Args:
        home: whose log.
        model: registered name.
        cut: how long windows are.
        now: nanoseconds since 1970, UTC.
        after: where the last judged window ended.
    """
    horizon = now - int(cut.wait * SECOND)
    if cut.hours is not None:
        step = int((cut.step or cut.hours) * HOUR)
        end = horizon // step * step
        begin = max(0, end - int(cut.hours * HOUR))
        found = LogWindow(model, f"{begin:016x}", f"{end:016x}", now)
        return found if len(_ids(home, model, found.low, found.high)) else None
    rows, step = int(cut.length), int(cut.step or cut.length)
    high = f"{horizon:016x}"
    ids = np.sort(_ids(home, model, "", high))
    # Of a window that slides, the first rows are those of the one before.
    judged = 0 if after is None else int(np.searchsorted(ids, after)) - (rows - step)
    first = max(0, judged)
    windows = (len(ids) - first - rows) // step
    if windows < 0:
        return None
    start = first + windows * step
    stop = start + rows
    return LogWindow(model, ids[start], ids[stop] if stop < len(ids) else high, now)


def read_log(
    home: Home,
    window: LogWindow,
    schema: Schema,
    whole: Schema | None = None,
    *,
    by: int | None = None,
    ids: Sequence[str] | None = None,
) -> Window:
    """Read a window of the log in canonical form, with the labels known to it.

    Of an answer that several versions gave, or the challenger was only asked for beside, there
    is one row. A row that was sent again under its own id counts as it was sent last. Where a
    request did not tell a row's id, the prediction's stands in, and for its timestamp the
    moment of prediction.

    Args:
        home: whose log.
        window: which.
        schema: of the model that is judged.
        whole: with the features that were dropped, see ``registry.sources.read_window``.
        by: a version, whose rows are told as it read them; None is whoever gave the answer.
        ids: of the predictions that are asked for; None are all.

    Raises:
        BadData: there is no row in it, or the log is damaged.
        Unavailable: the log's store does not answer.
    """
    return to_window(_rows(home, window, whole or schema, by, ids), schema, whole)


def read_features(
    home: Home, window: LogWindow, schema: Schema, *, by: int, ids: Sequence[str]
) -> pd.DataFrame:
    """Return what a version read of some predictions, canonical, in the order of their ids.

    Args:
        home: whose log.
        window: which holds them all.
        schema: of the version.
        by: the version; it made each of them once.
        ids: of the predictions.

    Raises:
        BadData: none of them is in the log, or the log is damaged.
        Unavailable: the log's store does not answer.
    """
    return features_of(_logged(home, window, by, ids), schema.features)


def _rows(
    home: Home,
    window: LogWindow,
    schema: Schema,
    by: int | None = None,
    ids: Sequence[str] | None = None,
) -> pd.DataFrame:
    table = _logged(home, window, by, ids)
    own = table.column("prediction_id").to_pandas()
    keys = _column(table, "row_id")
    rows = features_of(table, schema.features)
    rows[schema.target] = labels_of(home, window.model, schema, own, keys, until=window.known)
    if schema.timestamp is not None:
        moments = pd.Series(values_of(table.column("at"), "date"))
        told = None if "row_time" not in table.column_names else table.column("row_time")
        rows[schema.timestamp] = (
            moments if told is None else pd.Series(values_of(told, "date")).fillna(moments)
        )
    if schema.id is not None:
        rows[schema.id] = own if keys is None else keys.fillna(own)
        rows = rows.drop_duplicates(schema.id, keep="last", ignore_index=True)
    return rows


def _logged(home: Home, window: LogWindow, by: int | None, ids: Sequence[str] | None) -> Any:
    kept = _given(window.low, window.high, by)
    table = read(address(home, "predictions", window.model), None, kept)
    if ids is not None and table.num_rows:
        wanted = pc.is_in(table.column("prediction_id"), pa.array(ids, pa.string()))
        table = table.filter(wanted)
    if table.num_rows == 0:
        raise BadData(
            f"The inference log has no rows for {window.name}.",
            hint="they may be older than log.keep_days; predict, then take the newest",
        )
    return table.sort_by("prediction_id")


def _column(table: Any, name: str) -> Any:
    return table.column(name).to_pandas() if name in table.column_names else None


def _ids(home: Home, model: str, low: str, high: str) -> Any:
    where = address(home, "predictions", model)
    table = read(where, ["prediction_id"], _given(low, high))
    if table.num_rows == 0:
        return np.array([], dtype=object)
    return table.column("prediction_id").to_numpy()


def _given(low: str, high: str, by: int | None = None) -> Any:
    within = (pc.field("prediction_id") >= low) & (pc.field("prediction_id") < high)
    return within & (pc.field("role") != "shadow" if by is None else pc.field("version") == by)
