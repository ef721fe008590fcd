"""Cells that hold about as many of a column's numbers each, found without sorting them."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from factory.nouns import Bools, Counts, Floats

DRAWN, TAIL = 1_024, 100
"""Values that tell where most of them lie, of which the outermost hundredth is left out."""
FEWEST, MOST, ROWS = 16, 8_192, 4
"""Cells at least and about at most, and rows for each of them."""
COUNTED = 16_384
"""Values at least that tell how many cells a strip gets."""
WIDER = 4
"""Cells for each of the strips of one width that they are laid in."""

BLOCK = 16_384
"""Values that are placed at a time, so that what is worked out stays near the processor."""
SHORT = 2.0**-20
"""By how much of a strip the last one is too short, so that nothing is rounded out of it."""


@dataclass(frozen=True, slots=True)
class Lattice:
    """Strips of one width, each divided into cells of one width, many where many values lie.

    A greater number never lies in an earlier cell, whatever the rounding.

    Attributes:
        low: where the first strip begins.
        scale: strips per unit, above 0 and finite.
        cells: of each strip, shape (strips,).
        first: of each strip's cells, shape (strips,).
    """

    low: float
    scale: float
    cells: Floats
    first: Floats

    @classmethod
    def of(cls, values: Floats) -> Self:
        """Lay cells around finite values of shape (n,), n > 0, in any order.

        >>> lattice = Lattice.of(np.arange(100.0))
        >>> lattice.size, lattice.codes(np.array([-1e9, 0.0, 1.0, 50.0, 1e9])).tolist()
        (37, [0, 1, 2, 19, 36])
        """
        drawn = np.sort(values[:: -(-len(values) // DRAWN)])
        cut = len(drawn) // TAIL
        most = min(MOST, max(FEWEST, 1 << (len(values) // ROWS).bit_length()))
        strips = most // WIDER
        limits = np.finfo(np.float64)
        with np.errstate(over="ignore", divide="ignore"):
            width = drawn[-1 - cut] - drawn[cut]
            low = float(drawn[cut] - width / 2)
            scale = float(np.clip(strips / (2 * width), limits.tiny, limits.max))
        plain = np.ones(strips), np.arange(strips, dtype=np.float64)
        counted = values[:: max(1, len(values) // COUNTED)]
        held = np.bincount(cls(low, scale, *plain).codes(counted), minlength=strips)
        cells = 1.0 + held * most // len(counted)
        return cls(low, scale, cells, np.cumsum(cells) - cells)

    @property
    def size(self) -> int:
        """Cells in all."""
        return int(self.first[-1] + self.cells[-1])

    def codes(self, values: Floats) -> NDArray[np.uint16]:
        """Return the cell of each finite value, shape (n,)."""
        codes = np.empty(len(values), dtype=np.uint16)
        rows = min(BLOCK, len(values))
        # Two arrays are compared four times as fast as an array and a number.
        lowest, highest = np.zeros(rows), np.full(rows, len(self.cells) - SHORT)
        room, other = np.empty((2, rows))
        strips = np.empty(rows, dtype=np.intp)
        # Where a strip's cells end, the next one's begin: rounding leaves all in their order.
        shift = self.first - np.arange(len(self.cells)) * self.cells
        with np.errstate(over="ignore"):
            for start in range(0, len(values), BLOCK):
                some = values[start : start + BLOCK]
                places, looked, strip = (part[: len(some)] for part in (room, other, strips))
                np.subtract(some, self.low, out=places)
                places *= self.scale
                np.maximum(places, lowest[: len(some)], out=places)
                np.minimum(places, highest[: len(some)], out=places)
                strip[:] = places
                places *= np.take(self.cells, strip, out=looked, mode="wrap")
                places += np.take(shift, strip, out=looked, mode="wrap")
                codes[start : start + BLOCK] = places
        return codes


@dataclass(frozen=True, eq=False)
class Cells:
    """Rows of one sample in the cells that are looked at.

    Attributes:
        values: of the rows, shape (n,).
        codes: the cell of each; a greater value never lies in an earlier one.
        counts: rows in each cell, shape (cells,).
        before: rows of the sample below each cell, shape (cells,).
        rows: of the sample.
    """

    values: Floats
    codes: NDArray[Any]
    counts: Counts
    before: Counts
    rows: int

    @classmethod
    def of(cls, values: Floats, codes: NDArray[Any], cells: int) -> Self:
        """Look at all cells, of which there are so many."""
        counts = np.bincount(codes, minlength=cells)
        return cls(values, codes, counts, np.cumsum(counts) - counts, len(values))

    def ends(self) -> tuple[Floats, Floats]:
        """Return the distribution function before and after each cell."""
        return self.before / self.rows, (self.before + self.counts) / self.rows

    def only(self, kept: Bools) -> "Cells":
        """Return some of the cells, renumbered."""
        mine = self.within(kept)
        codes = (np.cumsum(kept) - 1)[self.codes[mine]]
        return Cells(self.values[mine], codes, self.counts[kept], self.before[kept], self.rows)

    def within(self, kept: Bools) -> Counts:
        """Return the positions of the rows that lie in some of the cells."""
        return np.flatnonzero(np.take(kept, self.codes))

    def divided(self, pivots: Floats) -> "Cells":
        """Divide each cell into what lies below, at and above a number."""
        at = pivots[self.codes]
        codes = 3 * self.codes + 1 + (self.values > at) - (self.values < at)
        counts = np.bincount(codes, minlength=3 * len(pivots)).reshape(-1, 3)
        before = self.before[:, None] + np.cumsum(counts, axis=1) - counts
        return Cells(self.values, codes, counts.ravel(), before.ravel(), self.rows)

    def ranked(self) -> tuple[Floats, Counts, Counts]:
        """Return the values and their cells in order, and what to add to a place in each cell.

        A row's place among those looked at and the cell's number make its place among all.
        """
        shift = self.before - np.cumsum(self.counts) + self.counts
        return np.sort(self.values), np.sort(self.codes), shift


@dataclass(frozen=True, eq=False)
class Grouped(Cells):
    """All rows of a sample in the order of its own cells.

    Attributes:
        lattice: the cells.
    """

    lattice: Lattice

    @classmethod
    def around(cls, values: Floats) -> Self:
        """Lay cells around finite values of shape (n,), n > 0, in any order.

        >>> found = Grouped.around(np.array([3.0, 1.0, 2.0, 1.0]))
        >>> found.values.tolist(), found.counts[found.codes].tolist()
        ([1.0, 1.0, 2.0, 3.0], [2, 2, 1, 1])
        """
        lattice = Lattice.of(values)
        codes = lattice.codes(values)
        order = np.argsort(codes, kind="stable")
        counts = np.bincount(codes, minlength=lattice.size)
        before = np.cumsum(counts) - counts
        ordered = np.repeat(np.arange(lattice.size, dtype=codes.dtype), counts)
        return cls(values[order], ordered, counts, before, len(values), lattice)

    def within(self, kept: Bools) -> Counts:
        """Return the positions of the rows that lie in some of the cells."""
        starts, lengths = self.before[kept], self.counts[kept]
        where: Counts = np.repeat(starts - np.cumsum(lengths) + lengths, lengths)
        where += np.arange(len(where))
        return where

    @cached_property
    def alone(self) -> tuple[Floats, Bools]:
        """A value of each cell, NaN where there is none, and whether all in the cell equal it."""
        same = self.counts > 0
        values = np.full(len(same), np.nan)
        values[same] = self.values[self.before[same]]
        same[self.codes[values[self.codes] != self.values]] = False
        return values, same
