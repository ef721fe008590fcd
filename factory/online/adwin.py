"""ADWIN of river behind our form."""

from collections import deque
from typing import Any, ClassVar

import numpy as np

from factory.nouns import Floats
from factory.online.passage import longest
from factory.online.protocol import Setup, Values
from factory.online.river import River, drift


class Adwin(River):
    """Adaptive windowing: the mean of older rows against that of newer ones, at every cut.

    The parameter is river's ``delta``; where even 1 alarms more rarely than asked, it is 1. It
    tells no statistic of its own: the one shown is the mean of its window, and the threshold is
    not a number. It chooses its window itself.

    Source:
        Bifet and Gavaldà, Learning from time-changing data with adaptive windowing (2007).

    >>> rng = np.random.default_rng(0)
    >>> setup = Setup(ert=500, windows=(10,), seed=0, marks=np.zeros(1, dtype=bool))
    >>> (detector,) = Adwin.fit(rng.normal(size=(300, 1)), setup)
    >>> for row in np.concatenate((rng.normal(size=(100, 1)), rng.normal(3, 1, size=(100, 1)))):
    ...     detector.update(row)
    ...     if detector.drift:
    ...         break
    >>> detector.drift
    True
    """

    _DELTAS: ClassVar = 10.0 ** np.linspace(-10, 0, 41)

    @classmethod
    def _calibrate(
        cls, rows: Floats, setup: Setup, sizes: tuple[int, ...], rng: np.random.Generator
    ) -> float:
        nothing, one = np.zeros(rows.shape[1]), np.ones(rows.shape[1])

        def runs(delta: float) -> Adwin:
            return cls(delta, nothing, one, sizes, setup.rising, setup.seed)

        return longest(runs, cls._DELTAS, rows, setup.ert, rng)

    def _make(self, seed: int) -> Any:
        del seed
        return drift.ADWIN(delta=self._parameter)

    def _take(self, detector: Any, value: float) -> bool:
        before = detector.estimation
        detector.update(value)
        risen = not self._rising or detector.estimation > before
        return bool(detector.drift_detected and risen)

    def _measure(self, detector: Any) -> float:
        return float(detector.estimation)

    def _limit(self) -> float:
        return float("nan")

    def _standing(self, detector: Any) -> Values:
        # river offers no other door to the counts than the one that copies the detector.
        *numbers, rest = detector._helper.__reduce_cython__()[2]  # noqa: SLF001
        buckets = [bucket.__reduce_cython__()[2] for bucket in rest["bucket_deque"]]
        return {
            "numbers": np.array(numbers, dtype=np.float64),
            "used": np.array([bucket[0] for bucket in buckets]),
            "totals": np.array([bucket[2] for bucket in buckets]),
            "variances": np.array([bucket[3] for bucket in buckets]),
            "detected": bool(detector.drift_detected),
        }

    def _stand(self, detector: Any, state: Values) -> None:
        helper = detector._helper  # noqa: SLF001 - as above
        *numbers, rest = helper.__reduce_cython__()[2]
        kept = [type(n)(v) for n, v in zip(numbers, state["numbers"].tolist(), strict=True)]
        kind, buckets = type(rest["bucket_deque"][0]), []
        parts = (state["used"].tolist(), state["totals"], state["variances"])
        for used, totals, variances in zip(*parts, strict=True):
            bucket = kind(len(totals) - 1)
            told = (used, len(totals) - 1, totals.copy(), variances.copy())
            bucket.__setstate_cython__(told)
            buckets.append(bucket)
        helper.__setstate_cython__((*kept, {"bucket_deque": deque(buckets)}))
        detector._drift_detected = state["detected"]  # noqa: SLF001 - as above
