"""The latent correlations of a Gaussian copula, from what rows tell of each latent normal."""

from collections.abc import Sequence

import numpy as np

from factory.nouns import Floats
from factory.replay.marginal import DEGREES, Latent

FEWEST = 2
"""Common rows of a pair below which nothing is told."""
HALVINGS = 40
LEAST = 1e-6
"""Smallest variance in any direction: a latent normal is never quite determined by the others."""


def correlations(latents: Sequence[Latent], toward: Floats | None = None) -> Floats:
    """Return the correlation matrix of latent normals, shape (d, d).

    Two scores that are step functions of normals with correlation r have a covariance that is a
    power series in r; the r is taken at which it is the rows'. Where a pair has no common rows it
    is 0. The matrix is then drawn toward another, as far as chance alone may have set them apart,
    and made positive definite.

    Args:
        latents: of the same rows.
        toward: correlations of more rows, shape (d, d); none at all where absent.

    Source:
        Cario and Nelson, Modeling and generating random vectors with arbitrary marginal
        distributions and correlation matrix (1997); the shrinkage by Schaefer and Strimmer, A
        shrinkage approach to large-scale covariance matrix estimation (2005).

    >>> rng = np.random.default_rng(0)
    >>> z = rng.multivariate_normal([0, 0], [[1, 0.6], [0.6, 1]], size=4000)
    >>> halves = [Latent.of((column > 0).astype(int)) for column in z.T]
    >>> abs(correlations(halves)[0, 1] - 0.6) < 0.05
    True
    """
    scores = np.column_stack([latent.scores for latent in latents])
    known = np.isfinite(scores)
    filled = np.where(known, scores, 0.0)
    both = known.astype(np.float64)
    counts = both.T @ both
    pairs = np.maximum(counts, 1.0)
    means = filled.T @ both / pairs
    wanted = filled.T @ filled / pairs - means * means.T
    found = _inverted(np.column_stack([latent.terms for latent in latents]), wanted)
    told = np.diag(wanted) > LEAST
    found[(counts < FEWEST) | ~np.outer(told, told)] = 0.0
    np.fill_diagonal(found, 1.0)
    target = np.eye(len(found)) if toward is None else toward
    chance = ((1 - found**2) ** 2 / pairs).sum()
    apart = ((found - target) ** 2).sum()
    share = min(1.0, chance / apart) if apart > 0 else 1.0
    return _definite((1 - share) * found + share * target)


def _inverted(terms: Floats, wanted: Floats) -> Floats:
    """Solve the power series for each pair; it rises with the correlation."""
    low, high = np.full_like(wanted, -1.0), np.full_like(wanted, 1.0)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        told = np.zeros_like(wanted)
        for degree in reversed(range(DEGREES)):
            told = (told + np.outer(terms[degree], terms[degree])) * middle
        rises = told < wanted
        low, high = np.where(rises, middle, low), np.where(rises, high, middle)
    return (low + high) / 2


def _definite(matrix: Floats) -> Floats:
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    lifted = (vectors * np.maximum(values, LEAST)) @ vectors.T
    scale = 1 / np.sqrt(np.diag(lifted))
    definite: Floats = lifted * np.outer(scale, scale)
    return definite
