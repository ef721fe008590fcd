"""KSWIN of river behind our form."""

import warnings
from collections import deque
from typing import Any

import numpy as np
from scipy.stats import ks_2samp

from factory.nouns import Floats
from factory.online.passage import Paths, level_for
from factory.online.protocol import Setup, Values
from factory.online.river import River, drift

SMALLEST = 1e-300
"""Least p-value that a logarithm is taken of."""


class KSWin(River):
    """Kolmogorov-Smirnov windowing: the newest rows against a sample of those just before.

    Of the windows asked for, the longest is the whole and the shortest the newest part, three
    tenths of it where there is one only; the newest part is half of it at most. The statistic is
    minus the decimal logarithm of the p-value, and the parameter is river's ``alpha``. Since a
    few p-values only can come out, it may alarm more rarely than asked.

    Source:
        Raab, Heusinger and Schleif, Reactive soft prototype computing for concept drift streams
        (2020).

    >>> rng = np.random.default_rng(0)
    >>> setup = Setup(ert=500, windows=(15, 60), seed=0, marks=np.zeros(1, dtype=bool))
    >>> (detector,) = KSWin.fit(rng.normal(size=(300, 1)), setup)
    >>> for row in np.concatenate((rng.normal(size=(100, 1)), rng.normal(3, 1, size=(100, 1)))):
    ...     detector.update(row)
    ...     if detector.drift:
    ...         break
    >>> detector.drift, detector.statistic >= detector.threshold
    (True, True)
    """

    _PART = 0.3
    _LEAST = 0.1

    @classmethod
    def _sizes_for(cls, setup: Setup) -> tuple[int, ...]:
        whole = max(4, *setup.windows)
        newest = min(setup.windows) if len(setup.windows) > 1 else round(cls._PART * whole)
        return whole, max(2, min(newest, whole // 2))

    @classmethod
    def _calibrate(
        cls, rows: Floats, setup: Setup, sizes: tuple[int, ...], rng: np.random.Generator
    ) -> float:
        whole, newest = sizes
        paths = Paths.start(rows, setup.ert, rng)
        logs = _log_p_values(newest)
        older = whole - newest
        held = np.empty((*paths.shape, whole))
        signs = np.repeat([1.0, -1.0], newest)
        for step, values in paths:
            held[..., (step - 1) % whole] = values
            if step < whole:
                continue
            order = (np.arange(whole) + step) % whole
            draws = rng.random((*paths.shape, older)).argpartition(newest - 1, axis=-1)
            before = np.take_along_axis(held[..., order[:older]], draws[..., :newest], -1)
            now = held[..., order[older:]]
            both = np.concatenate((before, now), axis=-1)
            apart = _distance(both, signs)
            found = np.where(apart > cls._LEAST * newest, logs[apart], 0.0)
            if setup.rising:
                risen = now.mean(axis=-1) > held[..., order[:older]].mean(axis=-1)
                found = np.where(risen, found, 0.0)
            paths.tell(found)
        # Half a step below, so that rounding cannot lift a p-value over its own level.
        levels = np.unique(logs)
        level = level_for(paths, setup.ert)
        above = levels[levels > level + 1e-9]
        chosen = float(above[0]) if len(above) else float(levels[-1])
        return float(10.0 ** -(chosen - 1e-9))

    def _make(self, seed: int) -> Any:
        whole, newest = self._sizes
        return drift.KSWIN(alpha=self._parameter, window_size=whole, stat_size=newest, seed=seed)

    def _take(self, detector: Any, value: float) -> bool:
        before = list(detector.window)
        detector.update(value)
        if not (detector.drift_detected and self._rising):
            return bool(detector.drift_detected)
        whole, newest = self._sizes
        held = [*before, value][-whole:]
        return float(np.mean(held[-newest:])) > float(np.mean(held[:-newest]))

    def _measure(self, detector: Any) -> float:
        full = detector.n >= self._sizes[0]
        return float(-np.log10(max(detector.p_value, SMALLEST))) if full else 0.0

    def _limit(self) -> float:
        return float(-np.log10(self._parameter))

    def _standing(self, detector: Any) -> Values:
        version, words, spare = detector._rng.getstate()  # noqa: SLF001 - river offers no other
        del version, spare
        return {
            "window": np.array(detector.window, dtype=np.float64),
            "random": np.array(words, dtype=np.uint32),
            "n": detector.n,
            "p_value": float(detector.p_value),
            "detected": bool(detector.drift_detected),
        }

    def _stand(self, detector: Any, state: Values) -> None:
        detector.window = deque(state["window"].tolist(), maxlen=self._sizes[0])
        detector._rng.setstate((3, tuple(state["random"].tolist()), None))  # noqa: SLF001 - as above
        detector.n, detector.p_value = state["n"], state["p_value"]
        detector._drift_detected = state["detected"]  # noqa: SLF001 - as above


def _distance(both: Floats, signs: Floats) -> Any:
    """Return how many steps two samples of equal size are apart at most, shape (...)."""
    order = np.argsort(both, axis=-1)
    ordered = np.take_along_axis(both, order, -1)
    steps = np.cumsum(signs[order], axis=-1)
    # Within a tie the count is of no value that can be between the samples.
    steps[..., :-1][ordered[..., 1:] == ordered[..., :-1]] = 0.0
    return np.abs(steps).max(axis=-1).astype(np.intp)


def _log_p_values(size: int) -> Floats:
    """Return minus the decimal logarithm of the p-value for each distance in steps."""
    some = np.arange(float(size))
    with warnings.catch_warnings():
        # Of small distances the exact p-value cannot be had; river is silent about it too.
        warnings.simplefilter("ignore", RuntimeWarning)
        found = [ks_2samp(some, some + step - 0.5).pvalue for step in range(1, size + 1)]
    logs: Floats = -np.log10(np.maximum([1.0, *found], SMALLEST))
    return np.abs(logs)
