"""How sure it is that one model beats another on the same rows.

A percentile bootstrap of the gain promises too much on few rows: its interval has the spread of
the sample, not that of a sample's mean, and does not know that a mean of skewed losses is skewed.
Here the test is a t-test of a contrast. "The gain is above g" says, of a mean over rows,
that the mean of a weighted difference of the two models' row losses is above 0, with no ratio
left; its variance is that at the border of what is tested. It is corrected for skewness. Where
rows are in time order the variance comes from the slowest waves in them, which hold what
neighbours have in common. Metrics that are no mean enter by what each group of rows adds to them.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dct
from scipy.special import stdtr, stdtrit

from factory.metrics import SMALLEST, Metric, encode
from factory.nouns import Floats, Outputs
from factory.power import POWER_Z
from factory.ranking import rankable, ranked
from factory.scorers import ROW_LOSSES, Truth, score

FREEDOM = 30
"""Waves or groups beyond which another adds little power and allows for less dependence."""
RATE, FEWEST = 0.18, 4
"""Of rows in time order there are so many waves times their number to the power of 2/3.

Lazarus and others take 0.41. With less than half as many the slowest waves still hold what rows
share that correlate by 0.8 with their neighbours; a t-test with fewer degrees of freedom pays.
"""
SHARES = frozenset({"accuracy", "top_k_accuracy"})
"""Means of row losses that are 0 or 1."""
RESERVE = 1.08
"""Standard errors that the correction for skewness and the estimated variance cost in power.

It turns four in five into 85 % for a normal test of a known variance.
"""
HALVINGS = 50
LARGEST = 1e100
"""Losses beyond have no third power that a float holds."""
FARTHEST = 100.0
"""Gains beyond are not told apart."""


@dataclass(frozen=True)
class Paired:
    """Two models on the same rows.

    Attributes:
        champion: the metric of the one.
        challenger: of the other.
        gain: relative, above 0 where the challenger is better (see ``Metric.gain``).
        rows: that they were compared on.
        metric: the metric.
        centre: the mean of ``parts``, or of what they estimate, shape (2,).
        parts: losses of the rows, or pseudo-values of groups of rows; champion first, shape (m, 2).
        waves: cosine coefficients of ``parts`` where rows are in time order, else None; (k, 2).
    """

    champion: float
    challenger: float
    gain: float
    rows: int
    metric: Metric
    centre: Floats
    parts: Floats
    waves: Floats | None

    @classmethod
    def of(
        cls, metric: Metric, y: NDArray[Any], champion: Outputs, challenger: Outputs
    ) -> "Paired":
        """Compare two models.

        Args:
            metric: what they are judged by.
            y: true values, in time order where ``metric.ordered``, shape (n,).
            champion: outputs, shape (n,) or (n, k).
            challenger: outputs, alike.

        Source:
            Lazarus, Lewis, Stock and Watson, HAR inference: recommendations for practice (2018),
            for rows in time order; Efron and Tibshirani, An Introduction to the Bootstrap (1993),
            chapter 11, for the jackknife of what is no mean.

        >>> metric = Metric("mean_absolute_error", False, "regression", ())
        >>> rng = np.random.default_rng(0)
        >>> y = rng.normal(size=200)
        >>> found = Paired.of(metric, y, y + rng.normal(size=200), y + rng.normal(size=200) / 2)
        >>> 0.4 < found.gain < 0.6, found.p_value() < 1e-6, 0.3 < found.bound(0.05) < found.gain
        (True, True, True)
        """
        models = champion, challenger
        values = [metric.value(y, outputs) for outputs in models]
        truths = [encode(metric.classes, y, outputs) for outputs in models]
        rows = len(y)
        if metric.name in ROW_LOSSES:
            with np.errstate(over="ignore", invalid="ignore"):
                losses = [ROW_LOSSES[metric.name](*p) for p in zip(truths, models, strict=True)]
            parts = np.stack(losses, axis=1)
            centre = parts.mean(axis=0) if rows else np.full(2, np.nan)
        else:
            parts = _pseudo_values(metric, truths, models, np.array(values))
            centre = np.array(values)
        waves = None
        if metric.ordered and metric.name in ROW_LOSSES and rows > FEWEST:
            waves = dct(parts, axis=0, norm="ortho")[1 : 1 + _freedom(rows)]
        first, second = values
        return cls(first, second, metric.gain(first, second), rows, metric, centre, parts, waves)

    def p_value(self, border: float = 0.0, *, worse: bool = False) -> float:
        """Return the chance of such a gain if the true one were at the border; NaN if unknown.

        Skewness counts where it makes a gain less sure: what rarely happens, such as a large
        loss of a challenger that mostly does better, may be missing from few rows. Where it would
        make a gain surer, it may itself come from one row that happened.

        Args:
            border: 0 asks for an improvement, -0.02 for a loss of no more than 2 %.
            worse: the chance of a gain so low, in place of one so high.

        Source:
            Hall, On the removal of skewness by transformation (1992); Bonett and Price, Adjusted
            Wald confidence interval for a difference of binomial proportions based on paired data
            (2012).

        >>> metric = Metric("accuracy", True, "binary", ("no", "yes"))
        >>> y, said = np.array(["yes"] * 200, dtype=object), np.tile([0.3, 0.7], (200, 1))
        >>> same = Paired.of(metric, y, said, said)
        >>> same.p_value(), same.p_value(-0.1) < 0.001
        (0.5, True)
        """
        mean, error, skew, freedom = self._contrast(border)
        if not np.isfinite([mean, error]).all():
            return float("nan")
        if worse:
            mean, skew = -mean, -skew
        if error == 0:
            return float(mean <= 0)
        t, skew = mean / error, min(skew, 0.0)
        t += skew * (t**2 / 3 + 1 / 6) + skew**2 * t**3 / 27
        return float(stdtr(freedom, -t))

    def bound(self, level: float, *, upper: bool = False) -> float:
        """Return the gain that the true one is above (or below), but for a chance of ``level``.

        It is infinite where no gain of less than a hundred times is excluded, and NaN where
        nothing is known.
        """
        if not np.isfinite(self.p_value(self.gain)):
            return float("nan")
        sign = 1 if upper else -1
        step, inside, outside = 1e-3, self.gain, self.gain
        while self.p_value(outside, worse=upper) > level:
            if step > FARTHEST:
                return sign * float("inf")
            inside, outside = outside, self.gain + sign * step
            step *= 2
        for _ in range(HALVINGS):
            middle = (inside + outside) / 2
            if self.p_value(middle, worse=upper) > level:
                inside = middle
            else:
                outside = middle
        return outside

    def detectable(self, level: float, border: float = 0.0) -> float:
        """Return how far beyond the border a gain is shown in four of five samples of these rows.

        >>> metric = Metric("mean_absolute_error", False, "regression", ())
        >>> rng = np.random.default_rng(0)
        >>> y = np.zeros(400)
        >>> found = Paired.of(metric, y, rng.normal(size=400), rng.normal(size=400))
        >>> 0.1 < found.detectable(0.05) < 0.2
        True
        """
        _, error, _, freedom = self._contrast(border)
        scale = max(abs(self.centre[0]), SMALLEST) * (2 if self._root else 1)
        return float((POWER_Z - stdtrit(freedom, level)) * error / scale)

    def rows_needed(self, gain: float, level: float, border: float = 0.0) -> int | None:
        """Return how many such rows show a gain in four of five samples; None if none do.

        >>> metric = Metric("mean_absolute_error", False, "regression", ())
        >>> rng = np.random.default_rng(0)
        >>> y = np.zeros(400)
        >>> found = Paired.of(metric, y, rng.normal(size=400), rng.normal(size=400))
        >>> 400 < found.rows_needed(0.1, 0.05) < 1_600
        True
        """
        need = self.detectable(level, border)
        reach = gain - border
        if self._root:
            # The root is compared by what is under it, where equal steps are not equal gains.
            reach = (gain * (2 - gain) - border * (2 - border)) / 2
        if not (np.isfinite(need) and reach > 0):
            return None
        return int(np.ceil(self.rows * (RESERVE * need / reach) ** 2))

    @property
    def _root(self) -> bool:
        return self.metric.name.startswith("root_") and self.metric.name in ROW_LOSSES

    def _contrast(self, border: float) -> tuple[float, float, float, float]:
        """Return the contrast's mean, its standard error, skewness and degrees of freedom.

        Above 0 it says that the gain is above the border. The root of a mean is compared by the
        mean itself, and shares of rows with one more row that only this or that model gets right.
        """
        m = len(self.parts)
        if m < FEWEST or not np.abs(self.parts).max() < LARGEST:
            return float("nan"), float("nan"), 0.0, 1.0
        border = border * (2 - border) if self._root else border
        sign = 1.0 if self.metric.greater_is_better else -1.0
        direction = np.array([-sign - border * np.sign(self.centre[0]), sign])
        values = self.parts @ direction
        mean = float(self.centre @ direction)
        deviations = values - values.mean()
        alone = spread = float(deviations @ deviations) / (m - 1)
        freedom = m - 1
        if self.metric.name in SHARES:
            both = np.append(values, direction)
            mean, spread, m = float(both.mean()), float(both.var(ddof=1)), m + 2
        slow = 1.0
        if self.waves is not None:
            freedom = len(self.waves)
            slow = float(((self.waves @ direction) ** 2).mean()) / alone if alone > 0 else 1.0
        squared = slow * spread / m
        if self.metric.name not in ROW_LOSSES and self.metric.classes:
            squared = max(squared, (self.centre[0] / max(self.rows, 1)) ** 2 if border else 0.0)
        third = float((deviations**3).mean()) / alone**1.5 if alone > 0 else 0.0
        return mean, float(np.sqrt(squared)), third * float(np.sqrt(slow / m)), freedom


def _freedom(rows: int) -> int:
    return int(np.clip(round(RATE * rows ** (2 / 3)), FEWEST, FREEDOM))


def _pseudo_values(
    metric: Metric, truths: list[Truth], models: tuple[Outputs, Outputs], values: Floats
) -> Floats:
    """Return what each group of rows adds to the metric: neighbours where rows are in time order.

    Shape (groups, 2).
    """
    n = len(truths[0])
    k = min(n, _freedom(n) + 1 if metric.ordered else FREEDOM)
    if k < FEWEST:
        return np.full((k, 2), np.nan)
    groups = np.arange(n) * k // n if metric.ordered else np.arange(n) % k
    kept = groups[None, :] != np.arange(k)[:, None]
    without = [_each(metric.name, *pair, kept) for pair in zip(truths, models, strict=True)]
    return np.asarray(k * values - (k - 1) * np.stack(without, axis=1))


def _each(name: str, truth: Truth, outputs: Outputs, kept: NDArray[np.bool_]) -> Floats:
    if rankable(name, outputs):
        return ranked(name, truth, outputs, kept.astype(np.float64))
    return np.array([score(name, truth[rows], outputs[rows]) for rows in kept])
