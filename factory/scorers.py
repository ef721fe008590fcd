"""scikit-learn's scorers on outputs that are already there; see ``factory.metrics``."""

import warnings
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.metrics import get_scorer, get_scorer_names

from factory.nouns import Floats, Outputs, Task

Truth = NDArray[Any]
"""True values as floats, or class codes 0 to k-1; shape (n,)."""
RowLoss = Callable[[Truth, Outputs], Floats]
EPSILON = float(np.finfo(np.float64).eps)
BINARY = 2

REGRESSION = frozenset(
    {
        "d2_absolute_error_score",
        "explained_variance",
        "max_error",
        "mean_absolute_error",
        "mean_absolute_percentage_error",
        "mean_gamma_deviance",
        "mean_poisson_deviance",
        "mean_squared_error",
        "mean_squared_log_error",
        "median_absolute_error",
        "r2",
        "root_mean_squared_error",
        "root_mean_squared_log_error",
    }
)
INSTEAD: Mapping[Task, Mapping[str, str]] = {
    "binary": {"top_k_accuracy": "accuracy"},
    "multiclass": {
        "f1": "f1_macro",
        "jaccard": "jaccard_macro",
        "precision": "precision_macro",
        "recall": "recall_macro",
        "roc_auc": "roc_auc_ovr",
        "positive_likelihood_ratio": "balanced_accuracy",
        "negative_likelihood_ratio": "balanced_accuracy",
    },
    "regression": {},
}
"""Metrics that a task cannot have, and what to take instead."""
COUNTED = (
    "balanced_accuracy",
    "f1",
    "jaccard",
    "matthews",
    "precision",
    "recall",
)
"""Prefixes of metrics that see no more of a row than its class and the predicted one."""


def _absolute(y: Truth, outputs: Outputs) -> Floats:
    return np.asarray(np.abs(y - outputs), dtype=np.float64)


def _squared(y: Truth, outputs: Outputs) -> Floats:
    return np.asarray((y - outputs) ** 2, dtype=np.float64)


def _squared_log(y: Truth, outputs: Outputs) -> Floats:
    with np.errstate(all="ignore"):
        return _squared(np.log1p(y), np.log1p(outputs))


def _percentage(y: Truth, outputs: Outputs) -> Floats:
    relative = _absolute(y, outputs) / np.maximum(np.abs(y), EPSILON)
    return np.asarray(relative, dtype=np.float64)


def _right(codes: Truth, outputs: Outputs) -> Floats:
    return np.asarray(outputs.argmax(axis=1) == codes, dtype=np.float64)


def _log(codes: Truth, outputs: Outputs) -> Floats:
    likely = outputs[np.arange(len(codes)), codes]
    return np.asarray(-np.log(np.clip(likely, EPSILON, 1 - EPSILON)), dtype=np.float64)


def _brier(codes: Truth, outputs: Outputs) -> Floats:
    likely = outputs[np.arange(len(codes)), codes]
    loss = np.sum(outputs**2, axis=1) - 2 * likely + 1
    return np.asarray(loss / 2 if outputs.shape[1] == BINARY else loss, dtype=np.float64)


def _in_top_two(codes: Truth, outputs: Outputs) -> Floats:
    best = np.argsort(outputs, axis=1, kind="stable")[:, -2:]
    return np.asarray((best == codes[:, None]).any(axis=1), dtype=np.float64)


ROW_LOSSES: Mapping[str, RowLoss] = {
    "accuracy": _right,
    "brier_score": _brier,
    "log_loss": _log,
    "mean_absolute_error": _absolute,
    "mean_absolute_percentage_error": _percentage,
    "mean_squared_error": _squared,
    "mean_squared_log_error": _squared_log,
    "root_mean_squared_error": _squared,
    "root_mean_squared_log_error": _squared_log,
    "top_k_accuracy": _in_top_two,
}
"""Metrics that are a mean over rows, or the root of one."""


class Precomputed(BaseEstimator):  # type: ignore[misc]
    """An estimator whose answers are already there; its X holds row numbers.

    Args:
        outputs: values of shape (n,), or probabilities of shape (n, k) of the classes 0 to k-1.

    >>> Precomputed(np.array([3.0, 4.0])).predict(np.array([1, 0])).tolist()
    [4.0, 3.0]
    """

    def __init__(self, outputs: Outputs) -> None:
        self.outputs = outputs

    def fit(self, X: object, y: object = None) -> Self:
        """Learn nothing."""
        del X, y
        return self

    def predict(self, X: NDArray[np.intp]) -> NDArray[Any]:
        """Return the stored values."""
        return self.outputs[X]

    def __sklearn_is_fitted__(self) -> bool:
        return True


class PrecomputedRegressor(RegressorMixin, Precomputed):  # type: ignore[misc]
    """Precomputed values."""


class PrecomputedClassifier(ClassifierMixin, Precomputed):  # type: ignore[misc]
    """Precomputed probabilities; the most probable class is predicted.

    >>> PrecomputedClassifier(np.array([[0.2, 0.8]])).predict(np.array([0])).tolist()
    [1]
    """

    @property
    def classes_(self) -> NDArray[np.intp]:
        """The codes of the classes."""
        return np.arange(self.outputs.shape[1])

    def predict(self, X: NDArray[np.intp]) -> NDArray[Any]:
        """Return the code of the most probable class of each row."""
        return np.asarray(self.outputs[X].argmax(axis=1))

    def predict_proba(self, X: NDArray[np.intp]) -> Outputs:
        """Return the stored probabilities."""
        return self.outputs[X]


@lru_cache(maxsize=1)
def known() -> Mapping[str, bool]:
    """Return the metrics there are, without ``neg_``, and whether greater is better.

    Scorers for many labels per row (``*_samples``) are none of them.

    >>> known()["accuracy"], known()["log_loss"]
    (True, False)
    """
    names = [name for name in get_scorer_names() if not name.endswith("_samples")]
    return {name.removeprefix("neg_"): not name.startswith("neg_") for name in names}


def score(name: str, truth: Truth, outputs: Outputs, weights: Floats | None = None) -> float:
    """Return what scikit-learn's scorer says, in natural units; NaN where it is undefined.

    Undefined are: no rows; a single class in the truth; whatever scikit-learn refuses; and
    whatever it calls undefined while a class is absent from the truth. A class that is present
    but never predicted has precision 0, as in scikit-learn.

    Args:
        name: a name of ``known``.
        truth: shape (n,).
        outputs: shape (n,), or (n, k) where the truth is codes.
        weights: of the rows, shape (n,).

    >>> score("f1", np.array([0, 1]), np.array([[0.2, 0.8], [0.1, 0.9]]))
    0.6666666666666666
    """
    labels = outputs.ndim == BINARY
    present = len(np.unique(truth)) if labels else 0
    if len(truth) == 0 or present == 1:
        return float("nan")
    model = PrecomputedClassifier(outputs) if labels else PrecomputedRegressor(outputs)
    extra = {} if weights is None else {"sample_weight": weights}
    lacking = labels and present < outputs.shape[1]
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        warnings.simplefilter("error" if lacking else "ignore", UndefinedMetricWarning)
        try:
            value = _scorer(name)(model, np.arange(len(truth)), truth, **extra)
        except (ValueError, UndefinedMetricWarning):
            return float("nan")
    natural = value if known()[name] else -value
    return float(natural) if np.isfinite(natural) else float("nan")


def from_means(name: str, means: Floats) -> Floats:
    """Turn means of row losses into the metric; NaN where they are not finite.

    >>> from_means("root_mean_squared_error", np.array([4.0])).tolist()
    [2.0]
    """
    values = np.sqrt(means) if name.startswith("root_") else means
    return np.where(np.isfinite(values), values, np.nan)


@lru_cache(maxsize=128)
def _scorer(name: str) -> Callable[..., float]:
    scorer: Callable[..., float] = get_scorer(name if known()[name] else f"neg_{name}")
    return scorer
