"""What the detectors of river (ADWIN, Page-Hinkley, KSWIN) share behind our form.

They watch one series, and compare it with its own past, not with the reference: a drift that
stays alarms once, and one that was there from the first row not at all. Several columns get one
each and share one parameter, which is chosen so that all of them together alarm as rarely as
asked on rows drawn from the reference; any of them makes the alarm, and all start again.
"""

from abc import abstractmethod
from typing import Any, ClassVar, Self

import numpy as np

from factory.errors import Unavailable
from factory.nouns import Floats
from factory.online.fitted import Fitted, numbered, of_number
from factory.online.protocol import Setup, TooFewRows, Values

try:
    from river import drift
except ModuleNotFoundError as error:
    raise Unavailable(
        "river is not installed.", hint="pip install 'drift-factory[river]'"
    ) from error

__all__ = ["River", "drift"]

FEWEST = 30
"""Rows that the reference needs."""


class River(Fitted):
    """What the three share. A subclass makes one detector, and tells and sets where it stands.

    Args:
        parameter: what the calibration chose.
        middle: mean of each column on the reference, shape (k,).
        spread: standard deviation of each column, shape (k,).
        sizes: whole numbers that the detector takes beside.
        rising: whether only an increase counts.
        seed: of a detector that draws.
    """

    SAID: ClassVar[tuple[str, ...]] = ("drift", "statistic", "threshold", "column")
    window: int | None = None

    def __init__(
        self,
        parameter: float,
        middle: Floats,
        spread: Floats,
        sizes: tuple[int, ...],
        rising: bool,
        seed: int,
    ) -> None:
        self._fitted: Values = {
            "parameter": parameter,
            "middle": middle,
            "spread": spread,
            "sizes": tuple(sizes),
            "rising": rising,
            "seed": seed,
        }
        self._parameter, self._middle, self._spread = parameter, middle, spread
        self._sizes, self._rising, self._seed = tuple(sizes), rising, seed
        self._detectors = self._start()
        self.drift = False
        self.column: int | None = None
        self.statistic = np.nan
        self.threshold = self._limit()

    @classmethod
    def fit(cls, reference: Floats, setup: Setup) -> list[Self]:
        """Return one detector for all columns, see ``Online.fit``."""
        if len(reference) < FEWEST:
            raise TooFewRows(f"{len(reference)} rows are too few.")
        middle, spread = reference.mean(axis=0), reference.std(axis=0)
        spread = np.where(spread > 0, spread, 1.0)
        rows = (reference - middle) / spread
        sizes = cls._sizes_for(setup)
        rng = np.random.default_rng(setup.seed)
        parameter = cls._calibrate(rows, setup, sizes, rng)
        return [cls(parameter, middle, spread, sizes, setup.rising, setup.seed)]

    def update(self, row: Floats) -> None:
        """Take one row of shape (k,)."""
        if self.drift:
            self._detectors = self._start()
        values = ((row - self._middle) / self._spread).tolist()
        alarms = [self._take(d, v) for d, v in zip(self._detectors, values, strict=True)]
        found = [self._measure(detector) for detector in self._detectors]
        self.drift = any(alarms)
        self.column = alarms.index(True) if self.drift else int(np.argmax(np.abs(found)))
        self.statistic = found[self.column]

    def _start(self) -> list[Any]:
        return [self._make(self._seed + each) for each in range(len(self._middle))]

    def _take(self, detector: Any, value: float) -> bool:
        detector.update(value)
        return bool(detector.drift_detected)

    def to_state(self) -> Values:
        """Return where each of river's detectors stands."""
        state = self.said()
        for number, detector in enumerate(self._detectors):
            state |= numbered(number, self._standing(detector))
        return state

    def resume(self, state: Values) -> None:
        """Stand where ``to_state`` was called."""
        self.say(state)
        for number, detector in enumerate(self._detectors):
            self._stand(detector, of_number(number, state))

    @classmethod
    def _sizes_for(cls, setup: Setup) -> tuple[int, ...]:
        del setup
        return ()

    @classmethod
    @abstractmethod
    def _calibrate(
        cls, rows: Floats, setup: Setup, sizes: tuple[int, ...], rng: np.random.Generator
    ) -> float: ...

    @abstractmethod
    def _make(self, seed: int) -> Any: ...

    @abstractmethod
    def _measure(self, detector: Any) -> float: ...

    @abstractmethod
    def _limit(self) -> float: ...

    @abstractmethod
    def _standing(self, detector: Any) -> Values: ...

    @abstractmethod
    def _stand(self, detector: Any, state: Values) -> None: ...
