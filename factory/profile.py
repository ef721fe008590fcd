"""Profiles: what a table's features look like, in the form that checks compare."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from factory.embedded import Embedded
from factory.factorize import factorize
from factory.lattice import Grouped
from factory.nouns import Counts, Floats, Schema
from factory.sorting import sort
from factory.summary import Summary

GRID = 2_048
"""Values of a feature between which distribution functions are compared first."""
BLOCKS = 10
"""Consecutive parts of a table in which a trend is looked for."""


@dataclass(frozen=True, eq=False)
class Numbers(Summary):
    """A feature of numbers.

    Attributes:
        present: the values that are not missing, in the table's order.
        room: where they can be sorted, shape (rows,), if memory was asked for before.
    """

    present: Floats
    room: Floats | None = field(default=None, kw_only=True)

    @classmethod
    def of(cls, column: NDArray[Any], room: Floats | None = None) -> Self:
        """Summarise values of shape (rows,), missing as NaN.

        >>> found = Numbers.of(np.array([2.0, np.nan, 1.0, 1.0]))
        >>> found.missing, found.values.tolist(), found.longest_rest
        (1, [1.0, 1.0, 2.0], 2)
        """
        column = np.asarray(column, dtype=np.float64)
        lost = np.isnan(column)
        return cls(lost, column[~lost] if lost.any() else column, room=room)

    @cached_property
    def values(self) -> Floats:
        """The finite values in ascending order."""
        room = np.empty_like(self.finite) if self.room is None else self.room
        return sort(self.finite, room[: self.size])

    @cached_property
    def distinct(self) -> Floats:
        """The finite values in ascending order, each once."""
        last = np.append(self.values[1:] != self.values[:-1], np.ones(len(self.values[:1]), bool))
        once: Floats = self.values[last]
        return once

    @cached_property
    def finite(self) -> Floats:
        """The finite values in the table's order."""
        sound = np.isfinite(self.present)
        return self.present if sound.all() else self.present[sound]

    @property
    def size(self) -> int:
        """Rows that hold a finite value."""
        return len(self.finite)

    @cached_property
    def cells(self) -> Grouped:
        """The finite values in cells that are laid around them; there has to be one."""
        return Grouped.around(self.finite)

    @property
    def infinite(self) -> int:
        """Rows that hold an infinite value."""
        return self.rows - self.missing - self.size

    @cached_property
    def grid(self) -> tuple[Floats, Counts, Counts]:
        """Some of the values, evenly spread over the rows, and the rows below and up to each."""
        values = self.values
        at = values[np.unique(np.linspace(0, len(values) - 1, GRID).astype(np.intp))]
        return at, self.below(at), self.upto(at)

    def below(self, at: Floats) -> Counts:
        """Count the rows with a finite value less than each of some numbers, shape (k,)."""
        return np.searchsorted(self.values, at, "left")

    def upto(self, at: Floats) -> Counts:
        """Count the rows with a finite value not above each of some numbers, shape (k,)."""
        return np.searchsorted(self.values, at, "right")

    def around(self, at: Floats) -> tuple[Counts, Counts]:
        """Count both: the rows below, and the rows up to each of some numbers.

        What does not tie is searched for once.
        """
        left = np.searchsorted(self.values, at, "left")
        tied = np.flatnonzero(self.values[np.minimum(left, len(self.values) - 1)] == at)
        right = left.copy()
        right[tied] = np.searchsorted(self.values, at[tied], "right")
        return self._rows(left), self._rows(right)

    def _rows(self, positions: Counts) -> Counts:
        return positions

    @property
    def longest_rest(self) -> int:
        """Most rows in a row that repeat one value."""
        return longest_rest(self.present)

    @property
    def trend(self) -> float:
        """How steadily the values rise (1) or fall (-1) with the rows; 0 if neither.

        It is Goodman and Kruskal's gamma of the medians of ten consecutive parts.

        >>> Numbers.of(np.repeat([1.0, 2.0, 3.0], 50)).trend
        1.0
        """
        if len(self.present) < BLOCKS:
            return 0.0
        earlier, later = np.triu_indices(BLOCKS, 1)
        with np.errstate(all="ignore"):
            medians = [np.median(part) for part in np.array_split(self.present, BLOCKS)]
            steps = np.sign(np.subtract(np.take(medians, later), np.take(medians, earlier)))
        moved = np.count_nonzero(steps)
        return float(np.nansum(steps) / moved) if moved else 0.0


@dataclass(frozen=True, eq=False)
class Categories(Summary):
    """A feature of categories.

    Attributes:
        codes: positions in ``names`` of the values that are not missing, in the table's order.
        names: the categories.
    """

    codes: NDArray[np.intp]
    names: tuple[str, ...]

    @classmethod
    def of(cls, column: NDArray[Any]) -> Self:
        """Summarise strings of shape (rows,), missing as None.

        >>> found = Categories.of(np.array(["b", "a", None, "b"], dtype=object))
        >>> found.missing, found.counts, found.longest_rest
        (1, {'b': 2, 'a': 1}, 1)
        """
        codes, names = factorize(column)
        lost = codes < 0
        return cls(lost, codes[~lost] if lost.any() else codes, tuple(names.tolist()))

    @cached_property
    def counts(self) -> Mapping[str, int]:
        """Rows per category, the commonest first."""
        counts = np.bincount(self.codes, minlength=len(self.names))
        order = np.argsort(-counts, kind="stable")
        names = map(self.names.__getitem__, order.tolist())
        return dict(zip(names, counts[order].tolist(), strict=True))

    @property
    def longest_rest(self) -> int:
        """Most rows in a row that repeat one category."""
        return longest_rest(self.codes)


@dataclass(frozen=True, eq=False)
class Profile:
    """The features of one table.

    Attributes:
        rows: rows of the table.
        features: the summary of each feature, in the schema's order.
    """

    rows: int
    features: Mapping[str, Summary]

    @classmethod
    def of(cls, frame: pd.DataFrame, schema: Schema) -> Self:
        """Summarise a canonical table.

        >>> from factory.nouns import Column
        >>> schema = Schema((Column("a", "number"),), "y", "regression")
        >>> Profile.of(pd.DataFrame({"a": [3.0, 1.0]}), schema).features["a"].values.tolist()
        [1.0, 3.0]
        """
        features: dict[str, Summary] = {}
        rooms = _rooms(sum(column.kind == "number" for column in schema.features), len(frame))
        for column in schema.features:
            values = frame[column.name].to_numpy()
            match column.kind:
                case "number":
                    features[column.name] = Numbers.of(values, next(rooms))
                case "category":
                    features[column.name] = Categories.of(values)
                case "date":
                    features[column.name] = Summary(np.asarray(pd.isna(values)))
                case "text" | "image":
                    features[column.name] = Embedded.of(values, column)
        return cls(len(frame), features)


def _rooms(columns: int, rows: int) -> Iterator[Floats]:
    """Yield memory for each column, asked for in one piece.

    From 4 MiB on numpy asks the system for huge pages, of which far fewer have to be mapped.
    """
    return iter(np.empty((columns, rows)))


def longest_rest(values: NDArray[Any]) -> int:
    """Return the length of the longest run of equal values.

    >>> longest_rest(np.array([1, 1, 2, 2, 2, 1])), longest_rest(np.array([]))
    (3, 0)
    """
    if len(values) == 0:
        return 0
    moves = np.flatnonzero(values[1:] != values[:-1]) + 1
    return int(np.diff(moves, prepend=0, append=len(values)).max())
