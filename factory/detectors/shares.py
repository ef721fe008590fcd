"""Tests of one share against another: missing values, and categories never seen before."""

import numpy as np
from scipy.special import chdtrc
from scipy.stats import fisher_exact

from factory.detectors.chi2 import ENOUGH
from factory.detectors.finding import NOTHING, Finding
from factory.profile import Categories
from factory.summary import Summary


def missing(reference: Summary, window: Summary, deff: float = 1.0) -> Finding:
    """Compare the shares of missing values; the effect is their difference.

    Args:
        reference: the reference's feature.
        window: the window's feature.
        deff: design effect: for how many dependent rows there is one independent row.

    >>> missing(Summary(np.arange(100) < 0), Summary(np.arange(100) < 30)).effect
    0.3
    """
    return _compare((reference.missing, reference.rows), (window.missing, window.rows), deff)


def unseen(reference: Categories, window: Categories, deff: float = 1.0) -> Finding:
    """Compare the share of unseen categories with what the reference makes one expect.

    A reference row is unseen by the others if its category occurs once; their share estimates
    how often a new category is nothing new. The effect is the share in excess of that, 0 if
    there is none. The statistic is the share itself.

    Args:
        reference: the reference's categories.
        window: the window's categories.
        deff: design effect: for how many dependent rows there is one independent row.

    Source:
        Good, The population frequencies of species and the estimation of population
        parameters (1953).

    >>> known = Categories.of(np.array(["a", "b"] * 50, dtype=object))
    >>> unseen(known, Categories.of(np.array(["a", "c"] * 50, dtype=object))).effect
    0.5
    """
    singles = sum(count == 1 for count in reference.counts.values())
    new = sum(n for name, n in window.counts.items() if name not in reference.counts)
    rows = window.rows - window.missing
    found = _compare((singles, reference.rows - reference.missing), (new, rows), deff)
    if found is NOTHING:
        return NOTHING
    share = new / rows
    if share <= singles / (reference.rows - reference.missing):
        return Finding(share, 1.0, 0.0)
    return Finding(share, found.p_value, found.effect)


def _compare(reference: tuple[int, int], window: tuple[int, int], deff: float) -> Finding:
    """Test two shares, each given as (hits, rows): chi-squared, or exactly where rows are few."""
    (some, rows), (others, size) = reference, window
    hits = some + others
    if rows == 0 or size == 0 or hits in {0, rows + size}:
        return NOTHING
    table = np.array([[some, rows - some], [others, size - others]], dtype=np.float64)
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / table.sum()
    statistic = float(((table - expected) ** 2 / expected).sum())
    few = expected.min() < ENOUGH
    if few:
        p_value = fisher_exact(np.round(table / deff).astype(np.int64)).pvalue
    else:
        p_value = chdtrc(1, statistic / deff)
    return Finding(statistic, float(min(p_value, 1.0)), abs(some / rows - others / size))
