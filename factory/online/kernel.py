"""The Gaussian kernel of reference rows: its width, and its matrix."""

import numpy as np

from factory.nouns import Floats

SMALLEST = 1e-30
"""Least squared distance."""


def squared_distances(a: Floats, b: Floats) -> Floats:
    """Return squared distances of rows, shapes (n, k) and (m, k) to (n, m).

    >>> squared_distances(np.array([[0.0], [3.0]]), np.array([[1.0]])).tolist()
    [[1.0], [4.0]]
    """
    norms = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1)
    distances: Floats = norms - 2 * a @ b.T
    return np.maximum(distances, SMALLEST, out=distances)


def median_width(distances: Floats) -> float:
    """Return the kernel's width: the root of half the median squared distance of distinct rows.

    Args:
        distances: squared, of rows among themselves, shape (n, n).

    Source:
        Gretton, Borgwardt, Rasch, Schölkopf and Smola, A kernel two-sample test (2012).

    >>> rows = np.array([[0.0], [1.0], [3.0]])
    >>> round(median_width(squared_distances(rows, rows)) ** 2, 9)
    2.0
    """
    apart = distances[np.triu_indices(len(distances), 1)]
    middle = (len(apart) - 1) // 2
    median = float(np.partition(apart, middle)[middle])
    # Where most rows are equal, any width that tells them from others will do.
    return float(np.sqrt(median / 2)) if median > SMALLEST else 1.0


def gaussian(distances: Floats, width: float) -> Floats:
    """Turn squared distances into the kernel's values, in place.

    >>> gaussian(np.array([0.0, 2.0]), 1.0).round(3).tolist()
    [1.0, 0.368]
    """
    distances *= -1 / (2 * width**2)
    return np.exp(distances, out=distances)
