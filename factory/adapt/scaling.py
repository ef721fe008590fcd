"""Scaling of a classifier's probabilities: how sure it is, and how common each class."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax

from factory.nouns import Floats, Outputs

FLOOR = 1e-6
"""A probability is at least this, since a count of leaves says 0 too easily."""
SURE, COMMON = 1.0, 3.0
"""Standard deviations of the prior of the slope's logarithm and of the biases, so that few rows
move them little."""


@dataclass(frozen=True)
class Scaling:
    """Logarithms of probabilities times a slope, plus a bias for each class.

    Attributes:
        slope: above 0; below 1 the probabilities were too sure.
        biases: per class, shape (k,).
    """

    slope: float
    biases: Floats

    @classmethod
    def none(cls, classes: int) -> Self:
        """Return the scaling that changes nothing."""
        return cls(1.0, np.zeros(classes))

    @classmethod
    def fit(cls, outputs: Outputs, codes: NDArray[np.intp], *, biased: bool) -> Self:
        """Learn from labelled rows.

        Args:
            outputs: a champion's probabilities, shape (n, k).
            codes: true classes, 0 to k - 1, shape (n,).
            biased: whether classes get a bias: with two of them this is Platt's method on the
                log odds, without it temperature scaling.

        Source:
            Platt, Probabilistic outputs for support vector machines (1999); Guo, Pleiss, Sun and
            Weinberger, On calibration of modern neural networks (2017); Alexandari, Kundaje and
            Shrikumar, Maximum likelihood with bias-corrected calibration is hard to beat at label
            shift adaptation (2020).

        >>> outputs = np.tile([[0.9, 0.1], [0.1, 0.9]], (500, 1))
        >>> codes = np.tile([0, 1, 0, 1, 0, 0, 1, 1], 125)
        >>> found = Scaling.fit(outputs, codes, biased=False)
        >>> found.probabilities(outputs[:1]).round(2).tolist()
        [[0.75, 0.25]]
        """
        n, k = outputs.shape
        logs = np.log(np.maximum(outputs, FLOOR))
        rows = np.arange(n)

        def loss(values: Floats) -> tuple[float, Floats]:
            slope, biases = np.exp(values[0]), values[1:] if biased else np.zeros(k)
            raw = slope * logs + biases
            off = softmax(raw, axis=1)
            off[rows, codes] -= 1
            grown = slope * float((off * logs).sum()) + values[0] / SURE**2
            tilts = off.sum(axis=0) + biases / COMMON**2
            missed = -log_softmax(raw, axis=1)[rows, codes].sum()
            shrunk = (values[0] / SURE) ** 2 / 2 + ((biases / COMMON) ** 2).sum() / 2
            gradient = np.concatenate([[grown], tilts if biased else []])
            return (missed + shrunk) / n, gradient / n

        start = np.zeros(1 + k * biased)
        bounds = [(-4.0, 4.0), *[(-20.0, 20.0)] * (k * biased)]
        found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x
        return cls(float(np.exp(found[0])), found[1:] if biased else np.zeros(k))

    def probabilities(self, outputs: Outputs) -> Floats:
        """Return scaled probabilities, shape (n, k)."""
        raw = self.slope * np.log(np.maximum(outputs, FLOOR)) + self.biases
        return np.asarray(softmax(raw, axis=1))

    def after(self, first: "Scaling") -> "Scaling":
        """Return the scaling that does first the one and then this.

        >>> both = Scaling(2.0, np.zeros(2)).after(Scaling(0.5, np.array([0.0, 1.0])))
        >>> both.slope, both.biases.tolist()
        (1.0, [0.0, 2.0])
        """
        return Scaling(self.slope * first.slope, self.slope * first.biases + self.biases)
