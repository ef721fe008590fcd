"""The scores themselves, as functions of what a model makes of its rows; larger is stranger."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from factory.nouns import Floats

CHUNK = 1_024
"""Rows whose distances to others are held at a time."""
FLAT = 1e-9
"""Share of the largest variance below which a direction says nothing."""


def softmax_score(probabilities: Floats) -> Floats:
    """Return what is left of 1 beside the largest probability, shape (n,).

    Args:
        probabilities: shape (n, k).

    Source:
        Hendrycks and Gimpel, A baseline for detecting misclassified and out-of-distribution
        examples in neural networks (2017).

    >>> softmax_score(np.array([[0.75, 0.25], [0.5, 0.5]])).tolist()
    [0.25, 0.5]
    """
    return np.asarray(1.0 - probabilities.max(axis=1))


def energy_score(logits: Floats, temperature: float = 1.0) -> Floats:
    """Return the free energy of each row, in the unit of the logits, shape (n,).

    Args:
        logits: shape (n, k).
        temperature: above 0; near 0 it is the largest logit alone that counts.

    Source:
        Liu et al., Energy-based out-of-distribution detection (2020).

    >>> energy_score(np.array([[0.0, 0.0]])).round(3).tolist()
    [-0.693]
    """
    return np.asarray(-temperature * logsumexp(logits / temperature, axis=1))


def centroid_score(features: Floats, centroids: Floats) -> Floats:
    """Return the distance to the nearest class's mean, shape (n,).

    Args:
        features: shape (n, d).
        centroids: shape (k, d).

    >>> centroid_score(np.array([[3.0, 4.0]]), np.array([[0.0, 0.0], [9.0, 9.0]])).tolist()
    [5.0]
    """
    return np.asarray(np.sqrt(_squares(features, centroids).min(axis=1)))


def mahalanobis_score(features: Floats, centroids: Floats, whitening: Floats) -> Floats:
    """Return the squared Mahalanobis distance to the nearest class's mean, shape (n,).

    Args:
        features: shape (n, d).
        centroids: shape (k, d).
        whitening: of the covariance that the classes share, shape (d, r), see ``whiten``.

    Source:
        Lee et al., A simple unified framework for detecting out-of-distribution samples and
        adversarial attacks (2018).

    >>> mahalanobis_score(np.array([[2.0]]), np.array([[0.0]]), np.array([[0.5]])).tolist()
    [1.0]
    """
    return np.asarray(_squares(features @ whitening, centroids @ whitening).min(axis=1))


def knn_score(features: Floats, known: Floats, neighbours: int) -> Floats:
    """Return the distance to one of the nearest known rows, shape (n,).

    Args:
        features: shape (n, d).
        known: rows that were learnt from, shape (m, d).
        neighbours: to the how manyth nearest; to the farthest where there are fewer.

    Source:
        Sun et al., Out-of-distribution detection with deep nearest neighbors (2022).

    >>> knn_score(np.array([[0.0]]), np.array([[1.0], [2.0], [5.0]]), 2).tolist()
    [2.0]
    """
    place = min(neighbours, len(known)) - 1
    found = [
        np.partition(_squares(features[start : start + CHUNK], known), place, axis=1)[:, place]
        for start in range(0, len(features), CHUNK)
    ]
    return np.sqrt(np.concatenate(found)) if found else np.zeros(0)


def class_means(features: Floats, codes: NDArray[np.intp]) -> Floats:
    """Return the mean of each class that has rows, shape (k, d).

    >>> class_means(np.array([[1.0], [3.0], [5.0]]), np.array([0, 0, 7])).ravel().tolist()
    [2.0, 5.0]
    """
    return np.stack([features[codes == code].mean(axis=0) for code in np.unique(codes)])


def whiten(features: Floats, codes: NDArray[np.intp]) -> Floats:
    """Return what makes the covariance within the classes that of a unit sphere, shape (d, r).

    Directions in which the classes do not vary are left out, as a pseudo-inverse does it.

    Args:
        features: shape (n, d).
        codes: class of each row, shape (n,).

    >>> whiten(np.array([[1.0, 7.0], [5.0, 7.0]]), np.array([0, 0])).tolist()
    [[0.5], [0.0]]
    """
    _, places = np.unique(codes, return_inverse=True)
    centred = features - class_means(features, codes)[places]
    variances, vectors = np.linalg.eigh(centred.T @ centred / len(centred))
    kept = variances > FLAT * float(variances.max(initial=np.finfo(float).tiny))
    return np.asarray(vectors[:, kept] / np.sqrt(variances[kept]))


def _squares(rows: Floats, others: Floats) -> Floats:
    """Return squared distances, shape (n, m)."""
    # Around the others' middle, so that rounding does not swallow what is near.
    middle = others.mean(axis=0)
    rows, others = rows - middle, others - middle
    lengths = (rows**2).sum(axis=1)[:, None] + (others**2).sum(axis=1)[None]
    return np.asarray(np.maximum(lengths - 2 * rows @ others.T, 0.0))
