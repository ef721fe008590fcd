"""Two sorted samples, walked through together."""

import numpy as np
from numpy.typing import NDArray

from factory.counted import Counted
from factory.nouns import Floats
from factory.profile import Numbers


def steps(reference: Numbers, window: Numbers) -> tuple[Floats, NDArray[np.intp], NDArray[np.intp]]:
    """Return where the two empirical distribution functions step, and how many rows are below.

    Returns:
        The distinct finite values of both samples in ascending order, and for each the rows of
        the reference and of the window that are not above it; shapes (k,).

    >>> low, high = Numbers.of(np.array([1.0, 2.0])), Numbers.of(np.array([2.0, 2.0, 3.0]))
    >>> [part.tolist() for part in steps(low, high)]
    [[1.0, 2.0, 3.0], [1, 2, 2], [0, 2, 3]]
    """
    before, now = reference.values, window.values
    if isinstance(window, Counted):
        at = np.union1d(before, now)
        return at, reference.upto(at), window.upto(at)
    both = np.concatenate((before, now))
    # A stable sort finds the two ascending runs and merges them: one pass, no sorting.
    order = np.argsort(both, kind="stable")
    both = both[order]
    below = np.cumsum((order < len(before)).astype(np.intp))
    last = np.append(both[1:] != both[:-1], np.ones(min(len(both), 1), dtype=bool))
    if last.all():
        return both, below, np.arange(1, len(both) + 1) - below
    ends = np.flatnonzero(last)
    below = below[ends]
    return both[ends], below, ends + 1 - below
