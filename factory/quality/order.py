"""What the order of a table's rows tells: how long a feature rests, and whether it wanders."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from factory.nouns import Counts
from factory.profile import Categories, Numbers
from factory.summary import Summary

Times = NDArray[np.datetime64]
"""Moments, shape (rows,)."""

PARTS, FEWEST_IN_PART = 10, 5
"""Consecutive parts of a reference that are compared, and rows in each."""
WANDERS = 0.3
"""Share of the ranks' variance that lies between the parts of a feature that wanders."""
LOOKED_AT = 2_000
"""Rows of a longer reference that are looked at."""
LEVELS, MANY = 30, 1_000
"""Different values from which rows are not only a few reports that many of them share, and rows
from which it does not matter."""


def moves(sequence: NDArray[Any]) -> Counts:
    """Return where a sequence changes its value, the first position included.

    >>> moves(np.array([1, 1, 2, 1])).tolist()
    [0, 2, 3]
    """
    if len(sequence) == 0:
        return np.empty(0, dtype=np.intp)
    return np.concatenate([[0], np.flatnonzero(sequence[1:] != sequence[:-1]) + 1])


def in_order(summary: Summary) -> NDArray[Any]:
    """Return a summary's values, or their codes, as far as they are present, in row order.

    >>> in_order(Numbers.of(np.array([2.0, np.nan, 1.0]))).tolist()
    [2.0, 1.0]
    """
    match summary:
        case Numbers():
            return summary.present
        case Categories():
            return summary.codes
    return np.empty(0)


def wanders(summary: Summary) -> bool:
    """Tell whether a feature's level depends on where in the table one looks.

    So does that of a feature that changed fewer times than the table has parts.

    >>> wanders(Numbers.of(np.random.default_rng(0).normal(size=500)))
    False
    >>> wanders(Numbers.of(np.sin(np.linspace(0, 6, 500))))
    True
    """
    values = in_order(summary)
    if len(values) > LOOKED_AT:
        values = values[np.linspace(0, len(values) - 1, LOOKED_AT).astype(np.intp)]
    parts = min(PARTS, len(values) // FEWEST_IN_PART)
    if parts < 2:  # noqa: PLR2004 - one part is the whole
        return False
    if len(moves(values)) < parts:
        return True
    ranks = rankdata(values)
    means = np.array([part.mean() for part in np.array_split(ranks, parts)])
    whole = float(ranks.var())
    # By chance alone the parts' means vary by this much.
    chance = whole * (parts - 1) / len(ranks)
    return whole > 0 and float(means.var()) - chance > WANDERS * whole


def settled(summary: Summary, levels: int = LEVELS) -> bool:
    """Tell whether a reference has seen the values that a feature takes.

    It has not where the feature wanders, nor where it took few different values: they may be a
    few reports that many rows share.

    >>> settled(Numbers.of(np.random.default_rng(0).normal(size=500)))
    True
    >>> settled(Numbers.of(np.tile([39.0, 41.0, 40.0], 100)))
    False
    """
    return _levels(summary) >= levels and not wanders(summary)


def mixes(summary: Summary) -> bool:
    """Tell whether the rows of a reference are as good as independent.

    >>> mixes(Categories.of(np.tile(np.array(["a", "b"], dtype=object), 600)))
    True
    """
    few = summary.rows < MANY and _levels(summary) < LEVELS
    return not few and not wanders(summary)


def _levels(summary: Summary) -> int:
    match summary:
        case Numbers():
            return len(summary.distinct)
        case Categories():
            return len(summary.names)
    return 0


def span(times: Times) -> float:
    """Return the time from the first to the last moment, in nanoseconds.

    >>> span(np.array(["2025-01-01", "NaT", "2025-01-02"], dtype="datetime64[ns]")) / 3.6e12
    24.0
    """
    known = times[~np.isnat(times)]
    return float((known.max() - known.min()).astype(np.int64)) if len(known) else 0.0


def rate(times: Times | None) -> float:
    """Return rows per nanosecond; one where the time between them is not known.

    >>> rate(np.array(["2025-01-01T00:00:00", "2025-01-01T00:00:01"], dtype="datetime64[s]"))
    2.0
    """
    length = 0.0 if times is None else span(times)
    if times is None or length == 0:
        return 1.0
    return float(np.count_nonzero(~np.isnat(times))) / length
