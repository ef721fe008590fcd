"""``constant``: a feature that varied stands still for the whole window."""

from collections.abc import Mapping

import numpy as np

from factory.nouns import Bools
from factory.profile import Categories, Numbers
from factory.quality.feature import Feature, Finding, Measured, tally
from factory.quality.order import in_order, mixes, moves

STILL = 30
"""Rows that a constant needs."""
RESTS, LONG_RESTS = 10, 100
"""Times the reference's longest rest that a constant must last, and for which it is told of
whatever the reference's order is like."""
LONGER = 3.0
"""Times as long as the window that a reference must be else, if its rows depend on each other."""
MOVES = 10
"""Times that a feature must have changed in the reference, else it rests by nature."""
USUAL = 0.75
"""Share of the reference from which a value is where the feature usually rests."""
IMPOSSIBLE = 1e-6
"""Chance below which something does not happen by itself."""


def constant(feature: Feature, found: Mapping[str, Bools]) -> Finding | None:
    """Find a feature that is stuck at one value in the whole window."""
    del found
    reference, current = feature.reference, feature.current
    if not (isinstance(reference, Measured) and isinstance(current, Measured)):
        return None
    if not stands_still(reference, current):
        return None
    long = current.rows - current.missing > LONG_RESTS * reference.longest_rest
    ordered = feature.times is not None
    if ordered and not (long or mixes(reference) or feature.is_short(LONGER)):
        return None
    value = feature.values[int(np.argmin(current.lost))]
    rows = np.ones(len(feature.window.frame), dtype=np.bool_)
    return Finding(rows, f"always {value!r}")


def stands_still(reference: Measured, window: Measured) -> bool:
    """Tell whether a feature that used to vary is stuck at one value.

    It is stuck far longer than it ever rested in the reference's own row order. What rests by
    nature is spared: a month, and a value that is the usual one, such as no snow.

    >>> reference = Numbers.of(np.random.default_rng(0).normal(size=500))
    >>> stands_still(reference, Numbers.of(np.zeros(200)))
    True
    >>> stands_still(Numbers.of(np.repeat([1.0, 2.0], 250)), Numbers.of(np.zeros(200)))
    False
    """
    rows = _rows_of_one_value(window)
    if rows < STILL:
        return False
    before = tally(reference)
    if len(before) < 2 or usual_share(reference, window) >= USUAL:  # noqa: PLR2004 - to vary takes two
        return False
    by_chance = float(before.max() / before.sum()) ** float(rows - 1)
    if by_chance >= IMPOSSIBLE or rows <= RESTS * reference.longest_rest:
        return False
    return len(moves(in_order(reference))) > MOVES


def _rows_of_one_value(window: Measured) -> int:
    """Return how many rows have the window's only value, 0 where it has several."""
    match window:
        case Numbers(values=values):
            same = len(values) > 0 and values[0] == values[-1]
            return window.size if same else 0
        case Categories(counts=counts):
            return next(iter(counts.values())) if len(counts) == 1 else 0


def usual_share(reference: Measured, window: Measured) -> float:
    """Return the share of the reference that holds the window's first value.

    >>> usual_share(Numbers.of(np.array([0.0, 0.0, 5.0, 0.0])), Numbers.of(np.zeros(9)))
    0.75
    """
    match reference, window:
        case Numbers(), Numbers():
            at = window.values[:1]
            rows = int((reference.upto(at) - reference.below(at)).sum())
            return rows / max(reference.size, 1)
        case Categories(), Categories():
            name = next(iter(window.counts), "")
            return reference.counts.get(name, 0) / max(sum(reference.counts.values()), 1)
    return 0.0
