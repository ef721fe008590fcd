"""Exact Shapley values of trees, by the library shap."""

import warnings
from typing import Any

import numpy as np

from factory.nouns import Floats

with warnings.catch_warnings():
    # What shap draws with uses what matplotlib will drop; nothing is drawn here.
    warnings.simplefilter("ignore", PendingDeprecationWarning)
    import shap


def tree_values(estimator: Any, X: Floats) -> Floats:
    """Return each column's part in each row's prediction, shape (n, columns, outputs).

    Of two classes the values are those of the last.

    Source:
        Lundberg and others, From local explanations to global understanding with explainable AI
        for trees (2020).
    """
    values = np.asarray(shap.TreeExplainer(estimator).shap_values(X), dtype=np.float64)
    if values.ndim < 3:  # noqa: PLR2004 - rows, columns, outputs
        return values[:, :, None]
    return values[:, :, 1:] if values.shape[2] == 2 else values  # noqa: PLR2004 - two classes
