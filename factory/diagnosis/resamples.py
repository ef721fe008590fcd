"""Resamples of rows as counts, so that every mean of theirs is one product of matrices."""

import numpy as np

from factory.bootstrap import block_length
from factory.nouns import Floats


def row_counts(
    values: Floats, resamples: int, rng: np.random.Generator, *, ordered: bool
) -> Floats:
    """Return how often each row counts in the rows as they are, and in each resample of them.

    Where rows are in time order, blocks are drawn that are as long as their values hang together.

    Args:
        values: what is to be averaged, or resembles it, shape (n,).
        resamples: their number.
        rng: draws them.
        ordered: whether rows are in time order.

    Returns:
        Shape (1 + resamples, n); the first row is 1 throughout.

    >>> counts = row_counts(np.zeros(3), 2, np.random.default_rng(0), ordered=False)
    >>> counts[0].tolist(), counts.sum(axis=1).tolist()
    ([1.0, 1.0, 1.0], [3.0, 3.0, 3.0])
    """
    rows = len(values)
    counts = np.ones((1 + resamples, rows))
    block = block_length(values) if ordered else 1
    for draw in range(1, 1 + resamples if rows else 1):
        starts = rng.integers(rows, size=-(-rows // block))
        picks = (starts[:, None] + np.arange(block)).ravel()[:rows] % rows
        counts[draw] = np.bincount(picks, minlength=rows)
    return counts


def means(counts: Floats, values: Floats) -> Floats:
    """Return the values' mean in each resample, shape (1 + resamples,).

    >>> means(np.array([[1.0, 1.0], [2.0, 0.0]]), np.array([1.0, 3.0])).tolist()
    [2.0, 1.0]
    """
    return np.asarray(counts @ values / np.maximum(counts.sum(axis=1), 1.0))
