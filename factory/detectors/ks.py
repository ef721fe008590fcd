"""The Kolmogorov-Smirnov test of two samples, both already sorted."""

from typing import Literal

import numpy as np
from scipy.stats import kstwo

from factory.detectors.finding import NOTHING, Finding
from factory.nouns import Floats
from factory.profile import Numbers


def ks(reference: Numbers, window: Numbers) -> Finding:
    """Compare the distributions of finite values.

    The statistic is the largest distance between the two empirical distribution functions, and
    the effect as well. The p-value is the asymptotic one; ties make it cautious.

    Source:
        Hodges, The significance probability of the Smirnov two-sample test (1958); equals
        ``scipy.stats.ks_2samp(method="asymp")``.

    >>> low, high = Numbers.of(np.arange(50.0)), Numbers.of(np.arange(25.0, 75.0))
    >>> ks(low, high).statistic
    0.5
    """
    few, many = sorted((reference.values, window.values), key=len)
    if len(few) == 0:
        return NOTHING
    # The distance is largest just before or at a value of the smaller sample, because between
    # two of its values its own distribution function rests and the other only rises.
    at = _shares(many, few, "right") - _shares(few, few, "right")
    before = _shares(many, few, "left") - _shares(few, few, "left")
    distance = min(1.0, max(float(-at.min()), float(before.max()), 0.0))
    pairs = len(few) * len(many) / (len(few) + len(many))
    p_value = float(np.clip(kstwo.sf(distance, max(1.0, np.round(pairs))), 0.0, 1.0))
    return Finding(distance, p_value, distance)


def _shares(values: Floats, at: Floats, side: Literal["left", "right"]) -> Floats:
    return np.searchsorted(values, at, side=side) / len(values)
