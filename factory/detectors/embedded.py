"""Detectors of texts and images: two clouds of points in the space of an embedding.

Three tests of two clouds, for each embedding of ``factory.embedded``:

* ``ks``: the Kolmogorov-Smirnov test of each dimension, at the smallest p-value times their
  number (Bonferroni). The statistic and the effect are the largest distance.
* ``mmd``: the maximum mean discrepancy, as ``factory.detectors.mmd``, of at most 1,000 points of
  either side.
* ``classifier``: whether small boosted trees tell the sides apart, as
  ``factory.detectors.domain``, by at most 4,000 points of either side.

Source:
    Rabanser, Günnemann and Lipton, Failing Loudly: An Empirical Study of Methods for Detecting
    Dataset Shift (2019).
"""

from collections.abc import Callable

import numpy as np

from factory.detectors.domain import told_apart
from factory.detectors.finding import NOTHING, Finding
from factory.detectors.joint import sample
from factory.detectors.ks import ks
from factory.detectors.mmd import of_points
from factory.embedded import SEED, Embedded
from factory.nouns import Floats
from factory.power import normal_scale
from factory.profile import Numbers

FEWEST = 10
"""Cells that either side needs."""
DRAWN, PERMUTATIONS = 1_000, 999
"""Points of a side, and permutations, of the discrepancy."""
APART, FEWEST_APART = 4_000, 40
"""Points of a side, at most and at least, of the classifier."""

Test = Callable[[Floats, Floats, float], Finding]


def lsa_ks(reference: Embedded, window: Embedded, deff: float = 1.0) -> Finding:
    """Compare texts by latent semantic analysis and the Kolmogorov-Smirnov test."""
    return _compared("lsa", _by_ks, reference, window, deff)


def lsa_mmd(reference: Embedded, window: Embedded, deff: float = 1.0) -> Finding:
    """Compare texts by latent semantic analysis and the maximum mean discrepancy."""
    return _compared("lsa", _by_mmd, reference, window, deff)


def lsa_classifier(reference: Embedded, window: Embedded, deff: float = 1.0) -> Finding:
    """Compare texts by latent semantic analysis and a domain classifier."""
    return _compared("lsa", _by_classifier, reference, window, deff)


def uae_ks(reference: Embedded, window: Embedded, deff: float = 1.0) -> Finding:
    """Compare images by an untrained autoencoder and the Kolmogorov-Smirnov test.

    Args:
        reference: the reference's images.
        window: the window's images.
        deff: design effect: for how many dependent rows there is one independent row.

    >>> from factory.nouns import Column
    >>> from factory.pictures import to_cells
    >>> rng, column = np.random.default_rng(0), Column("file", "image", (8, 8, 1))
    >>> dark, light = (rng.integers(low, low + 99, (200, 8, 8, 1)) for low in (0, 50))
    >>> dark, light = (to_cells(side.astype(np.uint8)) for side in (dark, light))
    >>> uae_ks(Embedded.of(dark, column), Embedded.of(light, column)).p_value < 1e-6
    True
    """
    return _compared("uae", _by_ks, reference, window, deff)


def uae_mmd(reference: Embedded, window: Embedded, deff: float = 1.0) -> Finding:
    """Compare images by an untrained autoencoder and the maximum mean discrepancy."""
    return _compared("uae", _by_mmd, reference, window, deff)


def uae_classifier(reference: Embedded, window: Embedded, deff: float = 1.0) -> Finding:
    """Compare images by an untrained autoencoder and a domain classifier."""
    return _compared("uae", _by_classifier, reference, window, deff)


def pca_ks(reference: Embedded, window: Embedded, deff: float = 1.0) -> Finding:
    """Compare images by principal components and the Kolmogorov-Smirnov test."""
    return _compared("pca", _by_ks, reference, window, deff)


def pca_mmd(reference: Embedded, window: Embedded, deff: float = 1.0) -> Finding:
    """Compare images by principal components and the maximum mean discrepancy."""
    return _compared("pca", _by_mmd, reference, window, deff)


def pca_classifier(reference: Embedded, window: Embedded, deff: float = 1.0) -> Finding:
    """Compare images by principal components and a domain classifier."""
    return _compared("pca", _by_classifier, reference, window, deff)


def _compared(
    space: str, test: Test, reference: Embedded, window: Embedded, deff: float
) -> Finding:
    if min(len(reference.cells), len(window.cells)) < FEWEST:
        return NOTHING
    known = reference.space(space)
    return test(known.points, known.place(window.drawn), deff)


def _by_ks(before: Floats, now: Floats, deff: float) -> Finding:
    found = [
        ks(Numbers.of(one), Numbers.of(other), deff)
        for one, other in zip(before.T, now.T, strict=True)
    ]
    distance = max(one.statistic for one in found)
    p_value = min(1.0, len(found) * min(one.p_value for one in found))
    return Finding(distance, p_value, distance)


def _by_mmd(before: Floats, now: Floats, deff: float) -> Finding:
    rng = np.random.default_rng(SEED)
    spread = before.std(axis=0)
    sides = (side[sample(len(side), DRAWN, rng)] for side in (before, now))
    scaled = (side / np.where(spread > 0, spread, 1.0) for side in sides)
    found = of_points(*scaled, permutations=PERMUTATIONS, rng=rng)
    return found._replace(p_value=normal_scale(found.p_value, deff))


def _by_classifier(before: Floats, now: Floats, deff: float) -> Finding:
    if min(len(before), len(now)) < FEWEST_APART:
        return NOTHING
    rng = np.random.default_rng(SEED)
    both = [side[sample(len(side), APART, rng)] for side in (before, now)]
    area, p_value = told_apart(
        np.concatenate(both), np.repeat([0, 1], [len(side) for side in both]), SEED
    )
    return Finding(area, normal_scale(p_value, deff), max(0.0, 2 * area - 1))
