"""Whether a metric fell from one sample of rows to another, with a p-value and its power."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit

from factory.bootstrap import ends
from factory.breakdown.parts import SegmentPerformance
from factory.breakdown.proportion import compare, proportion
from factory.calibrate import dependence
from factory.config import CheckConfig
from factory.metrics import SMALLEST, Metric, encode, metric_draws
from factory.nouns import Estimate, Outputs
from factory.power import POWER_Z
from factory.scorers import ROW_LOSSES

FEWEST = 10
"""Labelled rows below which nothing is said."""
TESTED = 30
"""Labelled rows below which nothing is tested: so few say nothing of their own spread."""
Labelled = tuple[NDArray[Any], Outputs]
"""True values and outputs of the same labelled rows."""


def fall(
    metric: Metric,
    reference: Labelled,
    window: Labelled,
    config: CheckConfig,
    *,
    level: float,
    seed: int,
) -> SegmentPerformance:
    """Measure a metric on two samples of rows, and test that it is no worse on the second.

    A share of rows, such as precision, is tested exactly (see ``factory.breakdown.proportion``).
    Of any other metric the relative loss is compared with its standard error, the larger of two:
    that of each sample on its own, and that of both together, as if nothing had happened; the
    latter holds where one sample is too uniform to show its spread. A score also may not be known
    better than to one row. The error is that of a mean over rows where the metric is one, else the
    bootstrap's.

    Args:
        metric: the metric.
        reference: the rows before.
        window: the rows now.
        config: tolerance, confidence and number of resamples.
        level: p-value below which the fall alarms, if it is beyond the tolerance.
        seed: of the resampling.

    Returns:
        No realised value below 10 rows, and no test below 30 in either sample, nor of a share of
        fewer than two rows.

    Source:
        Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 16.

    >>> metric = Metric("mean_absolute_error", False, "regression", ())
    >>> rng = np.random.default_rng(0)
    >>> before, now = ((np.zeros(500), rng.normal(size=500) * s) for s in (1, 2))
    >>> found = fall(metric, before, now, CheckConfig(), level=0.01, seed=0)
    >>> found.alarm, 0.8 < found.fall < 1.2, found.p_value < 1e-6, found.detectable < 0.5
    (True, True, True, True)
    """
    before = _value(metric, reference)
    now = _value(metric, window)
    if now is None:
        return SegmentPerformance(before)
    (drawn,) = metric_draws(metric, window[0], (window[1],), config.resamples, seed)
    realised = Estimate(now, *ends(drawn, config.confidence), len(window[0]))
    fewest = min(len(reference[0]), len(window[0]))
    if before is None or fewest < TESTED:
        return SegmentPerformance(before, realised)
    found = SegmentPerformance(before, realised, fall=-metric.gain(before, now))
    scale = max(abs(before), SMALLEST)
    shares = [proportion(metric, *side) for side in (reference, window)]
    if shares[0] is not None and shares[1] is not None:
        told = compare(metric, shares[0], shares[1])
        if told is None:
            return SegmentPerformance(before, realised)
        error = told.error / scale
        return with_power(found, error, told.freedom, config, level, p_value=told.p_value)
    spread = _error(metric, reference, window, config.resamples, seed)
    if spread is None:
        return SegmentPerformance(before, realised)
    return with_power(found, spread / scale, fewest - 1, config, level)


def fall_estimated(
    metric: Metric,
    reference: tuple[float, Estimate],
    window: Estimate,
    config: CheckConfig,
    *,
    level: float,
) -> SegmentPerformance:
    """Test that an estimated metric is no worse now than it was estimated to be before.

    What an estimator gets wrong about a segment it gets wrong on both sides, so that estimates
    are compared with each other, not with what was realised.

    Args:
        metric: the metric.
        reference: the metric realised and estimated on the rows before.
        window: estimated on the rows now.
        config: tolerance and confidence.
        level: p-value below which the fall alarms, if it is beyond the tolerance.

    >>> metric = Metric("accuracy", True, "binary", ("no", "yes"))
    >>> before, now = Estimate(0.9, 0.88, 0.92, 900), Estimate(0.7, 0.68, 0.72, 900)
    >>> found = fall_estimated(metric, (0.95, before), now, CheckConfig(), level=0.01)
    >>> found.alarm, round(found.fall, 3)
    (True, 0.222)
    """
    realised, before = reference
    found = SegmentPerformance(
        realised, estimated=window, fall=-metric.gain(before.value, window.value)
    )
    reach = -float(stdtrit(np.inf, (1 - config.confidence) / 2))
    first, second = ((side.high - side.low) / 2 / reach for side in (before, window))
    scale = max(abs(before.value), SMALLEST)
    return with_power(found, float(np.hypot(first, second)) / scale, np.inf, config, level)


def with_power(
    found: SegmentPerformance,
    error: float,
    freedom: float,
    config: CheckConfig,
    level: float,
    *,
    p_value: float | None = None,
) -> SegmentPerformance:
    """Return a measured fall with its p-value, its power and its alarm.

    Args:
        found: with the relative fall.
        error: its standard error.
        freedom: degrees of freedom of that.
        config: the fall that is accepted.
        level: p-value below which it alarms.
        p_value: of an exact test; from Student's law when absent.

    >>> found = with_power(SegmentPerformance(fall=0.2), 0.05, 99, CheckConfig(), 0.01)
    >>> found.alarm, round(found.p_value, 6), round(found.detectable, 2), found.powered
    (True, 6.1e-05, 0.16, False)
    """
    if found.fall is None or not np.isfinite(found.fall):
        return found
    if p_value is None:
        certain = float(found.fall <= 0)
        p_value = float(stdtr(freedom, -found.fall / error)) if error > 0 else certain
    needed = (POWER_Z - float(stdtrit(freedom, level))) * error
    detectable = max(needed, config.tolerance)
    powered = bool(needed <= config.tolerance)
    alarm = bool(p_value <= level and found.fall > config.tolerance)
    return SegmentPerformance(
        found.reference, found.realised, found.estimated, found.fall,
        p_value=p_value, detectable=detectable, powered=powered,
        alarm=alarm if alarm or powered else None,
    )  # fmt: skip


def _value(metric: Metric, rows: Labelled) -> float | None:
    if len(rows[0]) < FEWEST:
        return None
    value = metric.value(*rows)
    return value if np.isfinite(value) else None


def _error(
    metric: Metric, reference: Labelled, window: Labelled, resamples: int, seed: int
) -> float | None:
    """Return the standard error of the difference, in the metric's units; None if unknown."""
    n, m = len(reference[0]), len(window[0])
    both = tuple(np.concatenate(pair) for pair in zip(reference, window, strict=True))
    seeds = np.random.SeedSequence(seed).generate_state(3)
    spreads = [
        _spread(metric, side, resamples, int(each))
        for side, each in zip((reference, window, (both[0], both[1])), seeds, strict=True)
    ]
    if not np.isfinite(spreads).all():
        return None
    apart = float(np.hypot(spreads[0], spreads[1]))
    together = spreads[2] * float(np.sqrt((n + m) * (1 / n + 1 / m)))
    one_row = 1 / min(n, m) if metric.greater_is_better and metric.classes else 0.0
    return max(apart, together, one_row)


def _spread(metric: Metric, rows: Labelled, resamples: int, seed: int) -> float:
    """Return a metric's standard error: that of a mean over rows, else the bootstrap's."""
    if metric.name not in ROW_LOSSES:
        (drawn,) = metric_draws(metric, rows[0], (rows[1],), resamples, seed)
        defined = drawn[np.isfinite(drawn)]
        return float(np.std(defined)) if len(defined) > 1 else float("nan")
    with np.errstate(over="ignore", invalid="ignore"):
        losses = ROW_LOSSES[metric.name](encode(metric.classes, *rows), rows[1])
        mean = float(losses.mean())
        deviations = losses - mean
        error = float(np.std(losses)) / float(np.sqrt(len(losses)))
    if metric.ordered and np.isfinite(error):
        error *= float(np.sqrt(dependence(deviations)))
    if metric.name.startswith("root_"):
        return error / (2 * float(np.sqrt(mean))) if mean > 0 else 0.0
    return error
