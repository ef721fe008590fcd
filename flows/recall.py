"""What the loop may look up of a model's past: earlier versions, and rows with labels."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd

from factory.bundle import Bundle, row_hashes
from factory.nouns import ROWS, Bools, Schema
from flows.replayed import DRAWN, HELD, Gone, drawn
from flows.workplace import Workplace
from registry.entries import WindowEntry
from registry.frames import StandIn, load_frame


@dataclass(frozen=True)
class Table:
    """Rows that a model was trained or checked on.

    Attributes:
        sha256: their version.
        trained: whether ``factory train`` was given them, rather than a window of the loop.
        read: returns canonical rows, and per feature which of them are broken.
        stands: versions of the tables that its rows were drawn in place of; none where they are
            real.
    """

    sha256: str
    trained: bool
    read: Callable[[], tuple[pd.DataFrame, Mapping[str, Bools]]]
    stands: tuple[str, ...] = ()


class Memory(Protocol):
    """A model's past, as far as the loop asks for it."""

    def load(self, version: int) -> Bundle:
        """Return an earlier version."""

    def tables(self) -> Sequence[Table]:
        """Return the rows known of before the present window, oldest first, none quarantined."""

    def clock(self) -> float:
        """Return seconds, to measure what a remedy costs."""


@dataclass(frozen=True)
class Stored:
    """A model's past in the registry."""

    place: Workplace
    model: str

    def load(self, version: int) -> Bundle:
        """Return an earlier version."""
        return self.place.models.load(self.model, version)

    def tables(self) -> Sequence[Table]:
        """Return the rows known of before, oldest first.

        Those that were removed are one table, drawn by the newest version that stands for them.
        """
        entries = [w for w in self.place.ledger.windows(self.model) if not w.quarantined]
        gone = Gone.of(entries, self.place)
        there = [
            Table(w.sha256, w.source == "train", self._reader(w))
            for w in entries
            if w.sha256 not in gone.tables
        ]
        if gone.stands is None:
            return there
        return [Table(DRAWN, gone.trained, self._drawer(gone.stands), gone.tables), *there]

    def clock(self) -> float:
        """Return seconds."""
        return self.place.clock()

    def _drawer(self, stands: StandIn) -> Callable[[], tuple[pd.DataFrame, Mapping[str, Bools]]]:
        return lambda: drawn(self.place.models.load(stands.model, stands.version))

    def _reader(self, kept: WindowEntry) -> Callable[[], tuple[pd.DataFrame, Mapping[str, Bools]]]:
        return lambda: load_frame(self.place.home, kept.sha256, kept.broken)


@dataclass(frozen=True)
class Rows:
    """All labelled rows that a refit could learn from, oldest first.

    Attributes:
        frame: canonical rows, shape (n, columns).
        broken: per feature, which of them are broken; under ``*`` those broken as such, and under
            ``HELD`` those that are not learnt from.
        own: rows of the present window, shape (n,).
    """

    frame: pd.DataFrame
    broken: Mapping[str, Bools]
    own: Bools

    def sound(self, schema: Schema, newest: int | None = None) -> "pd.DataFrame | None":
        """Return rows without a broken value in the schema's features.

        Args:
            schema: of the refit.
            newest: look at so many of the newest rows only; None looks at all.

        Returns:
            None where ``newest`` is no less than all, since that is another refit's, and where
            a feature is unknown to these rows.
        """
        n = len(self.frame)
        if newest is not None and newest >= n:
            return None
        if not set(schema.names) <= set(self.frame.columns):
            return None
        kept = np.ones(n, dtype=bool)
        kept[: n - (n if newest is None else newest)] = False
        for name in (*schema.names, ROWS, HELD, schema.target):
            if name in self.broken:
                kept &= ~self.broken[name]
        return self.frame.loc[kept].reset_index(drop=True)


def gather(
    memory: Memory,
    schema: Schema,
    sha256: str,
    frame: pd.DataFrame,
    learn: Bools,
    broken: Mapping[str, Bools],
    *,
    earlier: int = 0,
    align: Callable[[pd.DataFrame], pd.DataFrame] = lambda frame: frame,
) -> Rows:
    """Gather the labelled rows that the model was ever trained or checked on.

    A row that came twice, such as a window that is part of newer training data, counts once.
    Where rows cannot be told apart, only the newest training data and what came after them count
    instead. A feature that some table lacks is missing and broken in its rows.

    Args:
        memory: the model's past.
        schema: with every feature that its line ever read.
        sha256: version of the present window.
        frame: its rows, after rows of earlier windows that are measured on with them.
        learn: those rows that may be learnt from, shape (rows,).
        broken: per feature, those that are broken.
        earlier: how many of them came in earlier windows; there they do not count again.
        align: tells the rows of one table in the units of the present.
    """
    tables = list(memory.tables())
    starts = [number for number, table in enumerate(tables) if table.trained]
    first = 0 if schema.identifiable or not starts else starts[-1]
    parts = []
    taken = row_hashes(frame.head(earlier), schema) if earlier else np.empty(0, np.uint64)
    for table in tables[first:]:
        if table.sha256 != sha256:
            rows, marked = table.read()
            rows = align(rows)
            again = np.isin(row_hashes(rows, schema), taken) if earlier else False
            usable = np.ones(len(rows), dtype=bool) & ~np.asarray(again)
            parts.append(_part(rows, marked, schema, usable))
    parts.append(_part(align(frame), broken, schema, learn))
    sizes = [len(part[0]) for part in parts]
    own = np.repeat([False] * (len(parts) - 1) + [True], sizes)
    filled = [frame for frame, _ in parts if len(frame)]
    rows = pd.concat(filled, ignore_index=True) if filled else parts[-1][0]
    names = sorted({name for _, marked in parts for name in marked})
    marks = {
        name: np.concatenate([m.get(name, np.zeros(len(f), dtype=bool)) for f, m in parts])
        for name in names
    }
    order = _order(rows, schema)
    return Rows(
        rows.iloc[order].reset_index(drop=True),
        {name: mask[order] for name, mask in marks.items()},
        own[order],
    )


def _order(rows: pd.DataFrame, schema: Schema) -> "np.ndarray[tuple[int], np.dtype[np.intp]]":
    """Return positions of rows in time order, each once."""
    order = np.arange(len(rows))
    if schema.identifiable:
        order = np.sort(np.unique(row_hashes(rows, schema), return_index=True)[1])
    if schema.timestamp is not None:
        moments = rows[schema.timestamp].to_numpy()[order]
        order = order[np.argsort(moments, kind="stable")]
    return order


def _part(
    frame: pd.DataFrame, broken: Mapping[str, Bools], schema: Schema, usable: Bools
) -> tuple[pd.DataFrame, dict[str, Bools]]:
    wanted = (*schema.names, schema.target, schema.timestamp, schema.id)
    columns = [name for name in wanted if name is not None]
    beside = [column.name for column in schema.beside]
    if schema.target not in frame:
        return pd.DataFrame(columns=columns + beside), {}
    known = usable & frame[schema.target].notna().to_numpy()
    marks = {name: mask[known] for name, mask in broken.items() if mask[known].any()}
    lacking = [name for name in columns if name not in frame]
    marks |= {name: np.ones(int(known.sum()), dtype=bool) for name in lacking}
    return frame.reindex(columns=columns + beside).loc[known], marks
