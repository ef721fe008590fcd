"""How long detectors run without drift until they alarm, and the level that makes it as asked."""

from collections.abc import Callable, Iterator
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from factory.nouns import Floats

STREAMS = 32
"""Streams that run side by side."""
LENGTH = 4
"""Expected run times after which a stream that has not alarmed is given up."""


class Paths:
    """Streams drawn from the reference, and the highest statistic of each so far.

    Args:
        rows: of the reference, shape (n, k).
        draws: positions of the rows of each stream, shape (steps, streams).
    """

    def __init__(self, rows: Floats, draws: NDArray[np.intp]) -> None:
        self._rows, self._draws = rows, draws
        self.shape = draws.shape[1], rows.shape[1]
        self.highest = np.full(draws.shape, -np.inf)
        self._step = 0

    @classmethod
    def start(cls, rows: Floats, ert: float, rng: np.random.Generator) -> Self:
        """Draw streams that are long enough for an expected run time."""
        steps = int(np.ceil(LENGTH * ert))
        return cls(rows, rng.integers(len(rows), size=(steps, STREAMS)))

    def __iter__(self) -> Iterator[tuple[int, Floats]]:
        """Yield the number of each step, from 1, and its values, shape (streams, k)."""
        for step, draws in enumerate(self._draws):
            self._step = step
            if step:
                self.highest[step] = self.highest[step - 1]
            yield step + 1, self._rows[draws]

    def tell(self, statistics: Floats) -> None:
        """Note the statistics after the present step, shape (streams, k)."""
        here = self.highest[self._step]
        np.maximum(here, statistics.max(axis=1), out=here)

    def run_length(self, level: float) -> float:
        """Return the mean number of rows until the statistic exceeds a level.

        Streams that never do count with all their rows, as in a process without memory.
        """
        above = self.highest > level
        ended = above[-1]
        rows = np.where(ended, above.argmax(axis=0) + 1, len(above))
        return float(rows.sum() / ended.sum()) if ended.any() else np.inf


def level_for(paths: Paths, ert: float) -> float:
    """Return the lowest level whose mean run length is the one asked for, or longer.

    >>> rng = np.random.default_rng(0)
    >>> paths = Paths.start(rng.random((1000, 1)), 50, rng)
    >>> for _, values in paths:
    ...     paths.tell(values)
    >>> 0.96 < level_for(paths, 50) < 0.99
    True
    """
    levels = np.unique(paths.highest[np.isfinite(paths.highest)])
    low, high = 0, len(levels) - 1
    while low < high:
        middle = (low + high) // 2
        if paths.run_length(float(levels[middle])) >= ert:
            high = middle
        else:
            low = middle + 1
    return float(levels[low])


class Runs(Protocol):
    """A detector that runs until it alarms."""

    drift: bool

    def update(self, row: Floats) -> None:
        """Take one row."""


def longest(
    make: Callable[[float], Runs],
    levels: Floats,
    rows: Floats,
    ert: float,
    rng: np.random.Generator,
) -> float:
    """Return the highest of ascending levels whose mean run length is not below the one asked for.

    Args:
        make: makes a detector of a level; a higher one alarms sooner.
        levels: to choose from.
        rows: of the reference, shape (n, k).
        ert: the mean run length asked for.
        rng: draws the streams; all levels see the same.
    """
    steps = int(np.ceil(LENGTH * ert))
    draws = rng.integers(len(rows), size=(STREAMS, steps))
    low, high = 0, len(levels) - 1
    while low < high:
        middle = (low + high + 1) // 2
        if _mean_run(make, float(levels[middle]), rows, draws, ert) >= ert:
            low = middle
        else:
            high = middle - 1
    return float(levels[low])


def _mean_run(
    make: Callable[[float], Runs], level: float, rows: Floats, draws: NDArray[np.intp], ert: float
) -> float:
    seen = alarms = 0
    for stream in draws:
        detector = make(level)
        for row in stream:
            detector.update(rows[row])
            seen += 1
            if detector.drift:
                alarms += 1
                break
        if seen > ert * len(draws):
            # However the rest ends, the mean is not below what is asked for.
            return np.inf
    return seen / alarms
