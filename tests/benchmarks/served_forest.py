"""The models that servers are compared with, behind our own feature steps."""

import warnings

import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import Ridge
from sklearn.pipeline import Pipeline

from factory.bundle import Bundle, pipeline_outputs
from factory.config import FeaturesConfig
from factory.nouns import Column, Schema
from training.family import family_named
from training.features import feature_steps

NUMBERS = 8
FEATURES = (
    *(Column(f"x{i}", "number") for i in range(NUMBERS)),
    Column("c", "category"),
    Column("g", "category"),
)


def rows(n, seed):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({f"x{i}": rng.normal(size=n) for i in range(NUMBERS)})
    frame.loc[rng.random(n) < 0.05, "x0"] = np.nan
    frame["c"] = rng.choice(["red", "green", "blue"], n).astype(object)
    frame["g"] = rng.choice(list("abcdefgh"), n).astype(object)
    score = frame["x0"].fillna(0) + frame["x1"] * frame["x2"] + (frame["c"] == "red")
    return frame.assign(y=score + rng.normal(size=n))


def bundle_of(task, family, estimator, target, n=5_000):
    classes = () if task == "regression" else ("no", "yes")
    schema = Schema(FEATURES, "y", task, classes=classes)
    frame, reference = (rows(size, seed).assign(y=target) for size, seed in ((n, 0), (1_000, 1)))
    steps = feature_steps(schema, FeaturesConfig(), family_named(family), 0)
    pipeline = Pipeline([*steps, ("estimator", estimator)])
    pipeline.fit(frame[list(schema.names)], frame["y"])
    return Bundle(
        schema=schema, pipeline=pipeline, family=family, params={}, metric="accuracy",
        reference=reference, reference_outputs=pipeline_outputs(pipeline, schema, reference),
        reference_score=0.8, importance={}, neutral={}, seen=np.array([], np.uint64),
        config={"name": "forest", "data": {"path": "x", "target": "y"}},
    )  # fmt: skip


def forest():
    estimator = RandomForestClassifier(100, max_depth=16, min_samples_leaf=5, random_state=0)
    yes = lambda frame: np.where(frame["y"] > 0.3, "yes", "no").astype(object)  # noqa: E731
    return bundle_of("binary", "forest", estimator, yes)


def one_of(family):
    """A classifier of a family with its first hyperparameters."""
    kind = family_named(family)
    loss = kind.losses["binary"][0]
    chosen = {
        name: d.start if hasattr(d, "start") else d.options[0]
        for name, d in kind.space("binary", loss).items()
        if d.when is None
    }
    estimator = kind.build(chosen, "binary", loss, 0, 2_000)
    yes = lambda frame: np.where(frame["y"] > 0.3, "yes", "no").astype(object)  # noqa: E731
    with warnings.catch_warnings():
        # How well it predicts does not matter here.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return bundle_of("binary", family, estimator, yes, n=2_000)


def constant(shift):
    """A small model whose predictions tell which of its versions made them."""
    return bundle_of("regression", "linear", Ridge(), lambda frame: frame["y"] + shift, n=500)
