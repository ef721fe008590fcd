"""Metrics: any scikit-learn scorer by name, with bootstrap intervals.

Errors carry their natural sign: the scorer ``neg_mean_absolute_error`` is the metric
``mean_absolute_error``, and lower is better.
"""

import difflib
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from factory import scorers
from factory.bootstrap import block_length, ends, resample
from factory.errors import BadConfig
from factory.nouns import Estimate, Floats, Outputs, Schema, Task
from factory.scorers import ROW_LOSSES, Truth

SMALLEST = 1e-12
"""A score nearer to 0 than this counts as this when something is relative to it."""
NICKNAMES = {
    "auc": "roc_auc",
    "logloss": "log_loss",
    "mae": "mean_absolute_error",
    "mape": "mean_absolute_percentage_error",
    "mse": "mean_squared_error",
    "rmse": "root_mean_squared_error",
}


@dataclass(frozen=True)
class Metric:
    """One metric for one task.

    Attributes:
        name: a scikit-learn scorer's name without ``neg_``.
        greater_is_better: whether higher values are better.
        task: the task it judges.
        classes: the target's values, whose order is the order of the probabilities' columns;
            the last one is the positive class of a binary metric.
        ordered: whether rows come in time order, so that neighbours may depend on each other.
    """

    name: str
    greater_is_better: bool
    task: Task
    classes: tuple[str, ...]
    ordered: bool = False

    def value(self, y: NDArray[Any], outputs: Outputs) -> float:
        """Return the metric in its natural units, NaN where it is undefined.

        Means over rows, such as ``accuracy`` and ``log_loss``, are defined on any row; for the
        rest see ``factory.scorers.score``.

        Args:
            y: true values of labelled rows, shape (n,): floats, or the classes as strings.
            outputs: shape (n,) or (n, k); the most probable class is the predicted one.

        >>> metric = Metric("mean_absolute_error", False, "regression", ())
        >>> metric.value(np.array([1.0, 2.0]), np.array([1.0, 4.0]))
        1.0
        """
        truth = encode(self.classes, y, outputs)
        if len(truth) == 0 or self.name not in ROW_LOSSES:
            return scorers.score(self.name, truth, outputs)
        with np.errstate(over="ignore", invalid="ignore"):
            mean = ROW_LOSSES[self.name](truth, outputs).mean(keepdims=True)
        return float(scorers.from_means(self.name, mean)[0])

    def gain(self, champion: float, challenger: float) -> float:
        """Return the relative improvement of the challenger; above 0 is better.

        It is the difference, signed by the metric's direction, over the champion's absolute
        value: 0.1 is an error lower by a tenth, or a score higher by a tenth.

        >>> Metric("mean_absolute_error", False, "regression", ()).gain(10.0, 9.0)
        0.1
        >>> Metric("accuracy", True, "binary", ("no", "yes")).gain(0.5, 0.25)
        -0.5
        """
        return float(self.gains(np.array([champion]), np.array([challenger]))[0])

    def gains(self, champion: Floats, challenger: Floats) -> Floats:
        """Return the gain of each pair of values, shape (n,).

        >>> metric = Metric("accuracy", True, "binary", ("no", "yes"))
        >>> metric.gains(np.array([0.5, 0.5]), np.array([0.5, 0.75])).tolist()
        [0.0, 0.5]
        """
        sign = 1.0 if self.greater_is_better else -1.0
        scale = np.maximum(np.abs(champion), SMALLEST)
        return np.asarray(sign * (challenger - champion) / scale, dtype=np.float64)


def metric_named(name: str | None, schema: Schema) -> Metric:
    """Return the metric of that name for the schema's task.

    Without a name it is ``accuracy`` or ``mean_absolute_error``.

    Raises:
        BadConfig: no scorer has this name, or it does not fit the task.

    >>> schema = Schema((), "y", "multiclass", classes=("a", "b", "c"))
    >>> metric_named(None, schema).name
    'accuracy'
    >>> metric_named("f1", schema)
    Traceback (most recent call last):
        ...
    factory.errors.BadConfig: metric 'f1' does not fit a multiclass task.
      fix: metric: f1_macro
    """
    default = "mean_absolute_error" if schema.task == "regression" else "accuracy"
    name = default if name is None else name
    known = scorers.known()
    if name not in known:
        plain = NICKNAMES.get(name.lower(), name.lower().removeprefix("neg_"))
        near = difflib.get_close_matches(plain, sorted(known), n=3, cutoff=0.6)
        hint = f"did you mean {' or '.join(near)}?" if near else f"metric: {default}"
        raise BadConfig(f"metric {name!r} is not known.", hint=hint)
    instead = scorers.INSTEAD[schema.task].get(name)
    if (name in scorers.REGRESSION) != (schema.task == "regression"):
        instead = default
    if instead is not None:
        problem = f"metric {name!r} does not fit a {schema.task} task."
        raise BadConfig(problem, hint=f"metric: {instead}")
    ordered = schema.timestamp is not None
    return Metric(name, known[name], schema.task, schema.classes, ordered)


def interval(
    metric: Metric,
    y: NDArray[Any],
    outputs: Outputs,
    *,
    confidence: float,
    resamples: int,
    seed: int,
) -> Estimate:
    """Estimate a metric with its bootstrap percentile interval over rows.

    Where rows are in time order, blocks of them are resampled (see ``factory.bootstrap``).

    A mean over rows is resampled as such, and a metric of classes through its table of counts.
    Any other goes through scikit-learn's scorer once per resample; there ``resamples`` is cut,
    to 100 at least, so that no more than 4 million rows are visited. Resamples in which the
    metric is undefined are left out.

    Args:
        metric: the metric.
        y: true values, shape (n,).
        outputs: shape (n,) or (n, k).
        confidence: two-sided, such as 0.95.
        resamples: number of resamples.
        seed: of the resampling.

    Source:
        Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 13.

    >>> metric = Metric("mean_absolute_error", False, "regression", ())
    >>> y, outputs = np.arange(100.0), np.arange(100.0) + np.tile([0.0, 1.0], 50)
    >>> found = interval(metric, y, outputs, confidence=0.95, resamples=400, seed=0)
    >>> (found.value, found.low < 0.5 < found.high, found.rows)
    (0.5, True, 100)
    """
    draws = metric_draws(metric, y, (outputs,), resamples, seed)[0]
    low, high = ends(draws, confidence)
    return Estimate(metric.value(y, outputs), low, high, len(y))


def unpaired_gain(
    metric: Metric,
    reference: tuple[NDArray[Any], Outputs],
    window: tuple[NDArray[Any], Outputs],
    *,
    confidence: float,
    resamples: int,
    seed: int,
) -> tuple[float, float, float]:
    """Return one model's gain from reference to window rows, and its two-sided bounds.

    Both samples are resampled, each on its own, so that a small reference widens the bounds.

    >>> metric = Metric("mean_absolute_error", False, "regression", ())
    >>> before, now = (np.zeros(50), np.ones(50)), (np.zeros(20), np.full(20, 1.5))
    >>> unpaired_gain(metric, before, now, confidence=0.9, resamples=100, seed=0)
    (-0.5, -0.5, -0.5)
    """
    gain = metric.gain(metric.value(*reference), metric.value(*window))
    seeds = np.random.SeedSequence(seed).generate_state(2)
    before, now = (
        metric_draws(metric, y, (outputs,), resamples, int(each))[0]
        for (y, outputs), each in zip((reference, window), seeds, strict=True)
    )
    shorter = min(len(before), len(now))
    low, high = ends(metric.gains(before[:shorter], now[:shorter]), confidence)
    return gain, low, high


def row_losses(schema: Schema, y: NDArray[Any], outputs: Outputs) -> Floats:
    """Return each row's loss, shape (n,): absolute error, or log loss of the true class.

    The log loss is minus the logarithm of the probability clipped to [eps, 1 - eps].

    >>> schema = Schema((), "y", "regression")
    >>> row_losses(schema, np.array([1.0, 2.0]), np.array([1.5, 2.0])).tolist()
    [0.5, 0.0]
    """
    name = "mean_absolute_error" if schema.task == "regression" else "log_loss"
    return ROW_LOSSES[name](encode(schema.classes, y, outputs), outputs)


def encode(classes: tuple[str, ...], y: NDArray[Any], outputs: Outputs) -> Truth:
    """Return the truth as floats, or as codes 0 to k-1 in the order of ``classes``.

    An unknown class becomes the one the model thinks least likely: a mistake in any metric.

    >>> encode(("a", "b"), np.array(["b", "c"]), np.array([[0.5, 0.5], [0.2, 0.8]])).tolist()
    [1, 0]
    """
    if not classes:
        return np.asarray(y, dtype=np.float64)
    labels = pd.Index(np.asarray(y, dtype=object))
    codes = pd.Index(classes, dtype=object).get_indexer(labels)
    unlikely = outputs.shape[1] - 1 - outputs[:, ::-1].argmin(axis=1)
    return np.asarray(np.where(codes < 0, unlikely, codes), dtype=np.intp)


def metric_draws(
    metric: Metric, y: NDArray[Any], models: tuple[Outputs, ...], resamples: int, seed: int
) -> Floats:
    """Return the metric of each model on each resample of the rows, shape (models, resamples).

    Where rows are in time order, blocks of them are resampled (see ``factory.bootstrap``).

    Args:
        metric: the metric.
        y: true values, shape (n,).
        models: outputs of each model on the same rows, shape (n,) or (n, k).
        resamples: number of resamples, which a metric that is dear may cut.
        seed: of the resampling.

    >>> metric = Metric("mean_absolute_error", False, "regression", ())
    >>> metric_draws(metric, np.zeros(50), (np.ones(50),), 2, 0).tolist()
    [[1.0, 1.0]]
    """
    truths = tuple(encode(metric.classes, y, outputs) for outputs in models)
    block = 1
    if metric.ordered:
        name = "log_loss" if metric.classes else "mean_absolute_error"
        losses = [ROW_LOSSES[name](*pair) for pair in zip(truths, models, strict=True)]
        block = block_length(losses[0] if len(losses) == 1 else losses[1] - losses[0])
    return resample(metric.name, truths, models, resamples=resamples, seed=seed, block=block)
