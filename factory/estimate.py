"""Estimated performance: what the champion's metric will be on rows that have no label yet.

Classification is estimated from the champion's confidence: calibrated on held-out rows, its
probabilities say how often each prediction is right. Regression is estimated from a model of the
champion's loss, learnt on the same rows. Both are applied to the window's own rows, so that a
shift of P(x) is accounted for. A moved relation P(y|x), concept drift, leaves no trace without
labels: both then report what the metric would be had the relation stayed.
"""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from factory.confidence import ConfidenceModel
from factory.losses import LossModel
from factory.metrics import Metric, encode
from factory.nouns import Estimate, Floats, Outputs, Schema
from factory.scorers import ROW_LOSSES, from_means

FEWEST_LEARNT = 30
"""Labelled rows below which no estimator is made."""
FEWEST = 10
"""Rows of a window below which nothing is said."""

PerformanceEstimator = ConfidenceModel | LossModel


def fit_estimator(
    metric: Metric, schema: Schema, frame: pd.DataFrame, outputs: Outputs, *, seed: int
) -> PerformanceEstimator | None:
    """Learn to estimate a champion's metric from labelled rows it was not trained on.

    Args:
        metric: the champion's.
        schema: the columns it reads.
        frame: canonical labelled rows.
        outputs: its outputs on them, shape (n,) or (n, k).
        seed: of everything random.

    Returns:
        None where fewer than 30 rows are given, where outputs or losses are not finite, or where
        a regression metric is no mean over rows (nor the root of one).
    """
    if len(frame) < FEWEST_LEARNT or not np.isfinite(outputs).all():
        return None
    truth = encode(schema.classes, frame[schema.target].to_numpy(), outputs)
    if schema.classes:
        return ConfidenceModel.fit(metric.name, schema, frame, outputs, truth, seed=seed)
    if metric.name not in ROW_LOSSES:
        return None
    with np.errstate(over="ignore"):
        losses = ROW_LOSSES[metric.name](truth, outputs)
        if not np.isfinite(losses**2).all():
            return None
    return LossModel.fit(metric.name, schema, frame, outputs, losses, seed=seed)


def estimate(
    estimator: PerformanceEstimator | None,
    metric: Metric,
    frame: pd.DataFrame,
    outputs: Outputs,
    *,
    confidence: float,
    resamples: int,
    seed: int,
    truth: NDArray[Any] | None = None,
    reweighted: bool = True,
) -> Estimate | None:
    """Estimate a champion's metric on rows, labelled or not.

    The interval is for the metric that the rows' labels will show: it holds the chance in those
    labels, the uncertainty of what the estimator was learnt from, and what its estimates missed
    beyond both on the labelled rows' own periods and on rows drawn from them unevenly.

    Args:
        estimator: from ``fit_estimator``.
        metric: the champion's.
        frame: canonical rows; its target is not looked at.
        outputs: the champion's outputs on them, shape (n,) or (n, k).
        confidence: two-sided, such as 0.95.
        resamples: draws of labels.
        seed: of the draws.
        truth: the target where it is to count as known, missing elsewhere, shape (n,). The metric
            is then of all rows together: the known ones as they are, the rest as estimated.
        reweighted: whether covariate shift is made up for; without, a classifier's estimate is
            that from plain confidence.

    Returns:
        None without an estimator, for fewer than 10 rows, for outputs that are not finite, and
        for metrics that cannot be estimated (see ``factory.expectation``).

    Source:
        Bialek, Kuberski, Perrakis and Bifet, Estimating model performance under covariate shift
        without labels (2024), for the estimate from confidence and its reweighting; Robins and
        Rotnitzky, Semiparametric efficiency in multivariate regression models with missing data
        (1995), for guesses of a loss that are corrected by weighted residuals.

    >>> schema = Schema((), "y", "binary", classes=("no", "yes"))
    >>> metric = Metric("accuracy", True, "binary", schema.classes)
    >>> outputs = np.tile([0.3, 0.7], (400, 1))
    >>> frame = pd.DataFrame({"y": ["yes", "yes", "yes", "no"] * 100}, dtype=object)
    >>> estimator = fit_estimator(metric, schema, frame, outputs, seed=0)
    >>> found = estimate(
    ...     estimator, metric, frame, outputs, confidence=0.95, resamples=200, seed=0
    ... )
    >>> round(found.value, 2), found.low > 0.65, found.high < 0.85, found.rows
    (0.75, True, True, 400)
    """
    if len(outputs) < FEWEST or not np.isfinite(outputs).all():
        return None
    known = None if truth is None or pd.isna(truth).all() else truth
    if known is not None and not pd.isna(known).any():
        value = metric.value(known, outputs)
        return Estimate(value, value, value, len(outputs)) if np.isfinite(value) else None
    match estimator:
        case None:
            return None
        case ConfidenceModel():
            found = estimator.estimate(
                metric.name,
                frame,
                outputs,
                confidence=confidence,
                resamples=resamples,
                seed=seed,
                reweighted=reweighted,
                codes=None if known is None else _codes(metric, known, outputs),
            )
        case LossModel():
            mean, low, high = estimator.estimate(
                frame,
                outputs,
                confidence=confidence,
                seed=seed,
                reweighted=reweighted,
                losses=None if known is None else _losses(metric, known, outputs),
            )
            ends = from_means(metric.name, np.array([mean, low, high]))
            found = float(ends[0]), float(ends[1]), float(ends[2])
    return None if found is None else _within(metric, *found, len(outputs))


def _codes(metric: Metric, truth: NDArray[Any], outputs: Outputs) -> NDArray[np.intp]:
    codes: NDArray[np.intp] = encode(metric.classes, truth, outputs)
    return np.where(pd.isna(truth), -1, codes)


def _losses(metric: Metric, truth: NDArray[Any], outputs: Outputs) -> Floats:
    losses = np.full(len(truth), np.nan)
    known = ~pd.isna(truth)
    values = encode(metric.classes, truth[known], outputs[known])
    losses[known] = ROW_LOSSES[metric.name](values, outputs[known])
    return losses


def _within(metric: Metric, value: float, low: float, high: float, rows: int) -> Estimate | None:
    """Keep the numbers possible, and the bounds around the value; None where there are none."""
    if not np.isfinite([value, low, high]).all():
        return None
    lowest = -1.0 if metric.name == "matthews_corrcoef" else 0.0
    highest = 1.0 if metric.greater_is_better else float("inf")
    value = min(max(value, lowest), highest)
    return Estimate(value, max(min(low, value), lowest), min(max(high, value), highest), rows)
