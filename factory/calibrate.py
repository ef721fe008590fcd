"""Calibration: what a classifier's probabilities are worth, learnt from held-out rows."""

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression

from factory.bootstrap import block_length
from factory.expectation import measure
from factory.nouns import Floats, Outputs

BINARY = 2
GROUPS = 20
"""Groups of rows that are left out one by one, to tell how far the curves can be trusted."""
ROWS = 100_000
"""Rows that are learnt from at most."""
Codes = NDArray[np.intp]


@dataclass(frozen=True)
class Calibrator:
    """Isotonic curves from a class's score to its chance, one class against the rest.

    A binary calibrator has one curve, of the positive class. Each was fitted on all rows (fit 0)
    and on all but one group of them (fits 1 to ``GROUPS``).

    Attributes:
        scores: where the curves bend, one after the other, shape (knots,).
        chances: how high they are there, shape (knots,); straight in between, flat outside.
        ends: where each curve's knots end, shape (1 + GROUPS, curves).
        classes: number of classes k.
        optimism: by how much curves exceed the metric on rows they were not fitted on. They bend
            to the rows they know, the more so the fewer those are.
        dependence: by how much rows that hang together in time inflate the variance of a mean,
            at least 1.
    """

    scores: Floats
    chances: Floats
    ends: NDArray[np.int64]
    classes: int
    optimism: float = 0.0
    dependence: float = 1.0

    @classmethod
    def fit(cls, metric: str, outputs: Outputs, codes: Codes, *, ordered: bool, seed: int) -> Self:
        """Learn the curves; of more than 100,000 rows a sample is used.

        Args:
            metric: the name of the champion's.
            outputs: its probabilities on rows it was not trained on, shape (n, k).
            codes: their true classes, 0 to k - 1, shape (n,).
            ordered: whether rows come in time order; groups are then neighbours.
            seed: of the sample and the groups.

        Source:
            Zadrozny and Elkan, Transforming classifier scores into accurate multiclass
            probability estimates (2002).

        >>> outputs = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.1, 0.9]])
        >>> codes = np.array([0, 1, 0, 1])
        >>> found = Calibrator.fit("accuracy", outputs, codes, ordered=False, seed=0)
        >>> found.probabilities(np.array([[0.6, 0.4], [0.25, 0.75]]))[:, 1].round(6).tolist()
        [0.5, 0.625]
        """
        rng = np.random.default_rng(seed)
        if len(codes) > ROWS:
            kept = np.sort(rng.choice(len(codes), size=ROWS, replace=False))
            outputs, codes = outputs[kept], codes[kept]
        n, k = outputs.shape
        groups = np.arange(n) * GROUPS // n
        if not ordered:
            rng.shuffle(groups)
        weights = [np.ones(n), *(groups != group for group in range(GROUPS))]
        curves = []
        for label in _judged(k):
            scores, where = np.unique(outputs[:, label], return_inverse=True)
            hits = codes == label
            curves.append([_curve(scores, where, hits, used) for used in weights])
        fits = [curve for fit in zip(*curves, strict=True) for curve in fit]
        found = cls(
            scores=np.concatenate([scores for scores, _ in fits]),
            chances=np.concatenate([chances for _, chances in fits]),
            ends=np.cumsum([len(scores) for scores, _ in fits]).reshape(-1, len(curves)),
            classes=k,
        )
        apart = np.empty((n, k))
        for group in range(GROUPS):
            apart[groups == group] = found.probabilities(outputs[groups == group], group + 1)
        value = measure(metric, outputs)
        optimism = 0.0 if value is None else value(apart) - value(np.eye(k)[codes])
        surprise = outputs.argmax(axis=1) == codes
        surprise = surprise - apart[np.arange(n), outputs.argmax(axis=1)]
        return replace(
            found,
            optimism=float(np.nan_to_num(optimism)),
            dependence=dependence(surprise) if ordered else 1.0,
        )

    def probabilities(self, outputs: Outputs, fit: int = 0) -> Floats:
        """Return calibrated probabilities, shape (n, k).

        Several classes' chances are scaled to add up to 1; where all are 0, every class is
        equally likely.

        Args:
            outputs: shape (n, k).
            fit: 0 for the curves on all rows, else the number of a group and one.
        """
        judged = _judged(self.classes)
        chances = [self._chance(outputs[:, c], fit, i) for i, c in enumerate(judged)]
        if self.classes == BINARY:
            return np.column_stack([1 - chances[0], chances[0]])
        together = np.column_stack(chances)
        total = together.sum(axis=1, keepdims=True)
        even = np.full_like(together, 1 / self.classes)
        return np.divide(together, total, out=even, where=total != 0)

    def _chance(self, scores: Floats, fit: int, curve: int) -> Floats:
        number = fit * self.ends.shape[1] + curve
        stop = self.ends.ravel()[number]
        start = self.ends.ravel()[number - 1] if number else 0
        return np.interp(scores, self.scores[start:stop], self.chances[start:stop])


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


def _judged(classes: int) -> tuple[int, ...]:
    return (1,) if classes == BINARY else tuple(range(classes))


def _curve(
    scores: Floats, where: NDArray[np.intp], hits: NDArray[np.bool_], weights: NDArray[Any]
) -> tuple[Floats, Floats]:
    """Fit one curve to weighted rows, and return its knots: the ends of its flat stretches."""
    mass = np.bincount(where, weights, minlength=len(scores))
    drawn = mass > 0
    shares = np.bincount(where, weights * hits, minlength=len(scores))[drawn] / mass[drawn]
    chances = np.clip(isotonic_regression(shares, weights=mass[drawn]).x, 0.0, 1.0)
    bends = np.ones(len(chances), dtype=bool)
    bends[1:-1] = (chances[1:-1] != chances[:-2]) | (chances[1:-1] != chances[2:])
    return scores[drawn][bends], chances[bends]
