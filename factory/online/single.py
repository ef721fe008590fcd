"""What detectors of each column by itself share: several windows at once, empty at the start."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from factory.nouns import Floats
from factory.online.fitted import Fitted
from factory.online.protocol import Setup, TooFewRows
from factory.online.thresholds import (
    JITTER,
    conditional_thresholds,
    draw_streams,
    noise,
    streams_needed,
    stretch,
)


class Single(Fitted):
    """A detector whose statistic is the largest of all columns and windows."""

    drift: bool
    statistic: float
    threshold: float
    window: int | None
    column: int | None
    _columns: NDArray[np.intp]
    _sizes: list[int]
    _limits: list[float]
    _seed: int
    _seen: int
    _t: int

    def _begin(
        self, columns: NDArray[np.intp], windows: NDArray[np.intp], thresholds: Floats, seed: int
    ) -> None:
        """Stand before the first row."""
        self._columns, self._sizes, self._seed = columns, windows.tolist(), seed
        self._limits = thresholds.tolist()
        self._t = self._seen = 0
        self.drift = False
        self.statistic, self.threshold = np.nan, np.inf
        self.window = self.column = None

    def _count(self) -> None:
        """Take notice of one more row."""
        self._t += 1
        self._seen += 1
        self.threshold = self._limits[min(self._t, len(self._limits)) - 1]

    def _judge(self, statistics: Floats) -> None:
        """Say what the windows show, those that are full.

        Args:
            statistics: of the windows and columns, NaN where there is none, shape (windows, d).
        """
        if self._t < self._sizes[0]:
            self.drift = False
            return
        most, column = divmod(int(np.nanargmax(statistics)), statistics.shape[1])
        self.window, self.column = self._sizes[most], int(self._columns[column])
        self.statistic = float(statistics[most, column]) + JITTER * noise(self._seed, self._seen)
        self.drift = self.statistic > self.threshold


@dataclass(frozen=True)
class Plan:
    """Streams of whole rows of the reference, from which thresholds come.

    Attributes:
        windows: rows of each window, ascending.
        ert: expected run time once the first window is full.
        every: consecutive steps that share a threshold.
        streams: positions of rows, shape (streams, steps).
        rows: of the reference.
        rng: of everything that is drawn.
    """

    windows: tuple[int, ...]
    ert: float
    every: int
    streams: NDArray[np.intp]
    rows: int
    rng: np.random.Generator

    @classmethod
    def of(cls, rows: int, setup: Setup, cost: Callable[[tuple[int, ...]], int]) -> Self:
        """Draw streams.

        Args:
            rows: of the reference.
            setup: what is asked for.
            cost: of a step, by the windows.

        Raises:
            TooFewRows: there are too few for the largest window.
        """
        windows = tuple(sorted(setup.windows))
        steps = 2 * windows[-1] - 1
        if rows < steps + windows[-1]:
            raise TooFewRows(f"{rows} rows are too few for a window of {windows[-1]}.")
        rng = np.random.default_rng((setup.seed, *windows))
        ert = max(2.0, setup.ert - windows[0] + 1)
        every = setup.every or stretch(windows[-1])
        count = streams_needed(ert, steps, every, steps * cost(windows))
        return cls(windows, ert, every, draw_streams(rows, steps, count, rng), rows, rng)

    def thresholds(self, statistics: Floats) -> Floats:
        """Return thresholds from the streams' statistics, shape (steps,)."""
        statistics += JITTER * self.rng.random(statistics.shape)
        return conditional_thresholds(statistics, self.ert, self.every)

    def known(self) -> NDArray[np.intp]:
        """Return as many rows to compare with as the streams were compared with, drawn."""
        return self.rng.permutation(self.rows)[: self.rows - self.streams.shape[1]]
