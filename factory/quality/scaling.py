"""How much larger one sample is than another, and how far they lie apart once that is undone."""

from typing import NamedTuple

import numpy as np
from scipy.special import kolmogorov

from factory.nouns import Floats
from factory.profile import Numbers

POINTS = 2_048
"""Values that stand for a sample."""
TRIM = 0.2
"""Share that is left out at either end when values are averaged."""
SURE = 2.576
"""Standard errors that an interval reaches to either side: 99 % confidence."""
TIE = 1e-9
"""Relative difference below which two values are the same."""


class Ratio(NamedTuple):
    """A ratio with its interval, and half of the interval's width in logarithms."""

    value: float
    low: float
    high: float
    width: float

    @property
    def is_certain(self) -> bool:
        """Whether the interval excludes 1."""
        return not self.holds(1.0)

    def holds(self, factor: float) -> bool:
        """Tell whether a factor lies in the interval."""
        return self.low <= factor <= self.high


def quantiles(sample: Numbers) -> Floats:
    """Return values evenly spread over a sample's rows, ascending; all where they are few.

    >>> quantiles(Numbers.of(np.array([3.0, 1.0, np.nan]))).tolist()
    [1.0, 3.0]
    """
    rows = sample.size
    if rows == len(sample.values) <= POINTS:
        return sample.values
    ranks = (np.arange(POINTS) + 0.5) / POINTS * rows
    if rows == len(sample.values):
        return sample.values[ranks.astype(np.intp)]
    return sample.values[np.searchsorted(sample.upto(sample.values), ranks)]


def centre(values: Floats) -> float:
    """Return a trimmed mean.

    >>> centre(np.array([1.0, 2.0, 3.0, 4.0, 999.0]))
    3.0
    """
    return _trimmed(np.sort(values))[0]


def ratio(reference: Floats, window: Floats, rows: tuple[int, int]) -> Ratio | None:
    """Return the factor between two samples whose zero is the same.

    It is the difference of the trimmed means of the sizes' logarithms, whose standard error
    follows from the winsorised variance.

    Args:
        reference: values, shape (n,); zeros do not count.
        window: values, shape (m,).
        rows: how many rows the two stand for.

    Source:
        Yuen, The two-sample trimmed t for unequal population variances (1974).

    >>> found = ratio(np.arange(1.0, 100), 2 * np.arange(1.0, 100), (99, 99))
    >>> round(found.value, 6), found.is_certain
    (2.0, True)
    """
    means, variances = [], []
    for values, size in zip((reference, window), rows, strict=True):
        sizes = np.abs(values[values != 0])
        sizes = sizes[np.isfinite(sizes)]
        if len(sizes) == 0:
            return None
        mean, variance = _trimmed(np.sort(np.log(sizes)))
        means.append(mean)
        variances.append(variance / max(size * len(sizes) / len(values), 1.0))
    log = means[1] - means[0]
    width = SURE * float(np.sqrt(sum(variances)))
    with np.errstate(over="ignore"):
        low, value, high = np.exp([log - width, log, log + width]).tolist()
    return Ratio(value, low, high, width)


def apart(reference: Numbers, window: Floats) -> float:
    """Return the largest distance of two distribution functions; values that tie are the same.

    Args:
        reference: the one sample.
        window: the other one's values, ascending, each standing for as many rows.

    >>> apart(Numbers.of(np.arange(10.0)), np.arange(5.0, 15.0))
    0.5
    """
    rows = len(window)
    if rows == 0 or reference.size == 0:
        return 0.0
    slack = TIE * np.abs(window)
    upto = np.arange(1, rows + 1) / rows - reference.upto(window + slack) / reference.size
    below = reference.below(window - slack) / reference.size - np.arange(rows) / rows
    return float(max(upto.max(), below.max(), 0.0))


def chance(distance: float, reference: int, window: int) -> float:
    """Return the p-value of a distance between samples of so many rows.

    Source:
        Smirnov, Table for estimating the goodness of fit of empirical distributions (1948).

    >>> round(chance(0.2, 100, 100), 3)
    0.037
    """
    return float(kolmogorov(np.sqrt(reference * window / (reference + window)) * distance))


def _trimmed(ordered: Floats) -> tuple[float, float]:
    """Return the trimmed mean of sorted values, and its variance times the number of rows."""
    cut = int(TRIM * len(ordered))
    kept = ordered[cut : len(ordered) - cut]
    winsorised = np.clip(ordered, kept[0], kept[-1])
    return float(kept.mean()), float(winsorised.var() / (1 - 2 * TRIM) ** 2)
