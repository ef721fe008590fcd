"""``stuck``: for a part of the window a feature repeats one value, far longer than before."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from factory.nouns import Bools, Counts
from factory.profile import Categories, Numbers
from factory.quality.constant import IMPOSSIBLE, LONG_RESTS, RESTS, STILL, USUAL
from factory.quality.feature import Feature, Finding, Measured, days
from factory.quality.order import Times, in_order, mixes, moves, rate, span

SHARE = 0.01
"""Share of the window's rows that a stretch needs."""
LONGER = 10.0
"""Times as long as the stretch that a reference must be else, if its rows depend on each other."""
MOVES = 30
"""Times that a feature must have changed in the reference to tell how long it rests."""


def stuck(feature: Feature, found: Mapping[str, Bools]) -> Finding | None:
    """Find the stretches in which a feature stands still that used to move.

    A stretch has ten times the rows of the longest rest of the reference, and more by as much as
    the window has more rows per time, since a reference may be a sample of its rows. It needs 30
    rows and a hundredth of the window. Without a timestamp the order of rows says
    nothing, and nothing is found; where several sources take turns in a table, one of them that
    is stuck leaves no stretch. What other rules marked does not count, nor does a value that is
    the usual one.
    """
    if feature.times is None or not isinstance(feature.reference, Measured):
        return None
    return _stretches(feature, feature.reference, feature.times, found)


def _stretches(
    feature: Feature, reference: Measured, times: Times, found: Mapping[str, Bools]
) -> Finding | None:
    least = max(STILL, int(SHARE * feature.current.rows))
    if not _may_rest(in_order(feature.current), least, found):
        return None
    present = ~feature.current.lost
    marked = np.logical_or.reduce([np.zeros_like(present), *found.values()])
    positions = np.flatnonzero(present & ~marked)
    sequence = in_order(feature.current)[~marked[present]]
    often = len(moves(in_order(reference))) > MOVES
    rest = reference.longest_rest if often else len(sequence)
    starts = moves(sequence)
    ends = np.append(starts[1:], len(sequence))
    rows = np.zeros_like(present)
    told = []
    for number in np.flatnonzero(ends - starts >= max(least, RESTS * rest + 1)):
        stretch = positions[starts[number] : ends[number]]
        value = sequence[starts[number]]
        if _is_unusual(feature, times, stretch, rest) and _is_no_chance(
            feature, value, len(stretch), len(starts)
        ):
            rows[stretch] = True
            when = f"{days(times[stretch[0]])} to {days(times[stretch[-1]])}"
            told.append(f"{feature.values[stretch[0]]!r} for {len(stretch):,} rows, {when}")
    if not told:
        return None
    more = f", and {len(told) - 1} times more" if len(told) > 1 else ""
    return Finding(rows, f"{told[0]}{more}; {rest:,} rows at most in the reference")


def _is_unusual(feature: Feature, times: Times, stretch: Counts, rest: int) -> bool:
    """Tell whether a stretch has too many rows for the reference's longest rest."""
    lasted, whole = span(times[stretch]), span(times)
    if lasted == 0:
        return False  # Rows of one moment are in no order.
    denser = max(1.0, rate(times) / rate(feature.known_times))
    if len(stretch) <= RESTS * rest * denser:
        return False
    long = LONG_RESTS * rest * denser < len(stretch)
    return long or mixes(feature.reference) or feature.is_short(LONGER * lasted / whole)


def _may_rest(sequence: NDArray[Any], rows: int, found: Mapping[str, Bools]) -> bool:
    """Tell at little cost whether a sequence may rest for so many rows.

    A rest that long spans two neighbours of every ``rows // 2``-th value, and all between them.
    """
    step = rows // 2
    probes = sequence[::step]
    same = np.flatnonzero(probes[1:] == probes[:-1]) * step
    return bool(found) or any((sequence[i : i + step] == sequence[i]).all() for i in same.tolist())


def _is_no_chance(feature: Feature, value: object, rows: int, starts: int) -> bool:
    reference, current = feature.reference, feature.current
    match reference, current:
        case Numbers(), Numbers():
            hits, size = int(np.count_nonzero(reference.present == value)), reference.size
        case Categories(), Categories():
            hits = reference.counts.get(current.names[int(str(value))], 0)
            size = len(reference.codes)
        case _:
            return False
    share = max(hits, 1) / max(size, 1)
    return share < USUAL and starts * share ** (rows - 1) < IMPOSSIBLE
