"""Maximum mean discrepancy of the newest rows from the reference, row by row."""

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


class MMD(Joint):
    """Online maximum mean discrepancy with a Gaussian kernel, unbiased, all columns jointly.

    It starts, and starts again after an alarm, with a window of reference rows that are not
    among those compared with; so it can alarm from the first row on. A row costs one kernel
    value with each row of the reference and of the window, whatever the stream's length.

    Args:
        known: reference rows compared with, shape (n, k).
        first: the window it starts with, shape (window, k).
        width: of the kernel.
        inside: mean kernel value of two different reference rows.
        thresholds: of the window before any row and after each of the first ones, shape
            (window,); the last holds ever after.

    Source:
        Cobb, Van Looveren and Klaise, Sequential multivariate change detection with calibrated
        and memoryless false detection rates (2022).

    >>> rng = np.random.default_rng(0)
    >>> setup = Setup(ert=200, windows=(10,), seed=0, marks=np.zeros(3, dtype=bool))
    >>> (detector,) = MMD.fit(rng.normal(size=(300, 3)), setup)
    >>> for row in rng.normal(2, 1, size=(10, 3)):
    ...     detector.update(row)
    ...     if detector.drift:
    ...         break
    >>> detector.drift, detector.statistic > detector.threshold
    (True, True)
    """

    _at: int
    _among: Floats
    _across: Floats
    _pairs: float
    _sum: float

    def __init__(
        self, known: Floats, first: Floats, width: float, inside: float, thresholds: Floats
    ) -> None:
        self._fitted: Values = {
            "known": known,
            "first": first,
            "width": width,
            "inside": inside,
            "thresholds": thresholds,
        }
        self._first, self._inside = first, inside
        n, w = len(known), len(first)
        self._n = n
        # Reference and window lie in one table, so that a row meets both in one product.
        self._rows = np.concatenate((known, first))
        self._norms = (self._rows**2).sum(axis=1)
        self._scale = -1 / (2 * width**2)
        self._share = np.full(n, 1 / n)
        self._ones = np.ones(w)
        self._start_across = gaussian(squared_distances(known, first), width).mean(axis=0)
        self._start_among = gaussian(squared_distances(first, first), width)
        np.fill_diagonal(self._start_among, 0.0)
        self._begin(w, thresholds)

    @classmethod
    def _fit_one(
        cls, reference: Floats, setup: Setup, window: int, rng: np.random.Generator
    ) -> Self:
        n, steps = len(reference), 2 * window - 1
        if n < steps + window:
            raise TooFewRows(f"{n} rows are too few for a window of {window}.")
        every = setup.every or stretch(window)
        draws = setup.draws or _draw(n, window, setup.ert, every, rng)
        distances = squared_distances(reference, reference)
        width = median_width(distances)
        kernel = gaussian(distances, width)
        statistics = simulate(kernel, draws.streams, window)
        thresholds = conditional_thresholds(statistics, setup.ert, every)
        for order in draws.starts or [middling(statistics, draws.streams, n)]:
            known, first = order[: n - steps], order[n - window :]
            among = kernel[np.ix_(known, known)]
            inside = (among.sum() - np.trace(among)) / (len(known) * (len(known) - 1))
            made = cls(reference[known], reference[first], width, float(inside), thresholds)
            if made.statistic < thresholds[0]:
                break
        return made

    def update(self, row: Floats) -> None:
        """Take one row of shape (k,)."""
        if self.drift:
            self._restart()
        n, at = self._n, self._at
        norm = float(row @ row)
        self._rows[n + at] = row
        self._norms[n + at] = norm
        kernel = self._rows @ row
        kernel *= -2.0
        kernel += self._norms
        kernel += norm
        np.maximum(kernel, SMALLEST, out=kernel)
        kernel *= self._scale
        np.exp(kernel, out=kernel)
        near = kernel[n:]
        near[at] = 0.0
        across = float(self._share @ kernel[:n])
        among = self._among
        self._pairs += float(self._ones @ near) - float(self._ones @ among[at])
        self._sum += across - float(self._across[at])
        among[at] = near
        among[:, at] = near
        self._across[at] = across
        self._step(at)

    def _step(self, at: int) -> None:
        self._t += 1
        self._at = (at + 1) % self.window
        if self._at == 0:
            # Sums anew once in a window, lest rounding add up over millions of rows.
            self._pairs = float(self._among.sum()) / 2
            self._sum = float(self._across.sum())
        self._judge()

    def _measure(self) -> float:
        w = self.window
        return self._inside + 2 * self._pairs / (w * (w - 1)) - 2 * self._sum / w

    def _restart(self) -> None:
        n = self._n
        self._t = self._at = 0
        self._rows[n:] = self._first
        self._norms[n:] = (self._first**2).sum(axis=1)
        self._among, self._across = self._start_among.copy(), self._start_across.copy()
        self._pairs, self._sum = float(self._among.sum()) / 2, float(self._across.sum())

    def to_state(self) -> Values:
        """Return the window's rows and kernel, and the place in the stream."""
        n = self._n
        return {
            "rows": self._rows[n:].copy(),
            "norms": self._norms[n:].copy(),
            "among": self._among.copy(),
            "across": self._across.copy(),
            "pairs": self._pairs,
            "sum": self._sum,
            "t": self._t,
            "at": self._at,
            **self.said(),
        }

    def resume(self, state: Values) -> None:
        """Stand where ``to_state`` was called."""
        n = self._n
        self._rows[n:], self._norms[n:] = state["rows"], state["norms"]
        self._among, self._across = state["among"].copy(), state["across"].copy()
        self._pairs, self._sum = state["pairs"], state["sum"]
        self._t, self._at = state["t"], state["at"]
        self.say(state)


def _draw(n: int, window: int, ert: float, every: int, rng: np.random.Generator) -> Draws:
    steps = 2 * window - 1
    count = streams_needed(ert, window, every, steps**2)
    return Draws(draw_streams(n, steps, count, rng))


def simulate(kernel: Floats, streams: NDArray[np.intp], window: int) -> Floats:
    """Return the statistic of every window in streams drawn from the reference.

    The rows of the reference that are not in a stream are what it is compared with.

    Args:
        kernel: of all rows of the reference, shape (n, n).
        streams: positions of rows, shape (streams, 2 window - 1).
        window: rows of a window.

    Returns:
        Shape (streams, window), the windows in order.
    """
    block = max(1, CELLS // streams.shape[1] ** 2)
    sums = kernel.sum(axis=1)
    parts = [
        _simulate(kernel, sums, streams[start : start + block], window)
        for start in range(0, len(streams), block)
    ]
    return np.concatenate(parts)


def _simulate(kernel: Floats, sums: Floats, streams: NDArray[np.intp], window: int) -> Floats:
    # One flat take is twice as fast as an index a side.
    among = kernel.ravel().take(streams[:, :, None] * len(kernel) + streams[:, None, :])
    n = len(kernel) - streams.shape[1]
    diagonal = np.einsum("bii->bi", among)
    rows = among.sum(axis=2)
    across = sums[streams] - rows
    inside = sums.sum() - np.trace(kernel) - rows.sum(axis=1) + diagonal.sum(axis=1)
    inside = (inside - 2 * across.sum(axis=1)) / (n * (n - 1))
    diagonal[:] = 0.0
    pairs = np.empty((len(streams), window))
    pairs[:, 0] = among[:, :window, :window].sum(axis=(1, 2))
    for w in range(window - 1):
        others = slice(w + 1, w + window)
        gone, come = among[:, w, others].sum(axis=1), among[:, w + window, others].sum(axis=1)
        pairs[:, w + 1] = pairs[:, w] + 2 * (come - gone)
    so_far = np.pad(np.cumsum(across, axis=1), ((0, 0), (1, 0)))
    together = so_far[:, window:] - so_far[:, :-window]
    found: Floats = inside[:, None] + pairs / (window * (window - 1))
    found -= 2 * together / (n * window)
    return found
