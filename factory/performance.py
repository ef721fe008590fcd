"""Performance: the champion's metric on a window, and whether it fell."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm

from factory.bundle import Bundle
from factory.config import CheckConfig
from factory.estimate import estimate
from factory.labels import labels_needed
from factory.metrics import Metric, interval, metric_named, unpaired_gain
from factory.nouns import Bools, Estimate, Outputs, Performance

FEWEST = 10
"""Labelled rows below which nothing is said."""


@dataclass(frozen=True, slots=True)
class Foretold:
    """What is told of a window's performance without its labels, or with some of them.

    Attributes:
        estimated: the metric on all rows, no label looked at.
        combined: the metric on all rows that may be judged, labelled ones as they are; None
            unless there are rows of either sort.
        predicted: a second opinion (see ``factory.predictor``).
        partly: whether some rows are labelled and others are not.
    """

    estimated: Estimate | None = None
    combined: Estimate | None = None
    predicted: Estimate | None = None
    partly: bool = False


def foretell(
    bundle: Bundle,
    frame: pd.DataFrame,
    truth: NDArray[Any],
    outputs: Outputs,
    judged: Bools,
    config: CheckConfig,
    *,
    seed: int,
) -> Foretold:
    """Tell a champion's performance on a window as far as that goes without all labels.

    Labels that land later restate it: checked again, the window has its labelled rows realised
    and only the rest estimated, until all are realised. The estimate itself never changes, so
    that it can be held against what came.

    Args:
        bundle: the champion.
        frame: the window's canonical rows.
        truth: their target, missing where it is not known, shape (rows,).
        outputs: the champion's on them, shape (rows,) or (rows, k).
        judged: labelled rows that it was not trained on, shape (rows,).
        config: confidence and number of resamples.
        seed: of everything that is drawn.

    >>> from factory.nouns import Schema
    >>> bundle = Bundle(
    ...     schema=Schema((), "y", "regression"), pipeline=None, family="", params={},
    ...     metric="mean_absolute_error", reference=pd.DataFrame({"y": np.zeros(100)}),
    ...     reference_outputs=np.ones(100), reference_score=1.0, importance={}, neutral={},
    ...     seen=np.array([], dtype=np.uint64),
    ... )
    >>> truth, judged = np.array([1.0, np.nan]), np.array([True, False])
    >>> rows = pd.DataFrame({"y": truth})
    >>> foretell(bundle, rows, truth, np.ones(2), judged, CheckConfig(), seed=0)
    Foretold(estimated=None, combined=None, predicted=None, partly=True)
    """
    metric = metric_named(bundle.metric, bundle.schema)
    told: dict[str, Any] = {
        "confidence": config.confidence,
        "resamples": config.resamples,
        "seed": seed,
    }
    estimated = estimate(bundle.estimator, metric, frame, outputs, **told)
    predicted = None
    if bundle.predictor is not None and config.corruptions:
        predicted = bundle.predictor.predict(outputs, confidence=config.confidence)
    blank = pd.isna(truth)
    partly, combined = bool(judged.any() and blank.any()), None
    if partly:
        rows = np.flatnonzero(judged | blank)
        combined = estimate(
            bundle.estimator, metric, frame.iloc[rows], outputs[rows], truth=truth[rows], **told
        )
    return Foretold(estimated, combined, predicted, partly)


def performance(
    bundle: Bundle,
    truth: NDArray[Any],
    outputs: Outputs,
    config: CheckConfig,
    *,
    seed: int,
    level: float = 0.025,
    foretold: Foretold | None = None,
) -> Performance:
    """Measure the champion where labels are in.

    It alarms when the metric is worse than the reference's by more than the tolerance, and the
    bootstrap of both samples, these rows and the reference's, excludes that it is no worse.
    Without labels the estimate alarms in the same way: beyond the tolerance, and where its
    interval, as long as the chance of an alarm asks for, excludes the reference even as far as the
    reference's own interval reaches.

    Args:
        bundle: the champion.
        truth: the target on rows that it was not trained on, shape (rows,); rows where it is
            missing do not count.
        outputs: the champion's outputs on the same rows, shape (rows,) or (rows, k).
        config: tolerance, confidence and number of resamples.
        seed: of the bootstrap.
        level: chance of an alarm where the metric is no worse.
        foretold: what ``foretell`` said of the window.

    Returns:
        The metric, without a realised value where fewer than 10 rows count or the metric is
        undefined on them. The combined value is the realised one where all rows are labelled,
        and the estimated one where none is.

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
    metric, told = metric_named(bundle.metric, bundle.schema), foretold or Foretold()
    window, reference = _labelled(truth, outputs), _reference(bundle)
    score, value = bundle.reference_score, metric.value(*window)
    realised, alarm = None, False
    if len(window[0]) < FEWEST or np.isnan(value):
        estimated = told.estimated
        alarm = estimated is not None and _fell(
            bundle, metric, estimated, config, level=level, seed=seed
        )
    else:
        drawn: dict[str, Any] = {"resamples": config.resamples, "seed": seed}
        realised = interval(metric, *window, confidence=config.confidence, **drawn)
        if metric.gain(score, value) < -config.tolerance:
            share = 1 - 2 * level
            _, _, best = unpaired_gain(metric, reference, window, confidence=share, **drawn)
            alarm = best < 0
    return Performance(
        metric.name,
        score,
        realised,
        told.estimated,
        alarm=bool(alarm),
        combined=told.combined if told.partly else realised or told.estimated,
        predicted=told.predicted,
        labels_needed=labels_needed(metric, *reference, tolerance=config.tolerance, level=level),
        tolerance=config.tolerance,
    )


def _fell(
    bundle: Bundle,
    metric: Metric,
    estimated: Estimate,
    config: CheckConfig,
    *,
    level: float,
    seed: int,
) -> bool:
    score = bundle.reference_score
    if not metric.gain(score, estimated.value) < -config.tolerance:
        return False
    known = interval(
        metric,
        *_reference(bundle),
        confidence=config.confidence,
        resamples=config.resamples,
        seed=seed,
    )
    sides = (estimated.value - estimated.low, known.high - known.value)
    if metric.greater_is_better:
        sides = (estimated.high - estimated.value, known.value - known.low)
    # Both intervals reach as far as their confidence asks; the alarm has a level of its own.
    reach = np.hypot(*sides) * norm.isf(level) / norm.isf((1 - config.confidence) / 2)
    return bool(abs(estimated.value - score) > reach)


def _reference(bundle: Bundle) -> tuple[NDArray[Any], Outputs]:
    return _labelled(bundle.reference[bundle.schema.target].to_numpy(), bundle.reference_outputs)


def _labelled(truth: NDArray[Any], outputs: Outputs) -> tuple[NDArray[Any], Outputs]:
    known = ~pd.isna(truth)
    return truth[known], outputs[known]
