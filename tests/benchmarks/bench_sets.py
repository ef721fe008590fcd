"""Our default search beside HistGradientBoosting's defaults and FLAML, on five small sets.

Each is fitted on the same 80 % of the rows and scored on the rest, for several splits of them; the
split's number is also the seed of everything fitted on it. ``FACTORY_BENCH_SECONDS`` is the budget
of the two searches, 60 when absent.
"""

import logging
import os
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris, load_wine
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.metrics import log_loss, mean_absolute_error
from sklearn.model_selection import train_test_split

from factory.config import parse_config
from factory.nouns import Column, Schema
from training.threads import one_thread
from training.train import train

SECONDS = float(os.environ.get("FACTORY_BENCH_SECONDS", "60"))
SPLITS = (0, 1, 2)
LEARNERS = ["lgbm", "rf", "extra_tree", "kneighbor"]
"""FLAML's, less those of xgboost, which do not know this scikit-learn."""
SETS = {
    "breast_cancer": load_breast_cancer,
    "diabetes": load_diabetes,
    "digits": load_digits,
    "iris": load_iris,
    "wine": load_wine,
}


def ours(frame, schema, seed):
    metric = "mean_absolute_error" if schema.task == "regression" else "log_loss"
    config = parse_config(
        {
            "name": "m",
            "seed": seed,
            "data": {"path": "m.csv", "target": "y"},
            "metric": metric,
            "search": {"seconds": SECONDS, "trials": 10_000},
            "hedges": {"most": 0},
            "check": {"corruptions": 0},
        },
        source="bench",
    )
    return train(frame, schema, config, clock=time.perf_counter)


def flaml(X, y, seed, *, regression):
    # Its learners ask for an xgboost below 3, which lies in a folder of its own.
    sys.path.append(str(Path(os.environ["FACTORY_PEERS"]) / "flaml"))
    from flaml import AutoML  # noqa: PLC0415 - as above

    found = AutoML()
    logging.disable(logging.CRITICAL)
    try:
        found.fit(
            X, y, task="regression" if regression else "classification", time_budget=SECONDS,
            metric="mae" if regression else "log_loss", seed=seed, verbose=0, n_jobs=1,
            estimator_list=LEARNERS if regression else [*LEARNERS, "lrl1"],
        )  # fmt: skip
    finally:
        logging.disable(logging.NOTSET)
    return found


def compared(X, y, task, seed, tell):
    """Return the scores on held rows of ours, of boosting's defaults and of FLAML's."""
    regression = task == "regression"
    X_fit, X_held, y_fit, y_held = train_test_split(
        X, y, test_size=0.2, random_state=seed, stratify=None if regression else y
    )
    columns = tuple(Column(column, "number") for column in X)
    classes = () if regression else tuple(sorted(set(y)))
    schema = Schema(columns, "y", task, classes=classes)

    def score(predicted):
        if regression:
            return mean_absolute_error(y_held, predicted)
        return log_loss(y_held, predicted, labels=list(classes))

    frame = (
        pd.concat([X_fit, y_fit.rename("y")], axis=1)
        .reset_index(drop=True)
        .astype(dict.fromkeys(X, float))
    )
    with one_thread(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trained = ours(frame, schema, seed)
        mine = score(trained.bundle.outputs(X_held.astype(float).reset_index(drop=True)))
        boosting = HistGradientBoostingRegressor if regression else HistGradientBoostingClassifier
        plain = boosting(random_state=seed).fit(X_fit, y_fit)
        usual = score(plain.predict(X_held) if regression else plain.predict_proba(X_held))
        found = flaml(X_fit, y_fit, seed, regression=regression)
        theirs = score(found.predict(X_held) if regression else found.predict_proba(X_held))
    tell(
        f"split {seed}: ours {mine:.4f} ({trained.best.family}, {len(trained.trials)} trials), "
        f"boosting's defaults {usual:.4f}, FLAML {theirs:.4f} ({found.best_estimator})"
    )
    return mine, usual, theirs


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", list(SETS))
def test_default_search(name, tell):
    X, y = SETS[name](return_X_y=True, as_frame=True)
    X.columns = [str(column) for column in X.columns]
    regression = name == "diabetes"
    y = y.astype(float) if regression else y.astype(str).astype(object)
    task = "regression" if regression else "binary" if y.nunique() == 2 else "multiclass"
    metric = "mean absolute error" if regression else "log loss"
    scores = np.array([compared(X, y, task, seed, tell) for seed in SPLITS])
    mine, usual, theirs = scores.mean(axis=0)
    tell(
        f"{name}, {metric}, {SECONDS:g} s, mean of {len(SPLITS)} splits: ours {mine:.4f}, "
        f"boosting's defaults {usual:.4f}, FLAML {theirs:.4f}; ours is below both in "
        f"{(scores[:, 0] < scores[:, 1:].min(axis=1)).sum()}"
    )
    assert np.isfinite(scores).all()
    assert mine <= usual
