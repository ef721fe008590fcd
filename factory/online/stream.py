"""A stream that a version's monitor watches: fed row by row, stopped and carried on anywhere."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from factory.nouns import Floats
from factory.online.monitor import Monitor
from factory.online.protocol import Online, Values
from factory.online.trace import Trace


@dataclass(frozen=True, slots=True)
class Alarm:
    """One detector's alarm.

    Attributes:
        row: which of the rows just fed, from 1.
        seen: which row of the whole stream, from 1.
        detector: its name.
        window: rows it compared, None where it has no window.
        column: what moved most, None where it looks at all together.
        statistic: its measure.
        threshold: what it exceeded; not a number where it tells none.
    """

    row: int
    seen: int
    detector: str
    window: int | None
    column: str | None
    statistic: float
    threshold: float


class Stream:
    """The detectors of a monitor, where they stand, and the traces of what they said.

    After an alarm a detector starts again with the next row; the others go on.

    Args:
        monitor: fitted.
        state: what ``to_state`` returned. One of another monitor is not carried on: the stream
            starts anew.

    >>> import pandas as pd
    >>> from factory.online.config import OnlineConfig
    >>> from factory.nouns import Column, Schema
    >>> schema = Schema((Column("a", "number"),), "y", "regression")
    >>> frame = pd.DataFrame({"a": np.random.default_rng(0).normal(size=200)})
    >>> config = OnlineConfig(one_false_alarm_per=100, windows=(10,))
    >>> stream = Stream(Monitor.fit(config, schema, frame, np.zeros(200), seed=0))
    >>> alarms = stream.feed(np.array([[9.0, 0.0]] * 10))
    >>> alarms[0].detector, alarms[0].row < 10, stream.seen
    ('mmd', True, 10)
    """

    def __init__(self, monitor: Monitor, state: Mapping[str, Any] | None = None) -> None:
        self.monitor = monitor
        self.detectors: list[Online] = monitor.detectors()
        self.traces = [Trace() for _ in self.detectors]
        self.seen = 0
        self._fingerprint = fingerprint(monitor.to_values())
        if state is not None and state["fingerprint"] == self._fingerprint:
            self.seen = state["seen"]
            self.traces = [Trace.of(each) for each in state["traces"]]
            for detector, each in zip(self.detectors, state["detectors"], strict=True):
                detector.resume(each)

    def feed(self, rows: Floats) -> list[Alarm]:
        """Take rows of shape (n, k) in order, and return the alarms they caused."""
        alarms = []
        both = list(zip(self.detectors, self.traces, strict=True))
        for number, row in enumerate(rows, start=1):
            self.seen += 1
            for detector, trace in both:
                detector.update(row)
                trace.add(detector.statistic, detector.threshold, alarm=detector.drift)
                if detector.drift:
                    alarms.append(self._alarm(detector, number))
        return alarms

    def _alarm(self, detector: Online, row: int) -> Alarm:
        return Alarm(
            row,
            self.seen,
            self.monitor.config.detector,
            detector.window,
            self.monitor.label(detector.column),
            detector.statistic,
            detector.threshold,
        )

    def nearest(self) -> Online:
        """Return the detector that is nearest to an alarm, or beyond it, after the last row."""

        def excess(detector: Online) -> float:
            apart = detector.statistic - detector.threshold
            return -np.inf if np.isnan(apart) else apart

        return max(self.detectors, key=lambda detector: (detector.drift, excess(detector)))

    def to_state(self) -> Values:
        """Return where the detectors stand, and the traces."""
        return {
            "fingerprint": self._fingerprint,
            "seen": self.seen,
            "detectors": [detector.to_state() for detector in self.detectors],
            "traces": [trace.to_state() for trace in self.traces],
        }


def fingerprint(values: Any) -> str:
    """Return a hash of nested values and arrays: equal where they are equal.

    >>> fingerprint({"a": np.arange(2)}) == fingerprint({"a": np.arange(2)})
    True
    """
    digest = hashlib.sha256()
    for part in _parts(values):
        digest.update(len(part).to_bytes(8, "little") + part)
    return digest.hexdigest()


def _parts(value: Any) -> list[bytes]:
    if isinstance(value, Mapping):
        return [part for key in value for part in (str(key).encode(), *_parts(value[key]))]
    if isinstance(value, list | tuple):
        return [part for item in value for part in _parts(item)]
    if isinstance(value, np.ndarray):
        return [f"{value.dtype}{value.shape}".encode(), np.ascontiguousarray(value).tobytes()]
    return [repr(value).encode()]
