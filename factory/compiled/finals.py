"""Estimators as functions of a matrix that say the same as scikit-learn, without its checks."""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.special import expit
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC, LinearSVR
from sklearn.utils.extmath import softmax

from factory.adapt.corrected import CorrectedClassifier, CorrectedRegressor
from factory.compiled.trees import Forest
from factory.diagnosis.trees import BOOSTED, FORESTS, TREES
from factory.nouns import Floats, Outputs

Final = Callable[[Floats], Outputs]
BINARY = 2


class Uncompiled(Exception):
    """A part that there is no compiled form of; says which."""


def final_of(estimator: Any) -> Final:
    """Return a fitted estimator's values, shape (n,), or probabilities, shape (n, k).

    Raises:
        Uncompiled: it is of a kind that is served as it is.
        Unavailable: numba is not installed.

    >>> model = Ridge(alpha=0.5).fit([[0.0], [2.0]], [1.0, 5.0])
    >>> X = np.array([[0.5], [1.0]])
    >>> bool((final_of(model)(X) == model.predict(X)).all())
    True
    """
    if isinstance(estimator, CorrectedRegressor | CorrectedClassifier):
        return corrected(estimator, final_of(estimator.model))
    if isinstance(estimator, FORESTS):
        return _averaged(estimator.estimators_)
    if isinstance(estimator, TREES):
        return _averaged([estimator])
    if isinstance(estimator, BOOSTED):
        return _boosted(estimator)
    if isinstance(estimator, TransformedTargetRegressor):
        return _rescaled(estimator)
    if isinstance(estimator, LogisticRegression):
        return _logistic(estimator)
    if isinstance(estimator, Ridge | LinearSVR):
        return _line(estimator)
    if isinstance(estimator, CalibratedClassifierCV):
        return _calibrated(estimator)
    raise Uncompiled(f"{type(estimator).__name__} has no compiled form")


def native(estimator: Any) -> Final:
    """Return an estimator's own method, which reads a matrix as well."""
    if isinstance(estimator, CorrectedRegressor | CorrectedClassifier):
        return corrected(estimator, native(estimator.model))
    method: Final = getattr(estimator, "predict_proba", estimator.predict)
    return method


def corrected(estimator: Any, model: Final) -> Final:
    """Return what a corrected model says when its model is given as a function."""
    if isinstance(estimator, CorrectedRegressor):
        intercept, slope = estimator.intercept, estimator.slope
        return lambda X: intercept + slope * model(X)
    curves, scaling = estimator.curves, estimator.scaling

    def probabilities(X: Floats) -> Outputs:
        said = model(X)
        return np.asarray(
            scaling.probabilities(said if curves is None else curves.probabilities(said))
        )

    return probabilities


def _averaged(trees: list[Any]) -> Final:
    forest, count = Forest.of_trees(trees), len(trees)
    if hasattr(trees[0], "classes_"):
        return lambda X: forest.sums(X) / count
    return lambda X: forest.sums(X)[:, 0] / count


def _boosted(estimator: Any) -> Final:
    if estimator.is_categorical_ is not None:
        raise Uncompiled("boosting with categorical splits has no compiled form")
    # scikit-learn makes the parts of these models known under no public name.
    forest = Forest.of_boosted(estimator._predictors)  # noqa: SLF001
    start, loss = estimator._baseline_prediction, estimator._loss  # noqa: SLF001
    if hasattr(estimator, "classes_"):
        return lambda X: loss.predict_proba(forest.sums(X, start))
    return lambda X: loss.link.inverse(forest.sums(X, start)[:, 0])


def _rescaled(estimator: TransformedTargetRegressor) -> Final:
    scaler = estimator.transformer_
    if not isinstance(scaler, StandardScaler):
        raise Uncompiled(f"a target scaled by {type(scaler).__name__} has no compiled form")
    model, scale, mean = final_of(estimator.regressor_), scaler.scale_[0], scaler.mean_[0]
    return lambda X: model(X) * scale + mean


def _scores(estimator: Any) -> Final:
    weights = np.asarray(estimator.coef_, dtype=np.float64).T
    intercept = estimator.intercept_
    return lambda X: np.asarray(X @ weights + intercept)


def _line(estimator: Any) -> Final:
    scores = _scores(estimator)
    return lambda X: scores(X).reshape(len(X))


def _logistic(estimator: LogisticRegression) -> Final:
    scores = _scores(estimator)
    if len(estimator.classes_) > BINARY:
        return lambda X: softmax(scores(X), copy=False)

    def probabilities(X: Floats) -> Outputs:
        of_last = expit(scores(X)[:, 0])
        return np.column_stack([1 - of_last, of_last])

    return probabilities


def _calibrated(estimator: CalibratedClassifierCV) -> Final:
    fitted = estimator.calibrated_classifiers_
    if len(fitted) != 1 or fitted[0].method != "sigmoid":
        raise Uncompiled("a calibration other than one sigmoid has no compiled form")
    if not isinstance(fitted[0].estimator, LinearSVC):
        raise Uncompiled(f"{type(fitted[0].estimator).__name__} has no compiled form")
    scores = _scores(fitted[0].estimator)
    slopes = np.array([curve.a_ for curve in fitted[0].calibrators])
    offsets = np.array([curve.b_ for curve in fitted[0].calibrators])
    classes = len(estimator.classes_)

    def probabilities(X: Floats) -> Outputs:
        chances = expit(-(slopes * scores(X) + offsets))
        if classes == BINARY:
            return np.column_stack([1 - chances[:, 0], chances[:, 0]])
        total = chances.sum(axis=1, keepdims=True)
        even = np.full_like(chances, 1 / classes)
        shares: Outputs = np.divide(chances, total, out=even, where=total != 0)
        return np.minimum(shares, 1.0)

    return probabilities
