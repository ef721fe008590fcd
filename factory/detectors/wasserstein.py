"""The Wasserstein distance of two samples: the area between their distribution functions."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf, gammaincc, ndtr

from factory.detectors.finding import NOTHING, Finding
from factory.detectors.steps import steps
from factory.nouns import Floats
from factory.profile import Numbers

GAPS = 128
"""Stretches between pooled ranks on which the distribution under no change is computed."""


def wasserstein(reference: Numbers, window: Numbers, deff: float = 1.0) -> Finding:
    """Compare the distributions of finite values by how far rows would have to move.

    The statistic is in the feature's unit. The effect is the Kolmogorov-Smirnov distance of a
    normal reference that is shifted so far; its spread is read off the quartiles. Where those
    are equal it is read off the mean distance from the median, and without any spread every
    move has effect 1.

    Under no change the distribution functions differ by a Brownian bridge, so mean and variance
    of the area follow from the gaps between pooled values. The p-value is that of the gamma
    distribution with this mean and variance, but at least that of the signed area, which is
    normal and never larger; nothing is drawn at random.

    Args:
        reference: the reference's values.
        window: the window's values.
        deff: design effect: for how many dependent rows there is one independent row.

    Source:
        Statistic: equals ``scipy.stats.wasserstein_distance``. Limit: del Barrio, Giné and
        Matrán, Central limit theorems for the Wasserstein distance (1999).

    >>> low, high = Numbers.of(np.arange(50.0)), Numbers.of(np.arange(25.0, 75.0))
    >>> round(wasserstein(low, high).statistic, 9)
    25.0
    """
    n, m = reference.size, window.size
    if min(n, m) == 0:
        return NOTHING
    at, before, now = steps(reference, window)
    at = at / 4  # differences of the largest numbers stay finite
    reach = float(at[-1] - at[0])
    if reach == 0:
        return NOTHING
    distance = float(np.abs(before / n - now / m)[:-1] @ (np.diff(at) / reach))
    p_value = area_p_value(distance * np.sqrt(n * m / (n + m) / deff), at / reach, before + now)
    spread = _spread(reference.values / 4) / reach
    with np.errstate(divide="ignore", over="ignore"):
        moved = np.divide(distance, spread) if distance else 0.0
        statistic = min(float(np.multiply(distance * reach, 4.0)), float(np.finfo(float).max))
    return Finding(statistic, p_value, float(erf(moved / np.sqrt(8))))


def _spread(values: Floats) -> float:
    """Return the standard deviation of a normal sample, from sorted values."""
    last = len(values) - 1
    quartiles = values[3 * last // 4] - values[last // 4]
    if quartiles > 0:
        return float(quartiles / 1.349)
    peak = float(np.abs(values).max()) or 1.0
    return float(np.abs((values - values[last // 2]) / peak).mean() * np.sqrt(np.pi / 2) * peak)


def area_p_value(area: float, at: Floats, below: NDArray[np.intp]) -> float:
    """Return the chance of so large a scaled area between the distribution functions.

    Args:
        area: the distance times the root of n m / (n + m).
        at: distinct pooled values, shape (k,).
        below: pooled rows up to each, shape (k,).

    >>> two = np.array([0.0, 1.0]), np.array([50, 100])
    >>> round(area_p_value(1.96 * 0.5, *two), 2)  # two values: a normal difference of two shares
    0.05
    """
    bounds, means, products, covariance = _grid(int(below[-1]))
    # The value at a rank is the first whose rows reach it.
    widths = np.diff(at[np.searchsorted(below, bounds, "right")])
    mean = float(means @ widths)
    variance = float(widths @ products @ widths) - mean**2
    signed = np.sqrt(widths @ covariance @ widths)
    return float(
        max(gammaincc(mean**2 / variance, area * mean / variance), 2 * ndtr(-area / signed))
    )


@lru_cache(maxsize=64)
def _grid(rows: int) -> tuple[NDArray[np.intp], Floats, Floats, Floats]:
    """Return ranks that lie close in the tails, and what a Brownian bridge B does between them.

    Returns:
        The ranks, shape (k + 1,); for the k gaps the means of |B|, shape (k,), and of the
        products |B| |B| and B B, both of shape (k, k).
    """
    angles = np.linspace(0, np.pi / 2, GAPS + 1)
    bounds = np.unique(np.round(np.sin(angles) ** 2 * (rows - 1)).astype(np.intp))
    share = (bounds[:-1] + 1 + bounds[1:]) / (2 * rows)
    deviation = np.sqrt(share * (1 - share))
    covariance = np.minimum.outer(share, share) - np.outer(share, share)
    product = np.outer(deviation, deviation)
    correlation = np.clip(covariance / product, 0.0, 1.0)
    rest = product * np.sqrt(1 - correlation**2)
    products = (rest + covariance * np.arcsin(correlation)) * 2 / np.pi
    return bounds, np.sqrt(2 / np.pi) * deviation, products, covariance
