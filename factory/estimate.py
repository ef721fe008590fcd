"""Estimated performance: what the champion's metric will be on rows that have no label yet.

Classification is estimated from the champion's confidence: calibrated on held-out rows, its
probabilities say how often each prediction is right. Regression is estimated from a model of the
champion's loss, learnt on the same rows. Both are applied to the window's own rows, so that a
shift of P(x) is accounted for. A moved relation P(y|x), concept drift, leaves no trace without
labels: both then report what the metric would be had the relation stayed.
"""

from statistics import NormalDist

import numpy as np
import pandas as pd

from factory.bootstrap import ends
from factory.calibrate import BINARY, GROUPS, Calibrator
from factory.expectation import Measure, measure
from factory.losses import LossModel
from factory.metrics import Metric, encode
from factory.nouns import Estimate, Floats, Outputs, Schema
from factory.scorers import ROW_LOSSES, from_means

FEWEST_LEARNT = 30
"""Labelled rows below which no estimator is made."""
FEWEST = 10
"""Rows of a window below which nothing is said."""
ROWS = 2_000
"""Rows on which a classifier's interval is simulated."""
LOSS_ROWS = 200_000
"""Rows on which a regression's loss is estimated; of a larger window a sample is."""

PerformanceEstimator = Calibrator | LossModel


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
        ordered = schema.timestamp is not None
        return Calibrator.fit(metric.name, outputs, truth, ordered=ordered, seed=seed)
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
) -> Estimate | None:
    """Estimate a champion's metric on rows, labelled or not.

    The interval is for the metric that the rows' labels will show: it holds the chance in those
    labels and the uncertainty of what the estimator was learnt from.

    Args:
        estimator: from ``fit_estimator``.
        metric: the champion's.
        frame: canonical rows; the target is not looked at.
        outputs: the champion's outputs on them, shape (n,) or (n, k).
        confidence: two-sided, such as 0.95.
        resamples: draws of labels.
        seed: of the draws.

    Returns:
        None without an estimator, for fewer than 10 rows, for outputs that are not finite, and
        for metrics that cannot be estimated (see ``factory.expectation``).

    Source:
        Bialek, Kuberski, Perrakis and Bifet, Estimating model performance under covariate shift
        without labels (2024), for the estimate from confidence.

    >>> schema = Schema((), "y", "binary", classes=("no", "yes"))
    >>> metric = Metric("accuracy", True, "binary", schema.classes)
    >>> outputs = np.tile([0.3, 0.7], (400, 1))
    >>> frame = pd.DataFrame({"y": ["yes", "yes", "yes", "no"] * 100}, dtype=object)
    >>> estimator = fit_estimator(metric, schema, frame, outputs, seed=0)
    >>> found = estimate(
    ...     estimator, metric, frame, outputs, confidence=0.95, resamples=200, seed=0
    ... )
    >>> found.value, found.low > 0.65, found.high < 0.85, found.rows
    (0.75, True, True, 400)
    """
    if len(outputs) < FEWEST or not np.isfinite(outputs).all():
        return None
    match estimator:
        case None:
            return None
        case Calibrator():
            return _by_confidence(estimator, metric, outputs, confidence, resamples, seed)
        case LossModel():
            return _by_loss(estimator, frame, outputs, confidence, seed)


def _by_confidence(
    calibrator: Calibrator,
    metric: Metric,
    outputs: Outputs,
    confidence: float,
    resamples: int,
    seed: int,
) -> Estimate | None:
    n, k = outputs.shape
    rng = np.random.default_rng(seed)
    few = outputs if n <= ROWS else outputs[rng.integers(n, size=ROWS)]
    if k == BINARY:
        # One sort makes reading the curve, and ranking, ten times faster. Order means nothing.
        scores = np.sort(outputs[:, 1])
        outputs = np.column_stack([1 - scores, scores])
    whole, sample = measure(metric.name, outputs), measure(metric.name, few)
    if whole is None or sample is None:
        return None
    value = whole(calibrator.probabilities(outputs))
    if not np.isfinite(value):
        return None
    chances = calibrator.probabilities(few)
    shrink = np.sqrt(calibrator.dependence * len(few) / n)
    noise = shrink * (_draws(sample, chances, resamples, rng) - sample(chances))
    fits = [sample(calibrator.probabilities(few, 1 + group)) for group in range(GROUPS)]
    # The jackknife's standard error; and what is corrected is as unsure as it is large.
    doubt = np.hypot(np.sqrt(GROUPS - 1) * np.std(fits), calibrator.optimism)
    draws = noise + doubt * rng.standard_t(GROUPS - 1, size=len(noise))
    low, high = (value - calibrator.optimism + end for end in ends(draws, confidence))
    return _within(metric, value, low, high, n)


def _draws(sample: Measure, chances: Floats, resamples: int, rng: np.random.Generator) -> Floats:
    """Return the metric under labels drawn by their chances, shape (resamples,)."""
    steps = chances.cumsum(axis=1)[:, :-1]
    certain = np.eye(chances.shape[1])
    values = np.empty(resamples)
    for number in range(resamples):
        drawn = (rng.random((len(chances), 1)) >= steps).sum(axis=1)
        values[number] = sample(certain[drawn])
    return values


def _within(metric: Metric, value: float, low: float, high: float, rows: int) -> Estimate | None:
    """Keep the bounds possible, and around the value; None where there are none."""
    if not (np.isfinite(low) and np.isfinite(high)):
        return None
    lowest = -1.0 if metric.name == "matthews_corrcoef" else 0.0
    highest = 1.0 if metric.greater_is_better else float("inf")
    low, high = max(min(low, value), lowest), min(max(high, value), highest)
    return Estimate(value, low, high, rows)


def _by_loss(
    model: LossModel, frame: pd.DataFrame, outputs: Outputs, confidence: float, seed: int
) -> Estimate | None:
    n = len(outputs)
    if n > LOSS_ROWS:
        kept = np.random.default_rng(seed).choice(n, size=LOSS_ROWS, replace=False)
        frame, outputs = frame.iloc[kept], outputs[kept]
    mean, learnt, own = model.expected(frame, outputs)
    error = NormalDist().inv_cdf((1 + confidence) / 2) * np.sqrt(learnt + own / n)
    # Losses lie above 0 and have a long tail, so that the interval is even on a log scale.
    factor = np.exp(error / mean) if mean > 0 else 1.0
    value, low, high = from_means(model.loss, np.array([mean, mean / factor, mean * factor]))
    if not np.isfinite([value, low, high]).all():
        return None
    return Estimate(float(value), float(low), float(high), n)
