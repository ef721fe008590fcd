"""Shapley values: how far each feature moves each prediction, beside other rows' values."""

from typing import Any

import numpy as np
import pandas as pd
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifier
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC, LinearSVR

from factory.bundle import Bundle
from factory.nouns import Floats

LINEAR = (LogisticRegression, Ridge, RidgeClassifier, LinearSVC, LinearSVR)
ORDERS = 8
"""Orders of the features that are drawn; each is gone through there and back."""


def linear_values(estimator: Any, X: Floats, means: Floats | None = None) -> Floats | None:
    """Return each column's part in each row's score, shape (n, columns, outputs).

    The score is a class's margin, or the target. Columns are taken to vary on their own, so that
    a part is the coefficient times what the value is above its mean. None where the estimator is
    not linear.

    Args:
        estimator: fitted.
        X: what it reads, shape (n, columns).
        means: of the columns, shape (columns,); those of ``X`` when absent.

    Source:
        Lundberg and Lee, A unified approach to interpreting model predictions (2017),
        corollary 1.

    >>> model = Ridge(alpha=1e-9).fit([[0.0], [2.0]], [0.0, 4.0])
    >>> linear_values(model, np.array([[0.0], [2.0]]))[:, 0, 0].round(6).tolist()
    [-2.0, 2.0]
    """
    scale = 1.0
    if isinstance(estimator, TransformedTargetRegressor):
        if not isinstance(estimator.transformer_, StandardScaler):
            return None
        scale, estimator = float(estimator.transformer_.scale_[0]), estimator.regressor_
    if isinstance(estimator, CalibratedClassifierCV) and not estimator.ensemble:
        estimator = estimator.calibrated_classifiers_[0].estimator
    if not isinstance(estimator, LINEAR):
        return None
    weights = np.atleast_2d(np.asarray(estimator.coef_, dtype=np.float64)) * scale
    centre = X.mean(axis=0) if means is None else means
    return np.asarray((X - centre)[:, :, None] * weights.T[None])


def sampled_values(bundle: Bundle, rows: pd.DataFrame, others: pd.DataFrame, seed: int) -> Floats:
    """Estimate each feature's part in each row's outputs, shape (n, features, outputs).

    A feature after the other takes its value of the row in place of another row's, in orders
    drawn by chance, each gone through there and back; the parts are the outputs' mean steps.
    Any pipeline will do.

    Args:
        bundle: what predicts.
        rows: what is explained, n canonical rows.
        others: rows that values are taken from otherwise.
        seed: of the orders, and of which row stands beside which.

    Source:
        Štrumbelj and Kononenko, Explaining prediction models and individual predictions with
        feature contributions (2014); both ways: Mitchell, Cooper, Frank and Holmes, Sampling
        permutations for Shapley value estimation (2022).
    """
    names = list(bundle.schema.names)
    rng, n = np.random.default_rng(seed), len(rows)
    total: list[Floats] = []
    for _ in range(ORDERS):
        order = rng.permutation(len(names))
        beside = others.iloc[rng.integers(len(others), size=n)]
        ways = ([names[i] for i in way] for way in (order, order[::-1]))
        total += [_steps(bundle, rows, beside, way) for way in ways]
    return np.asarray(np.mean(total, axis=0))


def _steps(bundle: Bundle, rows: pd.DataFrame, others: pd.DataFrame, order: list[str]) -> Floats:
    """Return what each feature's step does to the outputs, shape (n, features, outputs)."""
    n, count = len(rows), len(order)
    taken = np.repeat(np.arange(count + 1), n)
    columns = {}
    for place, name in enumerate(order):
        pair = pd.concat([others[name], rows[name]], ignore_index=True)
        here = np.tile(np.arange(n), count + 1) + np.where(taken > place, n, 0)
        columns[name] = pair.iloc[here].reset_index(drop=True)
    stacked = pd.DataFrame({name: columns[name] for name in bundle.schema.names})
    outputs = bundle.outputs(stacked).reshape(count + 1, n, -1)
    if outputs.shape[2] == 2:  # noqa: PLR2004 - of two classes the last one tells all
        outputs = outputs[:, :, 1:]
    steps = np.diff(outputs, axis=0)
    places = [order.index(name) for name in bundle.schema.names]
    return np.asarray(steps[places].transpose(1, 0, 2))
