"""Final estimators whose answers are corrected; what they wrap stays as it was fitted."""

from dataclasses import replace
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.pipeline import Pipeline

from factory.adapt.scaling import Scaling
from factory.bundle import Bundle
from factory.calibrate import Calibrator
from factory.metrics import encode
from factory.nouns import Floats, Outputs


class CorrectedRegressor(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """A regressor whose predictions are moved along a line.

    Args:
        model: fitted.
        intercept: in the target's unit.
        slope: what a prediction is multiplied with before.
    """

    def __init__(self, model: Any, intercept: float = 0.0, slope: float = 1.0) -> None:
        self.model = model
        self.intercept = intercept
        self.slope = slope

    def fit(self, X: object, y: object = None) -> Self:
        """Learn nothing: the model was fitted before."""
        del X, y
        return self

    def predict(self, X: Any) -> Floats:
        """Return values, shape (n,)."""
        said = np.asarray(self.model.predict(X), dtype=np.float64).ravel()
        return np.asarray(self.intercept + self.slope * said)

    def __sklearn_is_fitted__(self) -> bool:
        return True


class CorrectedClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A classifier whose probabilities are corrected.

    Args:
        model: fitted.
        scaling: applied last.
        curves: applied first, where there are any.
    """

    def __init__(self, model: Any, scaling: Scaling, curves: Calibrator | None = None) -> None:
        self.model = model
        self.scaling = scaling
        self.curves = curves

    def fit(self, X: object, y: object = None) -> Self:
        """Learn nothing: the model was fitted before."""
        del X, y
        return self

    @property
    def classes_(self) -> NDArray[Any]:
        """Classes in the order of the probabilities' columns."""
        return np.asarray(self.model.classes_)

    def predict_proba(self, X: Any) -> Floats:
        """Return probabilities, shape (n, k)."""
        said = self.model.predict_proba(X)
        if self.curves is not None:
            said = self.curves.probabilities(said)
        return self.scaling.probabilities(said)

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the most probable class of each row, shape (n,)."""
        return np.asarray(self.classes_[self.predict_proba(X).argmax(axis=1)])

    def __sklearn_is_fitted__(self) -> bool:
        return True


def with_final(pipeline: Pipeline, model: Any) -> Pipeline:
    """Return a pipeline with another final estimator, whose own parts are shared."""
    return Pipeline([*pipeline.steps[:-1], (pipeline.steps[-1][0], model)])


def final(bundle: Bundle) -> Any:
    """Return the final estimator."""
    return bundle.pipeline.steps[-1][1]


def moved_line(pipeline: Pipeline, intercept: float, slope: float) -> Pipeline:
    """Return a regressor's pipeline with its answers moved along one more line."""
    model = pipeline.steps[-1][1]
    if isinstance(model, CorrectedRegressor):
        intercept, slope = intercept + slope * model.intercept, slope * model.slope
        model = model.model
    return with_final(pipeline, CorrectedRegressor(model, intercept, slope))


def scaled(pipeline: Pipeline, scaling: Scaling) -> Pipeline:
    """Return a classifier's pipeline with its answers scaled once more.

    One that knows other classes than were scaled, as a twin or a fallback may, stays as it is.
    """
    if len(pipeline.classes_) != len(scaling.biases):
        return pipeline
    model, curves = pipeline.steps[-1][1], None
    if isinstance(model, CorrectedClassifier):
        scaling, curves, model = scaling.after(model.scaling), model.curves, model.model
    return with_final(pipeline, CorrectedClassifier(model, scaling, curves))


def bent(pipeline: Pipeline, curves: Calibrator, classes: int) -> Pipeline:
    """Return a classifier's pipeline whose weights are corrected by curves alone.

    One that knows other classes than were corrected stays as it is.
    """
    if len(pipeline.classes_) != classes:
        return pipeline
    model = weights_of(pipeline)
    return with_final(pipeline, CorrectedClassifier(model, Scaling.none(classes), curves))


def uncorrected(bundle: Bundle) -> Bundle:
    """Return a bundle whose pipeline says what its weights say, for ``outputs`` only."""
    return replace(bundle, pipeline=with_final(bundle.pipeline, weights_of(bundle.pipeline)))


def weights_of(pipeline: Pipeline) -> Any:
    """Return the final estimator without its corrections."""
    model = pipeline.steps[-1][1]
    corrected = isinstance(model, CorrectedClassifier | CorrectedRegressor)
    return model.model if corrected else model


def told(bundle: Bundle, frame: pd.DataFrame) -> tuple[Outputs, NDArray[np.intp], NDArray[np.intp]]:
    """Return what a classifier says of rows whose class it knows, their codes and positions.

    Classes that it was never taught have neither columns nor codes.
    """
    columns = known_classes(bundle)
    outputs = bundle.outputs(frame)[:, columns] if len(frame) else np.empty((0, len(columns)))
    return outputs, *codes_of(bundle, frame)


def known_classes(bundle: Bundle) -> NDArray[np.intp]:
    """Return the columns of the outputs that the classifier fills, in the order it does."""
    classes = bundle.schema.classes
    return np.array([classes.index(str(c)) for c in final(bundle).classes_], dtype=np.intp)


def codes_of(bundle: Bundle, frame: pd.DataFrame) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the codes of the rows whose class the classifier knows, and their positions."""
    names = pd.Index(np.asarray(final(bundle).classes_).astype(str).astype(object))
    codes = names.get_indexer(pd.Index(frame[bundle.schema.target].to_numpy(object)))
    at = np.flatnonzero(codes >= 0)
    return codes[at].astype(np.intp), at.astype(np.intp)


def truth_of(bundle: Bundle, frame: pd.DataFrame, outputs: Outputs) -> Floats:
    """Return a regression's true values, shape (n,)."""
    return np.asarray(encode((), frame[bundle.schema.target].to_numpy(), outputs), dtype=np.float64)
