"""Small models to serve, registered and promoted in a home of their own."""

import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import Ridge
from sklearn.pipeline import Pipeline

from factory.bundle import Bundle, pipeline_outputs
from factory.config import FeaturesConfig
from factory.nouns import Column, Schema
from training.family import family_named
from training.features import feature_steps

FEATURES = (Column("a", "number"), Column("b", "number"), Column("c", "category"),
            Column("d", "date"))  # fmt: skip
CLASSES = {"regression": (), "binary": ("no", "yes"), "multiclass": ("x", "y", "z")}
ROW = {"a": 0.5, "b": 1.0, "c": "red", "d": "2025-01-05T10:00:00"}


def schema_of(task):
    return Schema(FEATURES, "y", task, timestamp="time", id="row", classes=CLASSES[task])


def world(task="regression", rows=200, seed=0):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "a": rng.normal(size=rows),
            "b": rng.exponential(size=rows),
            "c": rng.choice(["red", "green", "blue"], size=rows).astype(object),
            "d": pd.date_range("2025-01-01", periods=rows, freq="7h"),
            "time": pd.date_range("2025-01-01", periods=rows, freq="h"),
            "row": [f"r{i}" for i in range(rows)],
        }
    )
    y = 2 * frame["a"] + (frame["c"] == "red")
    if task != "regression":
        ranks = (y.rank(pct=True) * len(CLASSES[task])).apply(np.ceil).astype(int) - 1
        y = np.array(CLASSES[task], object)[ranks]
    frame.loc[3, "a"], frame.loc[4, "c"], frame.loc[5, "d"] = np.nan, None, pd.NaT
    return frame.assign(y=y)


def bundle(task="regression", family="forest", *, shift=0.0, trees=20, **config):
    """A bundle; ``shift`` is added to a regression's predictions."""
    schema, frame = schema_of(task), world(task)
    kind = family_named(family)
    if family == "forest":
        forest = RandomForestRegressor if task == "regression" else RandomForestClassifier
        estimator = forest(trees, max_depth=6, random_state=0)
    else:
        estimator = Ridge()
    target = frame["y"] + shift if shift else frame["y"]
    steps = feature_steps(schema, FeaturesConfig(), kind, 0)
    pipeline = Pipeline([*steps, ("estimator", estimator)])
    pipeline.fit(frame[list(schema.names)], target)
    reference = world(task, rows=100, seed=1)
    return Bundle(
        schema=schema, pipeline=pipeline, family=family, params={},
        metric="mean_absolute_error" if task == "regression" else "accuracy",
        reference=reference, reference_outputs=pipeline_outputs(pipeline, schema, reference),
        reference_score=0.1, importance={}, neutral={}, seen=np.array([], np.uint64),
        config={"name": "m", "data": {"path": "x", "target": "y"}, **config},
    )  # fmt: skip
