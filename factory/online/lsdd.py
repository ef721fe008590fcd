"""Least-squares density difference of the newest rows from the reference, row by row."""

from collections.abc import Iterator
from typing import Self

import numpy as np
from numpy.typing import NDArray

from factory.nouns import Floats
from factory.online.joint import CELLS, Joint, middling
from factory.online.kernel import SMALLEST, gaussian, median_width, squared_distances
from factory.online.protocol import Draws, Setup, TooFewRows, Values
from factory.online.thresholds import (
    conditional_thresholds,
    draw_streams,
    streams_needed,
    stretch,
)

LAMBDAS = 4.0 ** -np.arange(10)
"""Candidates of the regularisation, strongest first."""
MOST_LOST = 0.2
"""Share of the density difference that regularisation may cost."""
JUDGED = 2_500
"""Streams that judge the candidates, at most."""


class LSDD(Joint):
    """Online least-squares density difference, all columns jointly.

    The difference of the two densities is modelled by Gaussian kernels around twice as many rows
    of the reference as the window has. Each row becomes one vector, in which the statistic is the
    squared distance between the means of the reference and of the window. It starts, and starts
    again after an alarm, with a window of reference rows.

    Args:
        centres: rows in standard units around which kernels lie, shape (c, k).
        middle: mean of each column, shape (k,).
        spread: standard deviation of each column, shape (k,).
        width: of the kernels.
        weights: from kernel values to the vectors, shape (c, c).
        mean: of the reference's vectors, shape (c,).
        first: vectors of the window it starts with, shape (window, c).
        thresholds: of the window before any row and after each of the first ones, shape
            (window,); the last holds ever after.

    Source:
        Bu, Alippi and Zhao, A pdf-free change detection test based on density difference
        estimation (2018); thresholds as in Cobb, Van Looveren and Klaise (2022).

    >>> rng = np.random.default_rng(0)
    >>> setup = Setup(ert=200, windows=(10,), seed=0, marks=np.zeros(3, dtype=bool))
    >>> (detector,) = LSDD.fit(rng.normal(size=(300, 3)), setup)
    >>> for row in rng.normal(2, 1, size=(10, 3)):
    ...     detector.update(row)
    ...     if detector.drift:
    ...         break
    >>> detector.drift, detector.statistic > detector.threshold
    (True, True)
    """

    _at: int
    _vectors: Floats
    _sum: Floats

    def __init__(
        self,
        centres: Floats,
        middle: Floats,
        spread: Floats,
        width: float,
        weights: Floats,
        mean: Floats,
        first: Floats,
        thresholds: Floats,
    ) -> None:
        self._fitted: Values = {
            "centres": centres,
            "middle": middle,
            "spread": spread,
            "width": width,
            "weights": weights,
            "mean": mean,
            "first": first,
            "thresholds": thresholds,
        }
        self._centres, self._middle, self._spread = centres, middle, spread
        self._norms = (centres**2).sum(axis=1)
        self._scale = -1 / (2 * width**2)
        self._weights, self._mean, self._first = weights, mean, first
        self._begin(len(first), thresholds)

    @classmethod
    def _fit_one(
        cls, reference: Floats, setup: Setup, window: int, rng: np.random.Generator
    ) -> Self:
        n, steps = len(reference) - 2 * window, 2 * window - 1
        if n < steps + window:
            raise TooFewRows(f"{len(reference)} rows are too few for a window of {window}.")
        every = setup.every or stretch(window)
        draws = setup.draws or _draw(len(reference), window, setup.ert, every, rng)
        middle, spread = reference.mean(axis=0), reference.std(axis=0)
        spread = np.where(spread > 0, spread, 1.0)
        rows = (reference - middle) / spread
        width = median_width(squared_distances(rows, rows))
        centres = rows[draws.centres]
        values = gaussian(squared_distances(rows[draws.others], centres), width)
        weights = _weights(centres, width, values, draws.streams[:JUDGED], window)
        vectors = values @ weights
        statistics = simulate(vectors, draws.streams, window)
        thresholds = conditional_thresholds(statistics, setup.ert, every)
        for order in draws.starts or [middling(statistics, draws.streams, n)]:
            mean, first = vectors[order[: n - steps]].mean(axis=0), vectors[order[n - window :]]
            made = cls(centres, middle, spread, width, weights, mean, first, thresholds)
            if made.statistic < thresholds[0]:
                break
        return made

    def update(self, row: Floats) -> None:
        """Take one row of shape (k,)."""
        if self.drift:
            self._restart()
        row = (row - self._middle) / self._spread
        kernel = self._centres @ row
        kernel *= -2.0
        kernel += self._norms
        kernel += float(row @ row)
        np.maximum(kernel, SMALLEST, out=kernel)
        kernel *= self._scale
        np.exp(kernel, out=kernel)
        vector = kernel @ self._weights
        at = self._at
        self._sum += vector - self._vectors[at]
        self._vectors[at] = vector
        self._t += 1
        self._at = (at + 1) % self.window
        if self._at == 0:
            # The sum anew once in a window, lest rounding add up over millions of rows.
            self._sum = self._vectors.sum(axis=0)
        self._judge()

    def _measure(self) -> float:
        apart = self._mean - self._sum / self.window
        return float(apart @ apart)

    def _restart(self) -> None:
        self._t = self._at = 0
        self._vectors = self._first.copy()
        self._sum = self._vectors.sum(axis=0)

    def to_state(self) -> Values:
        """Return the window's vectors and the place in the stream."""
        return {
            "vectors": self._vectors.copy(),
            "sum": self._sum.copy(),
            "t": self._t,
            "at": self._at,
            **self.said(),
        }

    def resume(self, state: Values) -> None:
        """Stand where ``to_state`` was called."""
        self._vectors, self._sum = state["vectors"].copy(), state["sum"].copy()
        self._t, self._at = state["t"], state["at"]
        self.say(state)


def _draw(n: int, window: int, ert: float, every: int, rng: np.random.Generator) -> Draws:
    order, steps = rng.permutation(n), 2 * window - 1
    left = n - 2 * window
    count = streams_needed(ert, window, every, 2 * window * steps)
    streams = draw_streams(left, steps, count, rng)
    return Draws(streams, centres=order[: 2 * window], others=order[2 * window :])


def _weights(
    centres: Floats, width: float, values: Floats, streams: NDArray[np.intp], window: int
) -> Floats:
    """Return the square root of the statistic's quadratic form, for the weakest need of it.

    Of the candidates the strongest regularisation is taken whose loss is accepted.
    """
    wide = gaussian(squared_distances(centres, centres), np.sqrt(2) * width)
    sizes, directions = np.linalg.eigh(wide)
    sizes = np.maximum(sizes, 0.0)
    apart = np.concatenate(
        [parts[:, 0].copy() for parts in _differences(values @ directions, streams, window)]
    )
    squares = apart**2
    for strength in LAMBDAS:
        whole = squares @ (1 / (sizes + strength))
        kept = squares @ (sizes / (sizes + strength) ** 2)
        lost = 1 - np.divide(kept, whole, out=np.ones_like(whole), where=whole > 0)
        if lost.mean() < MOST_LOST:
            break
    form = (sizes + 2 * strength) / (sizes + strength) ** 2
    weights: Floats = directions * np.sqrt(form)
    return weights


def simulate(vectors: Floats, streams: NDArray[np.intp], window: int) -> Floats:
    """Return the statistic of every window in streams drawn from the reference.

    Args:
        vectors: of the rows that are no centres, shape (n, c).
        streams: positions of rows, shape (streams, 2 window - 1).
        window: rows of a window.

    Returns:
        Shape (streams, window), the windows in order.
    """
    parts = [(apart**2).sum(axis=2) for apart in _differences(vectors, streams, window)]
    return np.concatenate(parts)


def _differences(vectors: Floats, streams: NDArray[np.intp], window: int) -> Iterator[Floats]:
    """Yield the means of the rest less the means of each window, in blocks of streams."""
    block = max(1, CELLS // (streams.shape[1] * vectors.shape[1]))
    total = vectors.sum(axis=0)
    left = len(vectors) - streams.shape[1]
    for start in range(0, len(streams), block):
        drawn = vectors.take(streams[start : start + block], axis=0)
        so_far = np.pad(np.cumsum(drawn, axis=1), ((0, 0), (1, 0), (0, 0)))
        rest = (total - so_far[:, -1:]) / left
        yield rest - (so_far[:, window:] - so_far[:, :-window]) / window
