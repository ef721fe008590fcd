"""The Cramér-von Mises test of two samples."""

import numpy as np
from scipy.special import gammaln, kv

from factory.detectors.finding import NOTHING, Finding
from factory.detectors.steps import steps
from factory.profile import Numbers

FEWEST = 2
"""Rows that either side needs."""
TERMS = 40
"""Terms of the limiting distribution's series; fewer than ten count where the p-value is not 0."""


def cvm(reference: Numbers, window: Numbers, deff: float = 1.0) -> Finding:
    """Compare the distributions of finite values by their mean squared distance.

    The statistic is Anderson's T: the squared distance of the two empirical distribution
    functions, summed over all values. Where values tie, the functions are compared after the
    tie, so that samples of equal shares have T = 0. The effect is the root of the mean squared
    distance, times the square root of 3, which makes it 1 for samples that do not overlap and
    have equally many rows.

    Args:
        reference: the reference's values.
        window: the window's values.
        deff: design effect: for how many dependent rows there is one independent row.

    Source:
        Anderson, On the distribution of the two-sample Cramér-von Mises criterion (1962), with
        the mean and variance under no change given there. Equals
        ``scipy.stats.cramervonmises_2samp(method="asymptotic")`` where no values tie; with
        ties, scipy's ranks take a difference in rows for one in distribution.

    >>> low, high = Numbers.of(np.arange(50.0)), Numbers.of(np.arange(50.0, 100.0))
    >>> round(cvm(low, high).statistic, 4), round(cvm(low, high).effect, 4)
    (8.335, 1.0)
    """
    n, m = reference.size, window.size
    if min(n, m) < FEWEST:
        return NOTHING
    _, before, now = steps(reference, window)
    rows = np.diff(before + now, prepend=0)
    mean_square = float(rows @ (before / n - now / m) ** 2) / (n + m)
    statistic = mean_square * n * m / (n + m)
    effect = min(1.0, float(np.sqrt(3 * mean_square)))
    return Finding(statistic, _p_value(statistic / deff, n, m), effect)


def _p_value(statistic: float, n: int, m: int) -> float:
    """Return the chance of so large a T, from its limit after a match of mean and variance."""
    both, pairs = n + m, n * m
    mean = (1 + 1 / both) / 6
    spread = (both + 1) * (4 * pairs * both - 3 * (n**2 + m**2) - 2 * pairs)
    variance = spread / (45 * both**2 * 4 * pairs)
    matched = 1 / 6 + (statistic - mean) / np.sqrt(45 * variance)
    if matched < 0.003:  # noqa: PLR2004 - below it the distribution function is under 1e-17
        return 1.0
    k = np.arange(TERMS)
    odd = 4 * k + 1
    weight = np.exp(gammaln(k + 0.5) - gammaln(k + 1)) * np.sqrt(odd / matched) / np.pi**1.5
    decay = odd**2 / (16 * matched)
    return float(np.clip(1 - (weight * np.exp(-decay) * kv(0.25, decay)).sum(), 0.0, 1.0))
