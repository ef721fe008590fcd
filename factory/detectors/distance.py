"""The Kolmogorov-Smirnov distance of two samples, of which only what may matter is sorted.

Where the rows of both samples are counted in the same cells, the distance at the cells' ends is
known, and within a cell it cannot be larger than the cell's rows allow. Only the rows of cells
that may hold more than what was found are looked at, in ever smaller cells.
"""

import numpy as np

from factory.counted import Counted
from factory.lattice import Cells
from factory.nouns import Bools, Counts
from factory.profile import Numbers

FEW, ROUNDS = 4_096, 4
"""Rows that are sorted at once, and how often more of them are divided before."""


def distance(reference: Numbers, window: Numbers) -> float:
    """Return the largest distance of the distribution functions of the finite values.

    There have to be some on either side.

    >>> distance(Numbers.of(np.arange(50.0)), Numbers.of(np.arange(25.0, 75.0)))
    0.5
    """
    if isinstance(reference, Counted) or isinstance(window, Counted):
        return _of_counts(reference, window)
    known, finite = reference.cells, window.finite
    codes, cells = known.lattice.codes(finite), known.lattice.size
    now = Cells.of(finite, codes, cells)
    found, wide = _wide(0.0, known, now)
    if wide @ (known.counts + now.counts) > FEW:
        # Rounded and whole numbers: many cells hold one value, and so have no inside.
        values, alike = known.alone
        strayed = np.flatnonzero(finite != np.take(values, codes))
        wide &= ~alike | (np.bincount(codes[strayed], minlength=cells) > 0)
    if not wide.any():
        return found
    return _looked_into(found, known.only(wide), now.only(wide))


def _looked_into(found: float, known: Cells, now: Cells) -> float:
    """Return the largest distance so far or, if larger, in these cells."""
    for _ in range(ROUNDS):
        if len(known.values) + len(now.values) <= FEW:
            break
        pivots = np.empty(len(known.before))
        for side in (now, known):
            pivots[side.codes] = side.values
        known, now = known.divided(pivots), now.divided(pivots)
        found, wide = _wide(found, known, now)
        # All rows at a pivot are alike.
        wide[1::3] = False
        known, now = known.only(wide), now.only(wide)
    return max(found, _sorted(known, now))


def _wide(found: float, known: Cells, now: Cells) -> tuple[float, Bools]:
    """Return the largest distance so far, and the cells that may hold a larger one."""
    (first, last), (start, end) = known.ends(), now.ends()
    found = max(found, float(np.abs(last - end).max(initial=0.0)))
    return found, np.maximum(last - start, end - first) > found


def _sorted(known: Cells, now: Cells) -> float:
    at, cells, here = known.ranked()
    if len(at) == 0:
        return 0.0
    others, _, there = now.ranked()
    below = np.searchsorted(others, at, "left") + there[cells]
    upto = np.searchsorted(others, at, "right") + there[cells]
    return _farthest(np.arange(len(at)) + here[cells], known.rows, (below, upto), now.rows)


def _of_counts(reference: Numbers, window: Numbers) -> float:
    """Return it where there are sorted values, each with its rows, instead of rows."""
    n, m = reference.size, window.size
    at, below, upto = reference.grid
    low, high = window.around(at)
    before, after = (below / n, low / m), (upto / n, high / m)
    found = max(float(np.abs(p - q).max()) for p, q in (before, after))
    # Between two points of the grid neither function leaves its values at their ends.
    most = np.maximum(before[0][1:] - after[1][:-1], before[1][1:] - after[0][:-1])
    gaps = np.flatnonzero(most > found)
    starts, lengths = upto[gaps], below[gaps + 1] - upto[gaps]
    where = np.repeat(starts - np.cumsum(lengths) + lengths, lengths)
    where += np.arange(len(where))
    if len(where) == 0:
        return found
    return max(found, _farthest(where, n, window.around(reference.values[where]), m))


def _farthest(where: Counts, n: int, other: tuple[Counts, Counts], m: int) -> float:
    """Return the largest distance at some rows of the reference and right before them.

    Between two of its values the reference's function rests and the other only rises, so that it
    is enough to look there. Equal values are cautious bounds but the first, right before, and the
    last, at, which are exact.

    Args:
        where: places of the rows among all of the reference's in ascending order, shape (k,).
        n: rows of the reference.
        other: rows of the window below and up to the values, shape (k,) each.
        m: rows of the window.
    """
    right_before = other[0] / m - where / n
    at_them = (where + 1) / n - other[1] / m
    return max(float(right_before.max()), float(at_them.max()))
