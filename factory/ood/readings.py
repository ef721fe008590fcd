"""What a fitted model makes of rows: logits, probabilities and features, as far as it has them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit, softmax
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import Pipeline

from factory.nouns import Floats

Layers = tuple[Floats, Floats]
"""Penultimate features, shape (n, d), and what the last layer adds them up to, shape (n, k)."""
ACTIVATIONS: Mapping[str, Callable[[Floats], Floats]] = {
    "identity": np.positive,
    "logistic": expit,
    "relu": lambda X: np.maximum(X, 0.0),
    "tanh": np.tanh,
}


@dataclass(frozen=True)
class Readings:
    """What a model makes of n rows.

    Attributes:
        features: of the layer before the last; as they enter a model without layers, (n, d).
        logits: shape (n, k); None where it has none.
        probabilities: shape (n, k); None of a regression.
    """

    features: Floats
    logits: Floats | None = None
    probabilities: Floats | None = None


def encoded(pipeline: Pipeline, rows: pd.DataFrame) -> Floats:
    """Return rows as they enter the final estimator, shape (n, d)."""
    before = pipeline[:-1]
    return np.asarray(before.transform(rows) if len(before) else rows, dtype=np.float64)


def read(pipeline: Pipeline, X: Floats) -> Readings:
    """Return what a pipeline's final estimator makes of encoded rows.

    Layers are read of a ``factory.neural`` network and of scikit-learn's perceptrons; logits of
    linear models too.

    Args:
        pipeline: fitted.
        X: encoded rows, see ``encoded``.

    >>> from sklearn.linear_model import LogisticRegression
    >>> line = Pipeline([("model", LogisticRegression().fit([[0.0], [1.0]], ["a", "b"]))])
    >>> found = read(line, np.array([[0.5]]))
    >>> found.features.tolist(), found.probabilities.round(2).tolist()
    ([[0.5]], [[0.5, 0.5]])
    """
    model = _fitted(pipeline)
    layers = _layers(model)
    features, last = layers(X) if layers else (X, _decision(model, X))
    if not hasattr(model, "predict_proba"):
        return Readings(features)
    if last is None:
        return Readings(features, None, np.asarray(model.predict_proba(X), dtype=np.float64))
    # One logit for two classes: halves keep it symmetric in them.
    logits = np.column_stack([-last / 2, last / 2]) if last.shape[1] == 1 else last
    return Readings(features, logits, np.asarray(softmax(logits, axis=1)))


def has_layers(pipeline: Pipeline) -> bool:
    """Return whether a pipeline's final estimator has features of its own."""
    return _layers(_fitted(pipeline)) is not None


def image_shape(pipeline: Pipeline, width: int) -> tuple[int, ...]:
    """Return height, width and channels where the model takes a row as an image, else ()."""
    shape = tuple(getattr(_fitted(pipeline), "shape", ()))
    return shape if len(shape) == 3 and int(np.prod(shape)) == width else ()  # noqa: PLR2004


def _fitted(pipeline: Pipeline) -> Any:
    """Return what was fitted, without the corrections and scalings of its answers around it."""
    model = pipeline.steps[-1][1]
    for wrapped in ("model", "regressor_"):
        model = getattr(model, wrapped, model)
    return model


def _layers(model: Any) -> Callable[[Floats], Layers] | None:
    if isinstance(model, MLPClassifier | MLPRegressor):
        return lambda X: _perceptron(model, X)
    found: Callable[[Floats], Layers] | None = getattr(model, "layers_of", None)
    return found


def _perceptron(model: Any, X: Floats) -> Layers:
    activate = ACTIVATIONS[model.activation]
    for weights, intercepts in zip(model.coefs_[:-1], model.intercepts_[:-1], strict=True):
        X = activate(X @ weights + intercepts)
    return X, X @ model.coefs_[-1] + model.intercepts_[-1]


def _decision(model: Any, X: Floats) -> Floats | None:
    """Return a linear model's logits: those of others are no logarithms of probabilities."""
    if not (hasattr(model, "coef_") and hasattr(model, "predict_proba")):
        return None
    if not hasattr(model, "decision_function"):
        return None
    return np.asarray(model.decision_function(X), dtype=np.float64).reshape(len(X), -1)
