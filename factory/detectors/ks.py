"""The Kolmogorov-Smirnov test of two samples, both already sorted."""

import numpy as np
from scipy.stats import kstwo

from factory.detectors.finding import NOTHING, Finding
from factory.nouns import Floats
from factory.profile import Numbers

SUMMED = 2_000
"""Rows up to which scipy's sum for small p-values, of as many terms, is quick."""
FAR = 8.0
"""Rows times squared distance from which Smirnov's limit serves, at p-values below 3e-7."""


def ks(reference: Numbers, window: Numbers) -> Finding:
    """Compare the distributions of finite values.

    The statistic is the largest distance between the two empirical distribution functions, and
    the effect as well. The p-value is the asymptotic one; ties make it cautious.

    Source:
        Hodges, The significance probability of the Smirnov two-sample test (1958); equals
        ``scipy.stats.ks_2samp(method="asymp")``, which is too large by up to 2e-8 at
        p-values of a few percent, because it counts paths that cross both bounds twice.

    >>> low, high = Numbers.of(np.arange(50.0)), Numbers.of(np.arange(25.0, 75.0))
    >>> ks(low, high).statistic
    0.5
    """
    n, m = len(reference.values), len(window.values)
    if min(n, m) == 0:
        return NOTHING
    distance = _distance(*sorted((reference.values, window.values), key=len))
    p_value = _p_value(distance, max(1.0, np.round(n * m / (n + m))))
    return Finding(distance, float(np.clip(p_value, 0.0, 1.0)), distance)


def _p_value(distance: float, rows: float) -> float:
    squared = rows * distance**2
    if rows <= SUMMED or squared < 1:
        return float(kstwo.sf(distance, rows))
    if squared < FAR:
        return 1 - float(kstwo.cdf(distance, rows))
    return 2 * float(np.exp(-((6 * rows * distance + 1) ** 2) / (18 * rows)))


def _distance(few: Floats, many: Floats) -> float:
    # The distance is largest just before or at a value of the smaller sample, because between
    # two of its values its own distribution function rests and the other only rises. Among
    # equal values the first is right before and the last at; the others fall short.
    shares = np.arange(len(few) + 1) / len(few)
    at = shares[1:] - np.searchsorted(many, few, "right") / len(many)
    before = np.searchsorted(many, few, "left") / len(many) - shares[:-1]
    return max(float(at.max()), float(before.max()), 0.0)
