"""Numbers that stand for no number: 0, -1 or nothing but nines, where they do not belong."""

import numpy as np

from factory.nouns import Bools, Floats
from factory.profile import Numbers

SHARE = 0.05
"""Share of the rows from which a placeholder is a problem."""
FEWEST = 5
"""Rows that it takes at least."""
ALONE = 0.1
"""Share of the placeholder's rows that may lie between it and the reference."""
GAPS = 3.0
"""Usual gaps between neighbouring values that it must stay away from them."""
EDGE = 10
"""Outermost different values of the reference that tell what gap is usual."""


def placeholders(reference: Numbers, values: Floats) -> Bools:
    """Mark rows that hold a placeholder, shape (rows,).

    A placeholder is 0, -1 or a number of nines only (99, -999, ...) that the reference's range
    does not hold, in more than 5 % of the rows, alone: next to nothing lies between it and the
    reference, and its distance to the reference is beyond the usual gap there, or it is -1
    where nothing was negative. A feature that drifts to 0 brings its neighbours with it.

    >>> reference = Numbers.of(np.linspace(80, 2500, 500))
    >>> placeholders(reference, np.array([0.0] * 10 + [700.0] * 90)).sum()
    10
    >>> placeholders(reference, np.linspace(0, 2500, 500)).sum()
    0
    """
    marked = np.zeros(len(values), dtype=np.bool_)
    known = reference.values
    if len(known) == 0:
        return marked
    outside = values[np.isfinite(values) & ((values < known[0]) | (values > known[-1]))]
    found, counts = np.unique(outside, return_counts=True)
    for value, count in zip(found, counts, strict=True):
        often = count >= FEWEST and count > SHARE * len(values)
        if often and _stands_for_nothing(value) and _alone(known, outside, value, count):
            marked |= values == value
    return marked


def _stands_for_nothing(value: float) -> bool:
    if value in {0.0, -1.0}:
        return True
    digits = f"{abs(value):.0f}"
    return float(value).is_integer() and len(digits) > 1 and set(digits) == {"9"}


def _alone(known: Floats, outside: Floats, value: float, count: int) -> bool:
    below = value < known[0]
    nearest = known[0] if below else known[-1]
    between = (outside > min(value, nearest)) & (outside < max(value, nearest))
    if between.sum() > ALONE * count:
        return False
    if value == -1.0 and nearest >= 0:
        return True
    different = np.unique(known)
    edge = different[:EDGE] if below else different[-EDGE:]
    usual = float(np.median(np.diff(edge))) if len(edge) > 1 else 0.0
    return bool(abs(nearest - value) > GAPS * usual)
