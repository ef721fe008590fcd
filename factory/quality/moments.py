"""``late`` and ``future``: moments that cannot be the window's."""

from typing import NamedTuple

import numpy as np

from factory.nouns import Bools, Floats
from factory.quality.feature import Finding, days
from factory.quality.rows import Rows

FEWEST = 20
"""Rows from which the bulk of a window is known."""
BULK = 0.05, 0.95
"""Quantiles between which the bulk of the rows lies."""
SPANS, USUAL_SPANS = 10.0, 3.0
"""Spans of the bulk, and times what the reference reached, that a row may lie away from it."""
SHORTEST = 0.01
"""Share of the reference's span that a window's span counts as at least."""
SHARE, SOME = 0.01, 5
"""Share and number of such rows that is a problem; fewer are if they lie absurdly far away."""
ABSURD = 3.0
"""Times the whole time from the reference's start to the window that is absurdly far."""
SKEW = np.timedelta64(1, "D")
"""How far a clock may be ahead; local time is at most 14 hours ahead of UTC."""


class Bulk(NamedTuple):
    """Where most moments lie, in nanoseconds: their quantiles, and how far the others reach."""

    low: float
    high: float
    before: float
    after: float

    @property
    def span(self) -> float:
        """Length of the bulk."""
        return self.high - self.low


def late(rows: Rows) -> Finding | None:
    """Find rows from long before the window, and before the reference's end.

    Long is ten times the span of the window's bulk, and three times what the reference's own
    stragglers reached.
    """
    marked = _far(rows, ahead=False)
    if marked is None:
        return None
    times = np.sort(_times(rows)[marked])
    end = days(_known(rows).max())
    return Finding(marked, f"the first at {days(times[0])}, and the reference ends at {end}")


def future(rows: Rows) -> Finding | None:
    """Find rows from long after the rest of the window, and labelled ones from after now.

    A row without a label may well tell of what is still to come.
    """
    marked = _far(rows, ahead=True)
    ahead = np.zeros(len(rows.window), dtype=np.bool_) if marked is None else marked
    if rows.now is not None and rows.times is not None:
        ahead |= (rows.times > rows.now + SKEW) & rows.labelled
    if not ahead.any():
        return None
    return Finding(ahead, f"the last at {days(_times(rows)[ahead].max())}")


def bulk(times: Floats) -> Bulk:
    """Return where the bulk of the moments lies.

    >>> bulk(np.arange(101.0))
    Bulk(low=5.0, high=95.0, before=5.0, after=5.0)
    """
    low, high = np.quantile(times, BULK).tolist()
    return Bulk(low, high, low - float(times.min()), float(times.max()) - high)


def _far(rows: Rows, *, ahead: bool) -> Bools | None:
    """Mark rows far before or after the bulk of the window, if there are enough of them."""
    if rows.times is None or rows.known_times is None:
        return None
    times = _nanoseconds(_times(rows))
    known = _nanoseconds(_known(rows))
    if np.isfinite(times).sum() < FEWEST or len(known) < FEWEST:
        return None
    now, before = bulk(times[np.isfinite(times)]), bulk(known)
    span = max(now.span, SHORTEST * before.span)
    usual = (before.after if ahead else before.before) / max(before.span, 1.0)
    limit = span * max(SPANS, USUAL_SPANS * usual)
    away = times - now.high if ahead else now.low - times
    if not ahead:
        away = np.where(times < known.max(), away, -np.inf)
    with np.errstate(invalid="ignore"):
        marked = np.asarray(away > limit)
    whole = max(known.max(), now.high) - known.min()
    absurd = marked & (away > ABSURD * max(whole, span))
    enough = marked.sum() >= max(SOME, SHARE * len(times))
    found = marked if enough else absurd
    return found if found.any() else None


def _times(rows: Rows) -> "np.typing.NDArray[np.datetime64]":
    return np.empty(0, "datetime64[ns]") if rows.times is None else rows.times


def _known(rows: Rows) -> "np.typing.NDArray[np.datetime64]":
    times = rows.known_times
    return np.empty(0, "datetime64[ns]") if times is None else times[~np.isnat(times)]


def _nanoseconds(times: "np.typing.NDArray[np.datetime64]") -> Floats:
    return np.where(np.isnat(times), np.nan, times.astype(np.int64).astype(np.float64))
