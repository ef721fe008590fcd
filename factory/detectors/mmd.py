"""Maximum mean discrepancy: how far two samples' means are in a space that tells laws apart."""

import numpy as np
import pandas as pd

from factory.detectors.finding import NOTHING, Finding
from factory.detectors.joint import encode, sample
from factory.nouns import Floats, Schema

ROWS = 2_000
"""Rows sampled from either side at most."""
FEWEST = 10
"""Rows that either side needs."""
BLOCK = 512
"""Rows whose kernel is held in memory at once."""
PERMUTATIONS = 199
PAIRED = 500
"""Rows from whose distances the kernel's width is read."""


def mmd(reference: pd.DataFrame, window: pd.DataFrame, schema: Schema, seed: int) -> Finding:
    """Compare all features jointly, by the unbiased squared discrepancy of a Gaussian kernel.

    At most 2,000 rows of either side are drawn. The kernel is computed in blocks of rows, for
    the samples and for 199 permutations of them in one pass, so memory does not grow with the
    square of the rows. The kernel's width is the median distance between rows. The effect is
    the root of the discrepancy's share of both means' squared lengths.

    Args:
        reference: canonical rows.
        window: canonical rows.
        schema: features to look at.
        seed: of the samples and the permutations.

    Returns:
        The finding; where a side has fewer than 10 rows or there is no feature, it is nothing.

    Source:
        Gretton, Borgwardt, Rasch, Schölkopf and Smola, A kernel two-sample test (2012).

    >>> from factory.nouns import Column
    >>> schema = Schema((Column("a", "number"),), "y", "regression")
    >>> low, high = (pd.DataFrame({"a": np.arange(100.0) + s}) for s in (0, 50))
    >>> mmd(low, high, schema, seed=0).p_value
    0.005
    """
    if min(len(reference), len(window)) < FEWEST:
        return NOTHING
    rng = np.random.default_rng(seed)
    reference, window = (f.iloc[sample(len(f), ROWS, rng)] for f in (reference, window))
    before, now = encode(reference, window, schema)
    if before.shape[1] == 0:
        return NOTHING
    return of_points(before, now, permutations=PERMUTATIONS, rng=rng)


def of_points(
    before: Floats, now: Floats, *, permutations: int, rng: np.random.Generator
) -> Finding:
    """Compare two clouds of points, shapes (n, k) and (m, k), each of two points or more."""
    both = np.concatenate((before, now))
    sides = np.repeat([1.0, 0.0], [len(before), len(now)])
    permuted = [rng.permutation(sides) for _ in range(permutations)]
    squared, lengths = discrepancies(both, np.column_stack([sides, *permuted]), width(both, rng))
    # Sums of one set of numbers in another order differ by their rounding.
    extreme = int((squared[1:] >= squared[0] - 1e-12).sum())
    share = float(np.clip(squared[0] / lengths[0], 0.0, 1.0)) if lengths[0] > 0 else 0.0
    return Finding(float(squared[0]), (1 + extreme) / (1 + permutations), float(np.sqrt(share)))


def discrepancies(rows: Floats, sides: Floats, width: float) -> tuple[Floats, Floats]:
    """Return the unbiased squared discrepancy for several ways to split rows in two.

    Args:
        rows: both samples, shape (n, k).
        sides: 1 for the rows of the first sample and 0 for the others, a column per way, shape
            (n, ways); each side has two rows or more.
        width: standard deviation of the Gaussian kernel.

    Returns:
        The discrepancies, and the squared lengths of both means together; shapes (ways,).

    >>> rows, sides = np.array([[0.0], [0.0], [9.0], [9.0]]), np.array([[1.0], [1.0], [0.0], [0.0]])
    >>> discrepancies(rows, sides, width=1.0)[0].round(6).tolist()
    [2.0]
    """
    n = sides.sum(axis=0)
    m = len(rows) - n
    norms = (rows**2).sum(axis=1)
    first = all_first = np.zeros(sides.shape[1])
    every = 0.0
    for start in range(0, len(rows), BLOCK):
        here = slice(start, start + BLOCK)
        distances = norms[here, None] + norms - 2 * rows[here] @ rows.T
        kernel = np.exp(-np.maximum(distances, 0.0) / (2 * width**2))
        np.fill_diagonal(kernel[:, start:], 0.0)
        first = first + (sides[here] * (kernel @ sides)).sum(axis=0)
        sums = kernel.sum(axis=1)
        all_first = all_first + sums @ sides[here]
        every += float(sums.sum())
    across = all_first - first
    second = every - all_first - across
    lengths = first / (n * (n - 1)) + second / (m * (m - 1))
    return lengths - 2 * across / (n * m), lengths


def width(rows: Floats, rng: np.random.Generator) -> float:
    """Return the median distance between distinct rows, 1 where all are equal.

    >>> width(np.array([[0.0], [3.0], [3.0]]), np.random.default_rng(0))
    3.0
    """
    some = rows[sample(len(rows), PAIRED, rng)]
    norms = (some**2).sum(axis=1)
    squared = norms[:, None] + norms - 2 * some @ some.T
    apart = squared[np.triu_indices(len(some), 1)]
    apart = apart[apart > 1e-9 * max(1.0, float(norms.max()))]
    return float(np.sqrt(np.median(apart))) if len(apart) else 1.0
