"""Calibration: what a classifier's probabilities are worth, learnt from held-out rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression

from factory.bootstrap import block_length
from factory.nouns import Bools, Floats, Outputs

BINARY = 2
Codes = NDArray[np.intp]


@dataclass(frozen=True)
class Curve:
    """How a score rises to a chance: straight between the knots, flat outside.

    Attributes:
        scores: where the curve bends, increasing, shape (knots,).
        chances: how high it is there, never falling, shape (knots,).
    """

    scores: Floats
    chances: Floats

    def at(self, scores: Floats) -> Floats:
        """Return the chance of each score, shape (n,).

        >>> Curve(np.array([0.0, 1.0]), np.array([0.2, 0.6])).at(np.array([0.5, 3.0])).tolist()
        [0.4, 0.6]
        """
        return np.interp(scores, self.scores, self.chances)


@dataclass(frozen=True)
class Calibrator:
    """Isotonic curves from a class's score to its chance, one class against the rest.

    Attributes:
        curves: one a class; a binary calibrator has that of the positive class only.
        classes: number of classes k.
    """

    curves: tuple[Curve, ...]
    classes: int

    @classmethod
    def fit(cls, outputs: Outputs, codes: Codes) -> Self:
        """Learn the curves.

        Args:
            outputs: a champion's probabilities on rows it was not trained on, shape (n, k).
            codes: their true classes, 0 to k - 1, shape (n,).

        Source:
            Zadrozny and Elkan, Transforming classifier scores into accurate multiclass
            probability estimates (2002).

        >>> outputs = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.1, 0.9]])
        >>> found = Calibrator.fit(outputs, np.array([0, 1, 0, 1]))
        >>> found.probabilities(np.array([[0.6, 0.4], [0.25, 0.75]]))[:, 1].round(6).tolist()
        [0.5, 0.625]
        """
        return cls.refits(outputs, codes, [np.ones(len(codes))])[0]

    @classmethod
    def refits(
        cls, outputs: Outputs, codes: Codes, weights: Sequence[Floats], prior: float = 0.0
    ) -> list[Self]:
        """Learn curves under several weights of the same rows; what they share is done once.

        Args:
            outputs: shape (n, k).
            codes: shape (n,).
            weights: per fit, how often each row counts, not all 0, shape (n,).
            prior: rows of unknown class that are added at either end of a curve. However many
                rows of one class lie there, another of them is then not certain to be of it.

        >>> outputs = np.array([[0.9, 0.1], [0.1, 0.9]])
        >>> (found,) = Calibrator.refits(outputs, np.array([0, 1]), [np.ones(2)], prior=0.5)
        >>> found.curves[0].chances.round(3).tolist()
        [0.167, 0.833]
        """
        fits = []
        for label in judged(outputs.shape[1]):
            scores, where = np.unique(outputs[:, label], return_inverse=True)
            hits = codes == label
            fits.append([_curve(scores, where, hits, each, prior) for each in weights])
        return [cls(curves, outputs.shape[1]) for curves in zip(*fits, strict=True)]

    def probabilities(self, outputs: Outputs) -> Floats:
        """Return calibrated probabilities, shape (n, k).

        Several classes' chances are scaled to add up to 1; where all are 0, every class is
        equally likely.

        Args:
            outputs: shape (n, k).
        """
        columns = zip(judged(self.classes), self.curves, strict=True)
        chances = [curve.at(outputs[:, label]) for label, curve in columns]
        if self.classes == BINARY:
            return np.column_stack([1 - chances[0], chances[0]])
        together = np.column_stack(chances)
        total = together.sum(axis=1, keepdims=True)
        even = np.full_like(together, 1 / self.classes)
        return np.divide(together, total, out=even, where=total != 0)


def judged(classes: int) -> tuple[int, ...]:
    """Return the classes that have a curve: of two, the positive one.

    >>> judged(2), judged(3)
    ((1,), (0, 1, 2))
    """
    return (1,) if classes == BINARY else tuple(range(classes))


def dependence(residuals: Floats) -> float:
    """Return by how much neighbours that resemble each other inflate a mean's variance.

    Args:
        residuals: one value a row in time order, shape (n,), about 0 on average.

    >>> rng = np.random.default_rng(0)
    >>> dependence(rng.normal(size=1000)), dependence(np.repeat(rng.normal(size=200), 10)) > 4
    (1.0, True)
    """
    length = block_length(residuals)
    if length == 1:
        return 1.0
    count = len(residuals) // length
    means = residuals[: count * length].reshape(count, length).mean(axis=1)
    alone = float(residuals.var())
    return max(1.0, float(length * means.var(ddof=1) / alone)) if alone > 0 else 1.0


def _curve(scores: Floats, where: Codes, hits: Bools, weights: Floats, prior: float) -> Curve:
    """Fit one curve to weighted rows, and return its knots: the ends of its flat stretches."""
    mass = np.bincount(where, weights, minlength=len(scores))
    won = np.bincount(where, weights * hits, minlength=len(scores))
    drawn = np.flatnonzero(mass > 0)
    mass, won = mass[drawn], won[drawn]
    for end in (0, -1):
        mass[end] += prior
        won[end] += prior / 2
    chances = np.clip(isotonic_regression(won / mass, weights=mass).x, 0.0, 1.0)
    bends = np.ones(len(chances), dtype=bool)
    bends[1:-1] = (chances[1:-1] != chances[:-2]) | (chances[1:-1] != chances[2:])
    return Curve(scores[drawn][bends], chances[bends])
