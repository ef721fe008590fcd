"""The trace of a stream: what its detectors said, in a bounded number of pieces."""

from dataclasses import dataclass, field
from typing import Self

import numpy as np

from factory.nouns import Floats
from factory.online.protocol import Values

PIECES = 1_000
"""Pieces that a trace is kept in at most; then neighbours are joined."""


@dataclass
class Trace:
    """One detector's highest statistic, its threshold and its alarms, piece by piece.

    The pieces are equally long and double their length when there are too many, so that a trace
    takes the same memory however long the stream is.

    Attributes:
        length: rows of a piece.
        rows: rows in all.
        highest: largest statistic of each piece, NaN where there was none.
        thresholds: threshold after the row with that statistic.
        alarms: number of alarms of each piece.
    """

    length: int = 1
    rows: int = 0
    highest: list[float] = field(default_factory=list)
    thresholds: list[float] = field(default_factory=list)
    alarms: list[int] = field(default_factory=list)

    def add(self, statistic: float, threshold: float, *, alarm: bool) -> None:
        """Note one row.

        >>> trace = Trace()
        >>> for row in range(2500):
        ...     trace.add(float(row), 9.0, alarm=row == 7)
        >>> trace.length, len(trace.highest), trace.highest[:2], trace.alarms[:3]
        (4, 625, [3.0, 7.0], [0, 1, 0])
        """
        if self.rows % self.length == 0:
            if len(self.highest) == PIECES:
                self._join()
            self.highest.append(np.nan)
            self.thresholds.append(threshold)
            self.alarms.append(0)
        higher = not np.isnan(statistic) and not statistic <= self.highest[-1]
        if alarm or (higher and self.alarms[-1] == 0):
            # Of an alarm the statistic is shown, though it be not the piece's largest.
            self.highest[-1], self.thresholds[-1] = statistic, threshold
        self.alarms[-1] += alarm
        self.rows += 1

    def _join(self) -> None:
        """Make one piece of two neighbours, which shows an alarm, else the higher statistic."""
        high, limit = np.array(self.highest), np.array(self.thresholds)
        alarms = np.array(self.alarms)
        telling = np.where(alarms > 0, np.inf, np.nan_to_num(high, nan=-np.inf))
        kept = np.arange(0, len(high), 2) + telling.reshape(-1, 2).argmax(axis=1)
        self.highest, self.thresholds = high[kept].tolist(), limit[kept].tolist()
        self.alarms = alarms.reshape(-1, 2).sum(axis=1).tolist()
        self.length *= 2

    def places(self) -> Floats:
        """Return the row, counted from 1, that each piece begins with."""
        return 1.0 + self.length * np.arange(len(self.highest))

    def to_state(self) -> Values:
        """Return plain values and arrays, from which ``of`` makes the same trace."""
        return {
            "length": self.length,
            "rows": self.rows,
            "highest": np.array(self.highest),
            "thresholds": np.array(self.thresholds),
            "alarms": np.array(self.alarms, dtype=np.int64),
        }

    @classmethod
    def of(cls, state: Values) -> Self:
        """Return the trace whose ``to_state`` this is."""
        lists = {name: state[name].tolist() for name in ("highest", "thresholds", "alarms")}
        return cls(state["length"], state["rows"], **lists)
