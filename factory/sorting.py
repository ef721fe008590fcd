"""Sorting numbers of which some are the value of many rows each."""

from itertools import pairwise

import numpy as np

from factory.nouns import Floats

LOOKED_AT, HEAVY, MANY = 256, 0.1, 32
"""Values that tell whether some are many rows' each, what share that is, and how many others."""


def sort(values: Floats, into: Floats) -> Floats:
    """Sort into other memory, counting values that are many rows' each.

    Such values among many others make numpy's sort three times as slow.

    >>> some = np.array([0.0] * 300 + [2.0, 0.0, np.nan, -1.0] * 50)
    >>> np.array_equal(sort(some, np.empty(500)), np.sort(some), equal_nan=True)
    True
    """
    seen, counts = np.unique(values[:: max(1, len(values) // LOOKED_AT)], return_counts=True)
    often = seen[counts > HEAVY * LOOKED_AT]
    if len(often) == 0 or len(seen) < MANY:
        into[:] = values
        into.sort()
        return into
    rest, ends = values, []
    for value in often:
        others = rest[rest != value]
        ends.append(len(rest) - len(others))
        rest = others
    rest.sort()
    cuts = [0, *np.searchsorted(rest, often).tolist(), len(rest)]
    at = 0
    for i, (start, stop) in enumerate(pairwise(cuts)):
        into[at : at + stop - start] = rest[start:stop]
        at += stop - start
        if i < len(often):
            into[at : at + ends[i]] = often[i]
            at += ends[i]
    return into
