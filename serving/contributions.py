"""Shapley values of single predictions: exact for trees and linear models, sampled for others."""

from importlib import import_module
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import TransformedTargetRegressor

from factory.bundle import Bundle
from factory.diagnosis.encoded import Encoded
from factory.diagnosis.importance import VALUES
from factory.diagnosis.shapley import linear_values, sampled_values
from factory.diagnosis.trees import BOOSTED, FORESTS, TREES
from factory.errors import Unavailable
from factory.nouns import Floats

BINARY = 2


def explain(bundle: Bundle, rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Return each feature's part in each row's prediction.

    Returns:
        Per row ``values`` (feature to its parts, one an output), ``outputs`` (what they are of:
        of two classes the last), ``unit`` (``probability``, ``margin`` or ``target``) and
        ``exact``.

    Raises:
        Unavailable: trees need the library shap, which is not installed.

    Source:
        Lundberg and Lee, A unified approach to interpreting model predictions (2017).
    """
    schema = bundle.schema
    values, unit, exact = _values(bundle, rows)
    names = schema.classes[1:] if len(schema.classes) == BINARY else schema.classes
    outputs = [*names] if schema.classes else [schema.target]
    return [
        {
            "values": {name: row[i].tolist() for i, name in enumerate(schema.names)},
            "outputs": outputs,
            "unit": unit,
            "exact": exact,
        }
        for row in values
    ]


def _values(bundle: Bundle, rows: pd.DataFrame) -> tuple[Floats, str, bool]:
    classes = bool(bundle.schema.classes)
    encoded = Encoded.of(bundle.pipeline, bundle.schema.names)
    if encoded is not None and _all_taught(bundle):
        X, estimator = encoded.columns(rows), encoded.estimator
        means = encoded.columns(bundle.reference).mean(axis=0)
        columns = linear_values(estimator, X, means)
        unit = "margin" if classes else "target"
        if columns is None:
            columns = _of_trees(estimator, X)
            unit = "probability" if classes and not isinstance(estimator, BOOSTED) else unit
        if columns is not None:
            together = encoded.together(columns.transpose(0, 2, 1)).transpose(0, 2, 1)
            return together, unit, True
    sampled = sampled_values(bundle, rows, bundle.reference, seed=0)
    return sampled, "probability" if classes else "target", False


def _of_trees(estimator: Any, X: Floats) -> Floats | None:
    scale = 1.0
    if isinstance(estimator, TransformedTargetRegressor):
        scale = float(getattr(estimator.transformer_, "scale_", np.ones(1))[0])
        estimator = estimator.regressor_
    if not isinstance(estimator, (*FORESTS, *TREES, *BOOSTED)):
        return None
    module, function = VALUES["trees"].split(":")
    try:
        values: Floats = getattr(import_module(module), function)(estimator, X)
    except ImportError as error:
        raise Unavailable(
            f"Trees cannot be explained: {error}.", hint="pip install 'drift-factory[explain]'"
        ) from None
    return values * scale


def _all_taught(bundle: Bundle) -> bool:
    classes = getattr(bundle.pipeline.steps[-1][1], "classes_", None)
    return classes is None or [str(c) for c in classes] == list(bundle.schema.classes)
