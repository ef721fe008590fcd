"""``placeholder``: 0, -1 or nothing but nines, where they do not belong."""

from collections.abc import Mapping

import numpy as np

from factory.nouns import Bools, Floats
from factory.profile import Numbers
from factory.quality.feature import Feature, Finding, all_in_window, listed
from factory.quality.order import settled
from factory.quality.ranges import beyond

SHARE = 0.05
"""Share of the rows from which a placeholder is a problem."""
FEWEST = 5
"""Rows that it takes at least."""
ALONE = 0.1
"""Share of the placeholder's rows that may lie between it and the reference."""
IMPOSSIBLE, UNLIKELY = 1e-6, 1e-2
"""Chance below which it is no accident that all rows with a value are the window's: of 0, which
is a value as often as not, and of the others."""
GAPS = 3.0
"""Usual gaps between neighbouring values that it must stay away from them."""
LONGER = 10.0
"""Times as long as the window that an unsettled reference must be, to have seen that 0 is no
value: a wind that calms down does so for hours."""
EDGE = 10
"""Outermost different values of the reference that tell what gap is usual."""


def placeholder(feature: Feature, found: Mapping[str, Bools]) -> Finding | None:
    """Find numbers that stand for no number, where and as often as they never were before."""
    if not (isinstance(feature.reference, Numbers) and isinstance(feature.current, Numbers)):
        return None
    if not beyond(feature.reference, feature.current):
        return None
    rows = placeholders(feature.reference, feature.values)
    rows &= ~found.get("out_of_range", np.zeros_like(rows))
    if rows.any() and not (feature.is_short(LONGER) or settled(feature.reference)):
        rows &= feature.values != 0
    if not rows.any():
        return None
    return Finding(rows, f"by {listed([f'{v:g}' for v in np.unique(feature.values[rows])])}")


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
    often = (counts >= FEWEST) & (counts > SHARE * len(values))
    for value, count in zip(found[often].tolist(), counts[often].tolist(), strict=True):
        if not (_stands_for_nothing(value) and _alone(known, outside, value, count)):
            continue
        least = np.log(UNLIKELY if value else IMPOSSIBLE)
        if all_in_window(count, len(values), reference.size) < least:
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
