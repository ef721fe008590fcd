"""Features that are too long to hold: what detectors ask of a summary, from counts."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from factory.nouns import Counts, Floats
from factory.profile import Categories, Numbers


@dataclass(frozen=True, eq=False)
class Counted(Numbers):
    """A feature of numbers that is too long to hold: values with the rows that each stands for.

    Attributes:
        points: finite values in ascending order, shape (k,).
        cumulative: rows that are not above each of them, shape (k,).
        gone: rows without a value.
        length: all rows.
    """

    points: Floats
    cumulative: Counts
    gone: int
    length: int

    @property
    def rows(self) -> int:
        """All rows."""
        return self.length

    @property
    def missing(self) -> int:
        """Rows without a value."""
        return self.gone

    @property
    def values(self) -> Floats:
        """The finite values in ascending order, each once."""
        return self.points

    @property
    def size(self) -> int:
        """Rows that hold a finite value."""
        return int(self.cumulative[-1]) if len(self.cumulative) else 0

    def below(self, at: Floats) -> Counts:
        """Count the rows with a finite value less than each of some numbers, shape (k,)."""
        return self._rows(np.searchsorted(self.points, at, "left"))

    def upto(self, at: Floats) -> Counts:
        """Count the rows with a finite value not above each of some numbers, shape (k,)."""
        return self._rows(np.searchsorted(self.points, at, "right"))

    def _rows(self, positions: Counts) -> Counts:
        return np.concatenate([[0], self.cumulative])[positions]


@dataclass(frozen=True, eq=False)
class Tallied(Categories):
    """A feature of categories that is too long to hold: rows per category.

    Attributes:
        tally: rows per category.
        gone: rows without a value.
        length: all rows.
    """

    tally: Mapping[str, int]
    gone: int
    length: int

    @property
    def rows(self) -> int:
        """All rows."""
        return self.length

    @property
    def missing(self) -> int:
        """Rows without a value."""
        return self.gone

    @property
    def counts(self) -> Mapping[str, int]:
        """Rows per category."""
        return self.tally
