"""Rows made strange: what a detector is chosen by, and what a network is told to be unsure of.

True outliers are not known at training. What is made of sound rows here spans two kinds: values
that are each possible but do not go together, and values that lie where there are none.
"""

import numpy as np

from factory.nouns import Floats

SPREADS = 3.0
"""Deviations of the noise that is put on a row, at most."""
REACH = 0.5
"""Share of a column's range by which uniform values lie beyond it on either side."""


def made_strange(X: Floats, rng: np.random.Generator) -> Floats:
    """Return as many strange rows as sound ones: a third each shuffled, noisy and uniform.

    Args:
        X: encoded rows, shape (n, d); missing values stay where they come to lie.
        rng: what is drawn from.

    >>> made_strange(np.array([[0.0, 1.0]] * 6), np.random.default_rng(0)).shape
    (6, 2)
    """
    parts = np.array_split(rng.permutation(len(X)), 3)
    made = (shuffled(X, rng), noisy(X, rng), uniform(X, rng))
    strange = np.empty(X.shape)
    for rows, found in zip(parts, made, strict=True):
        strange[rows] = found[rows]
    return strange


def shuffled(X: Floats, rng: np.random.Generator) -> Floats:
    """Return rows whose columns were each put in another order.

    >>> shuffled(np.array([[1.0], [1.0]]), np.random.default_rng(0)).ravel().tolist()
    [1.0, 1.0]
    """
    return rng.permuted(X, axis=0)


def noisy(X: Floats, rng: np.random.Generator) -> Floats:
    """Return rows with normal noise of up to three deviations of each column.

    >>> noisy(np.array([[1.0], [1.0]]), np.random.default_rng(0)).ravel().tolist()
    [1.0, 1.0]
    """
    size = rng.uniform(0.5, SPREADS, (len(X), 1))
    return np.asarray(X + size * moments(X)[1] * rng.normal(size=X.shape))


def uniform(X: Floats, rng: np.random.Generator) -> Floats:
    """Return rows drawn evenly from the columns' ranges and half as much around.

    >>> uniform(np.array([[1.0], [1.0]]), np.random.default_rng(0)).ravel().tolist()
    [1.0, 1.0]
    """
    finite = np.isfinite(X)
    low = np.where(finite, X, np.inf).min(axis=0, initial=np.inf)
    high = np.where(finite, X, -np.inf).max(axis=0, initial=-np.inf)
    low, high = (np.where(finite.any(axis=0), edge, 0.0) for edge in (low, high))
    return np.asarray(rng.uniform(low - REACH * (high - low), high + REACH * (high - low), X.shape))


def moments(X: Floats) -> tuple[Floats, Floats]:
    """Return mean and deviation of each column's finite values, 0 without any, shape (d,) each.

    >>> [part.tolist() for part in moments(np.array([[1.0, np.nan], [3.0, np.nan]]))]
    [[2.0, 0.0], [1.0, 0.0]]
    """
    finite = np.isfinite(X)
    count = np.maximum(finite.sum(axis=0), 1)
    mean = np.where(finite, X, 0.0).sum(axis=0) / count
    variance = np.where(finite, (X - mean) ** 2, 0.0).sum(axis=0) / count
    return mean, np.sqrt(variance)
