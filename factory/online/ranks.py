"""Where a value stands among the rows of a reference, and among those of a part of it."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from factory.nouns import Floats

Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Ranks:
    """The ranks of reference rows among themselves, column by column.

    Attributes:
        values: sorted, shape (d, n).
        below: rows below each row, in the reference's order, shape (d, n).
        upto: rows not above it, shape (d, n).
        suffix: sum of ``upto`` over the sorted rows from a place on, shape (d, n + 1).
        own: sum of the squares of ``upto``, shape (d,).
    """

    values: Floats
    below: Counts
    upto: Counts
    suffix: Counts
    own: Counts

    @classmethod
    def of(cls, reference: Floats) -> Self:
        """Rank rows of shape (n, d).

        >>> found = Ranks.of(np.array([[2.0], [1.0], [2.0]]))
        >>> found.below.tolist(), found.upto.tolist(), found.suffix.tolist()
        ([[1, 0, 1]], [[3, 1, 3]], [[7, 6, 3, 0]])
        """
        columns = np.ascontiguousarray(reference.T)
        values = np.sort(columns, axis=1)
        pairs = list(zip(values, columns, strict=True))
        below = np.array([np.searchsorted(known, column, "left") for known, column in pairs])
        upto = np.array([np.searchsorted(known, column, "right") for known, column in pairs])
        backwards = np.cumsum(np.sort(upto, axis=1)[:, ::-1], axis=1)[:, ::-1]
        suffix = np.pad(backwards, ((0, 0), (0, 1)))
        return cls(values, below, upto, suffix, (upto**2).sum(axis=1))

    @property
    def rows(self) -> int:
        """Rows of the reference."""
        return self.values.shape[1]

    def place(self, below: Counts, upto: Counts) -> tuple[Counts, Counts, Counts]:
        """Return also the sum of ranks over the rows not below a value, each shape (d,)."""
        return below, upto, self.suffix[np.arange(len(below)), below]


def stream_ranks(
    table: Ranks, streams: NDArray[np.intp]
) -> tuple[Counts, Counts, Counts, Counts, Counts]:
    """Return where the rows of streams stand among the rows that are not in their stream.

    Args:
        table: of the whole reference, n rows and d columns.
        streams: positions of rows, shape (streams, steps).

    Returns:
        The values as numbers of the same order; rows below; rows not above; the sum of ranks over
        the rows not below; each of shape (streams, d, steps). The sum of all squared ranks, shape
        (streams, d).

    >>> table = Ranks.of(np.array([[1.0], [2.0], [2.0], [3.0]]))
    >>> [found.ravel().tolist() for found in stream_ranks(table, np.array([[1, 3]]))]
    [[1, 3], [1, 2], [2, 2], [2, 0], [5]]
    """
    below, upto = table.below[:, streams], table.upto[:, streams]
    below, upto = below.swapaxes(0, 1), upto.swapaxes(0, 1)
    order = np.argsort(below, axis=-1)
    first = np.take_along_axis(below, order, -1)
    last = np.take_along_axis(upto, order, -1)
    lower, upper = _places(first)
    steps, n = streams.shape[1], table.rows
    over = n - first
    # Sums over the rows of the stream that are not below, or above, each value.
    ranks_from = _from(last - upper, lower)
    above = table.suffix[np.arange(len(table.suffix))[:, None], first]
    above = above - upper * over - _from(over, upper) - ranks_from
    own = table.own - 2 * table.suffix[np.arange(len(table.suffix))[:, None], first].sum(axis=-1)
    own += (over * (2 * np.arange(steps) + 1)).sum(axis=-1) - ((last - upper) ** 2).sum(axis=-1)
    found = [np.empty_like(below) for _ in range(3)]
    for target, values in zip(found, (first - lower, last - upper, above), strict=True):
        np.put_along_axis(target, order, values, -1)
    return below, *found, own


def _places(ordered: Counts) -> tuple[Counts, Counts]:
    """Return of sorted values how many are below each, and how many not above."""
    steps = ordered.shape[-1]
    places = np.arange(steps)
    new = np.ones(ordered.shape, dtype=bool)
    new[..., 1:] = ordered[..., 1:] != ordered[..., :-1]
    lower = np.maximum.accumulate(np.where(new, places, 0), axis=-1)
    ends = np.ones(ordered.shape, dtype=bool)
    ends[..., :-1] = new[..., 1:]
    upper = np.where(ends, places + 1, steps)[..., ::-1]
    return lower, np.minimum.accumulate(upper, axis=-1)[..., ::-1]


def _from(values: Counts, places: Counts) -> Counts:
    """Return the sums of values from places on."""
    sums = np.zeros((*values.shape[:-1], values.shape[-1] + 1), dtype=np.int64)
    sums[..., :-1] = np.cumsum(values[..., ::-1], axis=-1)[..., ::-1]
    found: Counts = np.take_along_axis(sums, places, -1)
    return found
