"""Page-Hinkley of river behind our form."""

from typing import Any

import numpy as np

from factory.nouns import Floats
from factory.online.passage import Paths, level_for
from factory.online.protocol import Setup, Values
from factory.online.river import River, drift


class PageHinkley(River):
    """Page-Hinkley: how far the values, less their mean so far, have wandered to one side.

    The parameter is river's ``threshold``, in standard deviations of the reference; a wander of
    a quarter of one a row is allowed. It has no window.

    Source:
        Page, Continuous inspection schemes (1954).

    >>> rng = np.random.default_rng(0)
    >>> setup = Setup(ert=500, windows=(10,), seed=0, marks=np.zeros(1, dtype=bool))
    >>> (detector,) = PageHinkley.fit(rng.normal(size=(300, 1)), setup)
    >>> for row in np.concatenate((rng.normal(size=(100, 1)), rng.normal(3, 1, size=(100, 1)))):
    ...     detector.update(row)
    ...     if detector.drift:
    ...         break
    >>> detector.drift, detector.statistic > detector.threshold
    (True, True)
    """

    _ALLOWED = 0.25
    _FADING = 0.9999
    _FIRST = 30

    @classmethod
    def _calibrate(
        cls, rows: Floats, setup: Setup, sizes: tuple[int, ...], rng: np.random.Generator
    ) -> float:
        del sizes
        paths = Paths.start(rows, setup.ert, rng)
        mean, up, down, low, high = (np.zeros(paths.shape) for _ in range(5))
        low += np.inf
        high -= 1.0
        for step, values in paths:
            mean += (values - mean) / step
            apart = values - mean
            up = cls._FADING * up + apart - cls._ALLOWED
            down = cls._FADING * down + apart + cls._ALLOWED
            np.minimum(low, up, out=low)
            np.maximum(high, down, out=high)
            if step >= cls._FIRST:
                risen = up - low
                paths.tell(risen if setup.rising else np.maximum(risen, high - down))
        return level_for(paths, setup.ert)

    def _make(self, seed: int) -> Any:
        del seed
        return drift.PageHinkley(
            min_instances=self._FIRST,
            delta=self._ALLOWED,
            threshold=self._parameter,
            alpha=self._FADING,
            mode="up" if self._rising else "both",
        )

    def _measure(self, detector: Any) -> float:
        state = vars(detector)
        risen = state["_sum_increase"] - state["_min_increase"]
        fallen = state["_max_decrease"] - state["_sum_decrease"]
        return float(risen if self._rising else max(risen, fallen))

    def _limit(self) -> float:
        return self._parameter

    _KEPT = ("_sum_increase", "_sum_decrease", "_min_increase", "_max_decrease", "_drift_detected")

    def _standing(self, detector: Any) -> Values:
        mean = detector._x_mean  # noqa: SLF001 - river offers no other door
        return {name: vars(detector)[name] for name in self._KEPT} | {
            "rows": mean.n,
            "mean": mean._mean,  # noqa: SLF001 - as above
        }

    def _stand(self, detector: Any, state: Values) -> None:
        for name in self._KEPT:
            setattr(detector, name, state[name])
        mean = detector._x_mean  # noqa: SLF001 - as above
        mean.n, mean._mean = state["rows"], state["mean"]  # noqa: SLF001 - as above
