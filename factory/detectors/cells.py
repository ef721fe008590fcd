"""Both samples counted in the same cells: what the binned divergences compare."""

from typing import TypeVar

import numpy as np
from scipy.special import chdtrc

from factory.detectors.chi2 import counts, pooled
from factory.nouns import Floats
from factory.profile import Categories, Numbers

CELLS = 10
"""Quantile cells of a number, where rows suffice."""
ROWS = 10
"""Rows per cell that the smaller sample should have; fewer rows get fewer cells."""
Feature = TypeVar("Feature", Numbers, Categories)


def cells(reference: Feature, window: Feature) -> Floats:
    """Count both samples in cells, shape (2, k); cells that are too rare to test share one.

    Numbers are cut at quantiles of the reference, categories are cells of their own.

    >>> low, high = Numbers.of(np.arange(40.0)), Numbers.of(np.arange(20.0, 60.0))
    >>> cells(low, high).tolist()
    [[10.0, 10.0, 10.0, 10.0], [30.0, 10.0, 0.0, 0.0]]
    """
    if isinstance(reference, Numbers) and isinstance(window, Numbers):
        return pooled(quantile_counts(reference, window))
    return pooled(counts(reference, window))


def quantile_counts(reference: Numbers, window: Numbers) -> Floats:
    """Count finite values between quantiles of the reference, shape (2, k).

    A value that fills a cell by itself becomes one, so that what moves beside it is seen.

    >>> low, high = Numbers.of(np.zeros(30)), Numbers.of(np.repeat([-1.0, 0.0, 1.0], 10))
    >>> quantile_counts(low, high).tolist()
    [[0.0, 30.0, 0.0], [10.0, 10.0, 10.0]]
    """
    before, n, m = reference.values, reference.size, window.size
    if min(n, m) == 0:
        return np.array([[n], [m]], dtype=np.float64)
    k = int(np.clip(min(n, m) // ROWS, 2, CELLS))
    edges = np.unique(before[np.arange(1, k) * n // k])
    rows = reference.upto(edges) - reference.below(edges)
    edges = np.union1d(edges, np.nextafter(edges[rows * k > n], np.inf))
    rows_below = [[0, *side.below(edges), side.size] for side in (reference, window)]
    return np.diff(rows_below).astype(np.float64)


def shares(table: Floats, padding: float = 0.0) -> Floats:
    """Return the share of each sample per cell, shape (2, k); ``padding`` is added to each count.

    >>> shares(np.array([[1.0, 3.0], [2.0, 2.0]])).tolist()
    [[0.25, 0.75], [0.5, 0.5]]
    """
    padded = table + padding
    divided: Floats = padded / padded.sum(axis=1, keepdims=True)
    return divided


def p_value(table: Floats, divergence: float, deff: float = 1.0) -> float:
    """Return the chance of so large a divergence between two samples with equal shares.

    Args:
        table: the counts, shape (2, k).
        divergence: scaled so that for near shares p and q it is the sum of (p - q)^2 / p.
        deff: design effect: for how many dependent rows there is one independent row.

    Source:
        Pardo, Statistical inference based on divergence measures (2006): times n m / (n + m)
        such a divergence is asymptotically chi-squared with k - 1 degrees of freedom.

    >>> round(p_value(np.array([[50.0, 50.0], [60.0, 40.0]]), 0.0404), 3)
    0.155
    """
    n, m = table.sum(axis=1)
    freedom = table.shape[1] - 1
    return float(chdtrc(freedom, divergence * n * m / (n + m) / deff)) if freedom else 1.0
