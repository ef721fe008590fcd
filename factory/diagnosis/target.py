"""Label shift: whether only P(y) moved, how far, and how that is known without labels."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import nnls

from factory.detectors.domain import domain_classifier
from factory.nouns import Column, Floats, Kind, Schema

BINS = 20
"""Parts of a number that is predicted, with as many rows of the reference each."""
CHANCE, EFFECT = 0.01, 0.1
"""The rows of equal targets moved where the test's p-value and effect are beyond both."""
SEPARATE = 0.05
"""Classes are told apart where no mix of them is confused more than this with another."""
Codes = NDArray[np.intp]


@dataclass(frozen=True)
class Target:
    """The targets of both sides in parts: classes, or bins of a number.

    Attributes:
        before: part of each row of the reference, -1 for none, shape (n,).
        now: the same of the window, shape (m,).
        parts: how many there are.
    """

    before: Codes
    now: Codes
    parts: int

    @classmethod
    def of(cls, schema: Schema, before: NDArray[np.generic], now: NDArray[np.generic]) -> "Target":
        """Part two sides' targets.

        >>> schema = Schema((), "y", "binary", classes=("a", "b"))
        >>> Target.of(schema, np.array(["a", "b"]), np.array(["b", "c"])).now.tolist()
        [1, -1]
        """
        if schema.classes:
            index = pd.Index(schema.classes, dtype=object)
            codes = [index.get_indexer(pd.Index(side, dtype=object)) for side in (before, now)]
            return cls(codes[0], codes[1], len(schema.classes))
        values = [np.asarray(side, dtype=np.float64) for side in (before, now)]
        cuts = np.unique(np.quantile(values[0], np.arange(1, BINS) / BINS))
        bins = [np.searchsorted(cuts, side, "right") for side in values]
        return cls(bins[0], bins[1], len(cuts) + 1)

    def weights(self) -> Floats:
        """Return how much commoner each part is in the window; 0 where the reference lacks it."""
        old, new = (_shares(side, self.parts) for side in (self.before, self.now))
        return np.divide(new, old, out=np.zeros(self.parts), where=old > 0)


def thinned(weights: Floats, codes: Codes, seed: int) -> NDArray[np.intp]:
    """Draw rows so that each part of the target is as common as its weight makes it.

    No row is drawn twice: two of a kind would teach whoever learns from the one about the other.

    >>> thinned(np.array([1.0, 0.0]), np.array([0, 1, 0]), seed=0).tolist()
    [0, 2]
    """
    chance = np.where(codes < 0, 0.0, weights[codes]) / max(weights.max(), np.finfo(float).tiny)
    return np.flatnonzero(np.random.default_rng(seed).random(len(codes)) < chance)


def rows_of_targets_stayed(
    schema: Schema, reference: pd.DataFrame, window: pd.DataFrame, seed: int, *, labelled: bool
) -> bool:
    """Tell whether P(x|y) stayed, from a reference whose targets are as the window's.

    Args:
        schema: the columns.
        reference: canonical rows with the window's mix of targets, see ``thinned``.
        window: canonical rows.
        seed: of the domain classifier that looks for a difference.
        labelled: whether the window's targets are known, and are looked at beside the features.
    """
    if labelled:
        kind: Kind = "category" if schema.classes else "number"
        schema = schema.reading((*schema.features, Column(schema.target, kind)))
    found = domain_classifier(reference, window, schema, seed)
    return found.p_value > CHANCE or found.effect < EFFECT


def black_box_weights(truth: Codes, said: Codes, now: Codes, classes: int) -> Floats | None:
    """Estimate how much commoner each class is in rows whose labels are not known.

    How often a champion says one class of another's rows stays as it is while P(x|y) does; so
    the mix of classes can be told from what it says.

    Args:
        truth: classes of held-out rows, shape (n,).
        said: the champion's classes of them, shape (n,).
        now: its classes of the rows without labels, shape (m,).
        classes: number of classes k.

    Returns:
        Weights, shape (k,); None where the champion hardly tells the classes apart.

    Source:
        Lipton, Wang and Smola, Detecting and correcting for label shift with black box
        predictors (2018).

    >>> truth, said = np.repeat([0, 1], 50), np.repeat([0, 1, 0, 1], [40, 10, 10, 40])
    >>> black_box_weights(truth, said, np.repeat([0, 1], [35, 65]), 2).round(6).tolist()
    [0.5, 1.5]
    """
    table = np.bincount(said * classes + truth, minlength=classes**2) / len(truth)
    confusion = table.reshape(classes, classes)
    old = confusion.sum(axis=0)
    present = old > 0
    given = confusion[:, present] / old[present]
    if np.linalg.svd(given, compute_uv=False)[-1] < SEPARATE:
        return None
    share = nnls(given, _shares(now, classes))[0]
    weights = np.zeros(classes)
    weights[present] = share / share.sum() / old[present]
    return weights


def _shares(codes: Codes, parts: int) -> Floats:
    known = codes[codes >= 0]
    return np.bincount(known, minlength=parts) / max(len(known), 1)
