"""``out_of_range``: values that cannot be, judged by the reference's range and its tail."""

from collections.abc import Mapping

import numpy as np

from factory.nouns import Bools, Floats
from factory.profile import Numbers
from factory.quality.feature import Feature, Finding, all_in_window, finite
from factory.quality.order import settled, wanders

DAMAGED = 0.5
"""Share of impossible values from which the rest is not trusted either."""
RANGES, MOST_RANGES = 3.0, 100.0
"""Ranges that a value may lie outside the reference's range, and if that range is not settled."""
LEVELS, MANY = 100, 1_000
"""Different values that a settled reference has, and rows up to which a reference that wanders
may have seen so much less of the range."""
MIDDLE = 0.25, 0.75
"""Quantiles between which a window of an unsettled feature is taken for where it is now."""
IMPOSSIBLE = 1e-6
"""Chance below which something does not happen by itself."""
TAIL, FEWEST = 0.02, 5
"""Share of the reference, and number of values, that tell how far its tail reaches."""
REACH = 10.0
"""Mean tail steps that a value may lie beyond the extreme; exp(-10) is 1 in 22,000."""
UNKNOWN_REACH = 100.0
"""Ranges beyond the extreme that a value may lie where too few values make a tail."""


def impossible(feature: Feature, found: Mapping[str, Bools]) -> Finding | None:
    """Find impossible values; where more than half are, none of the rows is trusted."""
    del found
    if not (isinstance(feature.reference, Numbers) and isinstance(feature.current, Numbers)):
        return None
    if not beyond(feature.reference, feature.current, RANGES):
        return None
    outside = out_of_range(feature.reference, feature.values)
    if not outside.any():
        return None
    bad = feature.values[outside]
    worst = bad[np.argmax(np.abs(bad))]
    known = feature.reference.values
    limits = f"{known[0]:.4g} to {known[-1]:.4g}" if len(known) else "of no number"
    detail = f"such as {worst:.4g}, and the reference is {limits}"
    return Finding(outside, detail, everywhere=bool(outside.mean() > DAMAGED))


def out_of_range(reference: Numbers, values: Floats) -> Bools:
    """Mark impossible values, shape (rows,).

    They are infinite where the reference was finite, or more than three reference ranges outside
    the reference's range, and that either farther than its tail reaches or with too many
    different values to be chance. What wanders, rises or falls, so that a part of the reference
    tells little of the rest, has not settled on a range, and neither has what took few values:
    there the range is that of the reference and half of the window together, it grows with every
    value that lies no more than three ranges beyond it, and only a hundred reference ranges are
    too far in any case, or more where it wanders and the reference is short. A constant
    reference has no range.

    >>> reference = Numbers.of(np.linspace(20, 60, 500))
    >>> out_of_range(reference, np.array([95.0, -5.0, 9999.0, np.nan, -np.inf])).tolist()
    [False, False, True, False, True]
    """
    values = np.asarray(values, dtype=np.float64)
    infinite = np.isinf(values) & (reference.infinite == 0)
    known, now = reference.values, finite(values)
    if len(known) == 0:
        return infinite
    with np.errstate(over="ignore", invalid="ignore"):
        low, high = _limits(reference, now)
        above = _above(known, now, high)
        below = _above(-np.flip(known), -now, -low)
    return np.asarray(infinite | above | below, dtype=np.bool_)


def beyond(reference: Numbers, window: Numbers, ranges: float = 0.0) -> bool:
    """Tell at no cost whether a value is infinite, or so many ranges outside the reference's range.

    >>> low, high = Numbers.of(np.arange(9.0)), Numbers.of(np.arange(3.0, 7.0))
    >>> beyond(low, high), beyond(high, low), beyond(high, low, 3.0)
    (False, True, False)
    """
    known, values = reference.values, window.values
    if window.infinite or len(known) == 0 or len(values) == 0:
        return window.infinite > 0
    with np.errstate(over="ignore"):
        more = ranges * (known[-1] - known[0]) if ranges else 0.0
        return bool(values[-1] > known[-1] + more or values[0] < known[0] - more)


def _limits(reference: Numbers, values: Floats) -> tuple[float, float]:
    """Return between which values nothing is impossible."""
    low, high = float(reference.values[0]), float(reference.values[-1])
    if settled(reference, LEVELS):
        return low - RANGES * (high - low), high + RANGES * (high - low)
    here = np.sort(values[~np.isnan(values)])
    middle = np.quantile(here, MIDDLE) if len(here) else (low, high)
    body = min(low, float(middle[0])), max(high, float(middle[1]))
    up, down = _grown(body, here), -_grown((-body[1], -body[0]), -np.flip(here))
    shorter = max(1.0, MANY / reference.size) if wanders(reference) else 1.0
    most = MOST_RANGES * (high - low) * shorter
    return max(low - most, down), min(high + most, up)


def _grown(body: tuple[float, float], values: Floats) -> float:
    """Return the largest value that a range reaches over the ascending values beyond it."""
    low, high = body
    beyond = values[values > high]
    reached = np.concatenate([[high], beyond])
    gaps = np.diff(reached) > RANGES * (reached[:-1] - low)
    last = int(np.argmax(gaps)) if gaps.any() else len(beyond)
    return float(reached[last] + RANGES * (reached[last] - low))


def _above(reference: Floats, values: Floats, limit: float) -> Bools:
    """Mark values impossibly far above the sorted reference."""
    if reference[0] == reference[-1]:
        return np.zeros(len(values), dtype=np.bool_)
    far = np.asarray(values > limit)
    # Rows that share a value, such as one weather report, are one event and count once.
    hits, rows, n = len(np.unique(values[far])), np.isfinite(values).sum(), len(reference)
    # If all rows were exchangeable, the top `hits` of both samples would all lie in the window
    # with this chance; that many beyond the maximum, let alone beyond the limit, is rarer still.
    if hits == 0 or all_in_window(hits, int(rows), n) < np.log(IMPOSSIBLE):
        return far
    return np.asarray(far & (values > _reach(reference)), dtype=np.bool_)


def _reach(reference: Floats) -> float:
    """Return how far the upper tail of a sorted sample reaches.

    A power tail is straight in logarithms: the mean step there (Hill's estimate) says by which
    factor the extreme may grow. A lighter tail is overestimated, which only makes the rule
    milder. The step is enlarged by its own uncertainty.
    """
    median, highest = reference[len(reference) // 2], reference[-1]
    excess = reference[reference > median] - median
    if np.count_nonzero(reference != median) < FEWEST:
        return float("inf")
    k = min(max(FEWEST, int(TAIL * len(reference))), len(excess) - 1)
    if k < FEWEST:
        return float(highest + UNKNOWN_REACH * (highest - reference[0]))
    step = float(np.log(excess[-k:] / excess[-k - 1]).mean())
    step = (step + 1 / k) * (1 + 2 / np.sqrt(k))
    return float(median + (highest - median) * np.exp(REACH * step))
