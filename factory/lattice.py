"""Cells that hold about as many of a column's numbers each, found without sorting them."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from factory.nouns import Floats

DRAWN, TAIL = 1_024, 100
"""Values that tell where most of them lie, of which the outermost hundredth is left out."""
FEWEST, MOST, ROWS = 16, 8_192, 4
"""Cells at least and about at most, and rows for each of them."""
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
        held = np.bincount(cls(low, scale, *plain).codes(values), minlength=strips)
        cells = 1.0 + held * most // len(values)
        return cls(low, scale, cells, np.cumsum(cells) - cells)

    @property
    def size(self) -> int:
        """Cells in all."""
        return int(self.first[-1] + self.cells[-1])

    def codes(self, values: Floats) -> NDArray[np.uint16]:
        """Return the cell of each finite value, shape (n,)."""
        codes = np.empty(len(values), dtype=np.uint16)
        room, other = np.empty((2, min(BLOCK, len(values))))
        strips = np.empty(len(room), dtype=np.intp)
        with np.errstate(over="ignore"):
            for start in range(0, len(values), BLOCK):
                some = values[start : start + BLOCK]
                places, whole, strip = (part[: len(some)] for part in (room, other, strips))
                np.subtract(some, self.low, out=places)
                places *= self.scale
                np.maximum(places, 0, out=places)
                np.minimum(places, len(self.cells) - SHORT, out=places)
                np.floor(places, out=whole)
                strip[:] = whole
                # How far into its strip a value lies is exact, so that its cell is never too early.
                places -= whole
                places *= np.take(self.cells, strip, out=whole, mode="clip")
                places += np.take(self.first, strip, out=whole, mode="clip")
                codes[start : start + BLOCK] = places
        return codes
