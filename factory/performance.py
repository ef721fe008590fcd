"""Performance: the champion's metric on a window, and whether it fell."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from factory.bundle import Bundle
from factory.config import CheckConfig
from factory.metrics import Metric, interval, metric_named, unpaired_gain
from factory.nouns import Estimate, Outputs, Performance

FEWEST = 10
"""Labelled rows below which nothing is said."""


def performance(
    bundle: Bundle,
    truth: NDArray[Any],
    outputs: Outputs,
    config: CheckConfig,
    *,
    seed: int,
    level: float = 0.025,
    estimated: Estimate | None = None,
) -> Performance:
    """Measure the champion where labels are in.

    It alarms when the metric is worse than the reference's by more than the tolerance, and the
    bootstrap of both samples, these rows and the reference's, excludes that it is no worse.
    Without labels the estimate alarms in the same way: beyond the tolerance, and with an interval
    that excludes the reference even as far as the reference's own interval reaches.

    Args:
        bundle: the champion.
        truth: the target on rows that it was not trained on, shape (rows,); rows where it is
            missing do not count.
        outputs: the champion's outputs on the same rows, shape (rows,) or (rows, k).
        config: tolerance, confidence and number of resamples.
        seed: of the bootstrap.
        level: chance of an alarm where the metric is no worse.
        estimated: the metric as estimated on all rows of the window (see ``factory.estimate``).

    Returns:
        The metric, without a realised value where fewer than 10 rows count or the metric is
        undefined on them.

    >>> from factory.nouns import Schema
    >>> bundle = Bundle(
    ...     schema=Schema((), "y", "regression"), pipeline=None, family="", params={},
    ...     metric="mean_absolute_error", reference=pd.DataFrame({"y": np.zeros(100)}),
    ...     reference_outputs=np.ones(100), reference_score=1.0, importance={}, neutral={},
    ...     seen=np.array([], dtype=np.uint64),
    ... )
    >>> now = performance(bundle, np.zeros(50), np.full(50, 1.5), CheckConfig(), seed=0)
    >>> now.realised.value, now.alarm
    (1.5, True)
    """
    metric = metric_named(bundle.metric, bundle.schema)
    window = _labelled(truth, outputs)
    score, value = bundle.reference_score, metric.value(*window)
    if len(window[0]) < FEWEST or np.isnan(value):
        fell = estimated is not None and _fell(bundle, metric, estimated, config, seed)
        return Performance(metric.name, score, None, estimated, alarm=fell)
    confidence, resamples = config.confidence, config.resamples
    realised = interval(metric, *window, confidence=confidence, resamples=resamples, seed=seed)
    alarm = False
    if metric.gain(score, value) < -config.tolerance:
        target = bundle.reference[bundle.schema.target].to_numpy()
        reference = _labelled(target, bundle.reference_outputs)
        _, _, best = unpaired_gain(
            metric, reference, window, confidence=1 - 2 * level, resamples=resamples, seed=seed
        )
        alarm = best < 0
    return Performance(metric.name, score, realised, estimated, alarm=alarm)


def _fell(
    bundle: Bundle, metric: Metric, estimated: Estimate, config: CheckConfig, seed: int
) -> bool:
    score = bundle.reference_score
    if not metric.gain(score, estimated.value) < -config.tolerance:
        return False
    reference = _labelled(
        bundle.reference[bundle.schema.target].to_numpy(), bundle.reference_outputs
    )
    known = interval(
        metric, *reference, confidence=config.confidence, resamples=config.resamples, seed=seed
    )
    if metric.greater_is_better:
        reach, doubt = estimated.high - estimated.value, known.value - known.low
        best = estimated.value + np.hypot(reach, doubt)
        return bool(best < score)
    reach, doubt = estimated.value - estimated.low, known.high - known.value
    return bool(estimated.value - np.hypot(reach, doubt) > score)


def _labelled(truth: NDArray[Any], outputs: Outputs) -> tuple[NDArray[Any], Outputs]:
    known = ~pd.isna(truth)
    return truth[known], outputs[known]
