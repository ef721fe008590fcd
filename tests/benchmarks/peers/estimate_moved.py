"""Whether the relation moved between labelled rows: a period that no estimate can know.

An estimate without labels tells what the metric would be had the relation of target and features
stayed. Where it moved, no estimate of the kind can be right, and such periods are set apart. To
tell, the labels of both periods are looked at, which an estimate never does.
"""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.preprocessing import OrdinalEncoder

from factory.nouns import Floats, Outputs, Schema

ROWS = 5_000
"""Rows that are compared at most, of either period."""


class Moved(NamedTuple):
    """How two periods differ.

    Attributes:
        apart: area under the ROC of telling their rows apart by features, 0.5 where none moved.
        z: by how many standard errors the loss differs on rows alike, about 0 where the relation
            stayed.
    """

    apart: float
    z: float


def losses(schema: Schema, frame: pd.DataFrame, outputs: Outputs) -> Floats:
    """Return each row's absolute error, or whether its class was missed, shape (n,)."""
    truth = frame["y"].to_numpy()
    if schema.task == "regression":
        return np.abs(truth.astype(float) - outputs)
    return (np.array(schema.classes, dtype=object)[outputs.argmax(axis=1)] != truth).astype(float)


def moved(schema: Schema, known: tuple[Any, Any], window: tuple[Any, Any], seed: int = 0) -> Moved:
    """Compare the losses of two periods on rows that are alike.

    Rows are weighted towards where both periods have some: a row of one counts as much as it
    might have been of the other. What features explain of the loss is taken off first, so that
    the comparison holds if either the weights or that explanation is right.

    Source:
        Li, Morgan and Zaslavsky, Balancing covariates via propensity score weighting (2018);
        Cai, Namkoong and Yadlowsky, Diagnosing model performance under distribution shift (2023).
    """
    rng = np.random.default_rng(seed)
    parts = []
    for frame, outputs in (known, window):
        few = rng.permutation(len(frame))[:ROWS]
        parts.append((frame.iloc[few], outputs[few]))
    later = np.repeat([0, 1], [len(frame) for frame, _ in parts])
    loss = np.concatenate([losses(schema, *part) for part in parts])
    X = _numbers(schema, parts)
    folds = KFold(5, shuffle=True, random_state=seed)
    told: dict[str, Any] = {"max_iter": 60, "max_leaf_nodes": 15, "random_state": seed}
    domain = HistGradientBoostingClassifier(**told, early_stopping=False)
    chance = cross_val_predict(domain, X, later, cv=folds, method="predict_proba")[:, 1]
    guess = HistGradientBoostingRegressor(**told, early_stopping=False)
    left = loss - cross_val_predict(guess, X, loss, cv=folds)
    sides = [_mean(left[later == side], weights) for side, weights in (
        (0, chance[later == 0]), (1, 1 - chance[later == 1])
    )]  # fmt: skip
    (before, doubt), (after, other) = sides
    return Moved(float(roc_auc_score(later, chance)), (after - before) / np.sqrt(doubt + other))


def _mean(values: Floats, weights: Floats) -> tuple[float, float]:
    weights = weights / weights.sum()
    mean = float(weights @ values)
    return mean, float(weights**2 @ (values - mean) ** 2)


def _numbers(schema: Schema, parts: list[tuple[pd.DataFrame, Outputs]]) -> Floats:
    frame = pd.concat([frame for frame, _ in parts])
    outputs = np.concatenate([outputs for _, outputs in parts])
    numbers = [c.name for c in schema.features if c.kind == "number"]
    categories = [c.name for c in schema.features if c.kind == "category"]
    codes = OrdinalEncoder(encoded_missing_value=-1).fit_transform(frame[categories])
    return np.column_stack([frame[numbers].to_numpy(dtype=float), codes, outputs])
