"""What detectors of all columns jointly share: one window each, that starts with reference rows."""

from abc import abstractmethod
from dataclasses import replace
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from factory.nouns import Floats
from factory.online.fitted import Fitted
from factory.online.protocol import Setup

ROWS = 2_000
"""Rows of the reference that are used at most; a larger one is sampled."""
CELLS = 2_000_000
"""Numbers that a block of streams may take in memory."""


class Joint(Fitted):
    """A detector with one window, whose statistic is ``_measure``'s."""

    SAID: ClassVar[tuple[str, ...]] = ("drift", "statistic", "threshold")
    column: int | None = None
    window: int
    drift: bool
    statistic: float
    threshold: float
    _limits: list[float]
    _t: int

    @classmethod
    def fit(cls, reference: Floats, setup: Setup) -> list[Self]:
        """Return a detector for each window, see ``Online.fit``.

        Each alarms so much more rarely that all of them together keep what is asked.
        """
        rarer = replace(setup, ert=setup.ert * len(setup.windows))
        made = []
        for window in setup.windows:
            rng = np.random.default_rng((setup.seed, window))
            rows = reference
            if len(rows) > ROWS:
                rows = rows[np.sort(rng.permutation(len(rows))[:ROWS])]
            made.append(cls._fit_one(rows, rarer, window, rng))
        return made

    @classmethod
    @abstractmethod
    def _fit_one(
        cls, reference: Floats, setup: Setup, window: int, rng: np.random.Generator
    ) -> Self: ...

    @abstractmethod
    def _measure(self) -> float: ...

    @abstractmethod
    def _restart(self) -> None: ...

    def _begin(self, window: int, thresholds: Floats) -> None:
        """Stand before the first row."""
        self.window, self._limits = window, thresholds.tolist()
        self.drift = False
        self.threshold = self._limits[0]
        self._restart()
        self.statistic = self._measure()

    def _judge(self) -> None:
        """Say what the window with the newest row shows."""
        self.statistic = self._measure()
        self.threshold = self._limits[min(self._t, self.window - 1)]
        self.drift = self.statistic > self.threshold


def middling(statistics: Floats, streams: NDArray[np.intp], rows: int) -> NDArray[np.intp]:
    """Return all rows in an order that ends with a first window of middling statistic.

    A detector that starts close to its threshold would alarm too soon after every start.

    >>> middling(np.array([[0.0], [5.0], [1.0]]), np.array([[0], [1], [2]]), 4).tolist()
    [0, 1, 3, 2]
    """
    first = statistics[:, 0]
    stream = streams[int(np.argpartition(first, len(first) // 2)[len(first) // 2])]
    return np.concatenate((np.setdiff1d(np.arange(rows), stream), stream[::-1]))
