"""Reconstruction error: do the window's features still hang together as the reference's do?"""

from collections.abc import Callable

import numpy as np
import pandas as pd

from factory.detectors.finding import NOTHING, Finding
from factory.detectors.joint import encode, sample
from factory.detectors.ks import ks
from factory.nouns import Floats, Schema
from factory.profile import Numbers

ROWS = 10_000
"""Rows sampled from either side at most."""
FEWEST = 40
"""Rows that either side needs."""
KEPT = 0.65
"""Share of the reference's variance that the components keep."""
CHUNKS = 10
"""Consecutive parts of the reference, whose mean errors say what is usual."""


def pca(reference: pd.DataFrame, window: pd.DataFrame, schema: Schema, seed: int) -> Finding:
    """Compare all features jointly, by what principal components of the reference leave over.

    The components are fitted on a random half of the reference's rows; the other half and the
    window are rebuilt from them. The statistic is the window's mean error, measured from the
    mean of ten chunks of that other half in their standard deviation. The p-value and the
    effect are those of the Kolmogorov-Smirnov test on the errors of single rows. At most 10,000
    rows of either side are drawn.

    Args:
        reference: canonical rows, in time order.
        window: canonical rows.
        schema: features to look at.
        seed: of the samples and the half.

    Returns:
        The finding; where a side has fewer than 40 rows, or what is encoded has fewer than two
        columns, it is nothing.

    Source:
        Jackson and Mudholkar, Control procedures for residuals associated with principal
        component analysis (1979).

    >>> from factory.nouns import Column
    >>> schema = Schema((Column("a", "number"), Column("b", "number")), "y", "regression")
    >>> a = np.random.default_rng(0).normal(size=400)
    >>> before, now = (pd.DataFrame({"a": a, "b": s * a}) for s in (1, -1))
    >>> pca(before, now, schema, seed=0).p_value < 1e-6
    True
    """
    if min(len(reference), len(window)) < FEWEST:
        return NOTHING
    rng = np.random.default_rng(seed)
    reference, window = (f.iloc[sample(len(f), ROWS, rng)] for f in (reference, window))
    before, now = encode(reference, window, schema)
    return left_over(before, now, _learnt, rng)


def left_over(
    before: Floats,
    now: Floats,
    learn: Callable[[Floats], Callable[[Floats], Floats]],
    rng: np.random.Generator,
) -> Finding:
    """Compare what a model of a random half of the reference leaves over of the rest and of now.

    Args:
        before: encoded rows of the reference, in time order, shape (n, k).
        now: encoded rows of the window, shape (m, k).
        learn: makes of rows what tells the errors of others.
        rng: draws the half.

    Returns:
        The finding as ``pca`` describes it; nothing where there are fewer than two columns.
    """
    if before.shape[1] <= 1:
        return NOTHING
    fitted = np.zeros(len(before), dtype=bool)
    fitted[sample(len(before), len(before) // 2, rng)] = True
    lost = learn(before[fitted])
    usual, current = lost(before[~fitted]), lost(now)
    means = np.array([part.mean() for part in np.array_split(usual, CHUNKS)])
    spread = float(means.std(ddof=1))
    statistic = float(current.mean() - means.mean()) / spread if spread > 0 else 0.0
    return ks(Numbers.of(usual), Numbers.of(current))._replace(statistic=statistic)


def _learnt(rows: Floats) -> Callable[[Floats], Floats]:
    middle, components = fit_components(rows)
    return lambda others: errors(others - middle, components)


def fit_components(rows: Floats) -> tuple[Floats, Floats]:
    """Return the mean, shape (k,), and the components that are kept, shape (k, fewer).

    >>> fit_components(np.array([[1.0, 0.0], [3.0, 0.0]]))[1].ravel().tolist()
    [1.0, 0.0]
    """
    middle = rows.mean(axis=0)
    variances, vectors = np.linalg.eigh(np.cov(rows, rowvar=False))
    shares = np.cumsum(variances[::-1]) / max(float(variances.sum()), np.finfo(float).tiny)
    kept = min(int(np.searchsorted(shares, KEPT)) + 1, len(middle) - 1)
    return middle, vectors[:, ::-1][:, :kept]


def errors(rows: Floats, components: Floats) -> Floats:
    """Return how far centred rows of shape (n, k) are from what components rebuild, shape (n,).

    >>> errors(np.array([[3.0, 4.0]]), np.array([[1.0], [0.0]])).tolist()
    [4.0]
    """
    rest = rows - (rows @ components) @ components.T
    # Rounding in the last digits is no error that a test should see.
    lengths: Floats = np.sqrt((rest**2).sum(axis=1)).round(9)
    return lengths
