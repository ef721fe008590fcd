"""Thresholds that keep an expected run time, from streams drawn out of the reference."""

import math

import numpy as np
from numpy.typing import NDArray

from factory.nouns import Floats
from factory.online.protocol import TooFewRows

FEWEST = 2_500
"""Streams drawn at least."""
ALARMS = (10, 50)
"""Streams that are to alarm in a stretch: at least, and where that costs little."""
WORK = 1e8
"""Cost up to which a stretch gets the larger number."""
STRETCHES = 10
"""Stretches of a window's length that have a threshold of their own."""
JITTER = 1e-9
"""By how much equal statistics are told apart."""
_MASK = 2**64 - 1


def stretch(window: int) -> int:
    """Return how many consecutive steps share a threshold: a tenth of the window.

    >>> stretch(5), stretch(10), stretch(100)
    (1, 1, 10)
    """
    return max(1, window // STRETCHES)


def streams_needed(ert: float, steps: int, every: int, cost: float) -> int:
    """Return how many streams estimate thresholds well.

    Args:
        ert: expected run time.
        steps: length of the streams.
        every: steps that share a threshold.
        cost: of one stream.

    >>> streams_needed(50, steps=10, every=1, cost=400)
    3060
    """
    left = (1 - 1 / ert) ** steps
    least, best = (alarms * ert / every / left for alarms in ALARMS)
    return math.ceil(max(FEWEST, least, min(best, WORK / cost)))


def draw_streams(rows: int, length: int, count: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Draw streams of rows, each without repetition, shape (count, length).

    Each is a stretch of a random order of all rows, so each is drawn uniformly; stretches of one
    order share no row.

    Raises:
        TooFewRows: there are fewer rows than a stream is long.

    >>> found = draw_streams(5, 2, 3, np.random.default_rng(0))
    >>> found.shape, all(len({*stream}) == 2 for stream in found.tolist())
    ((3, 2), True)
    """
    if rows < length:
        raise TooFewRows(f"{rows} rows are no stream of {length}.")
    pieces = rows // length
    found = np.empty((-(-count // pieces), pieces, length), dtype=np.intp)
    order = np.arange(rows)
    for each in found:
        each[:] = rng.permutation(order)[: pieces * length].reshape(pieces, length)
    return found.reshape(-1, length)[:count]


def conditional_thresholds(statistics: Floats, ert: float, every: int = 1) -> Floats:
    """Return for each step what a stream without an earlier alarm exceeds with chance 1 / ert.

    Args:
        statistics: of streams without drift, shape (streams, steps); NaN before there is one.
        ert: expected run time.
        every: consecutive steps that share a threshold; their maximum then exceeds it with the
            chance of an alarm in any of them. 1 is the construction of the paper.

    Returns:
        Thresholds, shape (steps,); infinite where there is no statistic. The last one holds ever
        after.

    Source:
        Cobb, Van Looveren and Klaise, Sequential multivariate change detection with calibrated
        and memoryless false detection rates (2022).

    >>> rng = np.random.default_rng(0)
    >>> conditional_thresholds(rng.random((10_000, 2)), ert=10).round(2).tolist()
    [0.9, 0.9]
    """
    steps = statistics.shape[1]
    thresholds = np.full(steps, np.inf)
    left = statistics
    start = int(np.isnan(statistics[0]).sum())
    while start < steps:
        stop = min(start + every, steps)
        highest = left[:, start:stop].max(axis=1)
        thresholds[start:stop] = quantile(highest, (1 - 1 / ert) ** (stop - start))
        left = left[highest < thresholds[start]]
        start = stop
    return thresholds


def quantile(values: Floats, share: float) -> float:
    """Return a quantile, linear between order statistics.

    >>> quantile(np.array([3.0, 1.0, 2.0]), 0.75)
    2.5
    """
    place = (len(values) - 1) * share
    low = int(place)
    high = min(low + 1, len(values) - 1)
    lower, upper = np.partition(values, (low, high))[[low, high]]
    return float(lower + (place - low) * (upper - lower))


def noise(seed: int, step: int) -> float:
    """Return a number on [0, 1) that depends on nothing else, as if drawn.

    Statistics that take few values are told apart by it, so that an alarm can be as rare as asked.

    Source:
        Steele, Lea and Flood, Fast splittable pseudorandom number generators (2014).

    >>> 0 <= noise(0, 1) < 1, noise(0, 1) == noise(0, 2)
    (True, False)
    """
    z = (seed * 0xD1342543DE82EF95 + (step + 1) * 0x9E3779B97F4A7C15) & _MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
    return ((z ^ (z >> 31)) >> 11) / 2**53
