"""A small world in which P(x), P(y) or P(y|x) can be moved, each alone, and a model of it."""

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from factory.bundle import Bundle, pipeline_outputs
from factory.metrics import metric_named
from factory.nouns import Column, Schema

NUMBERS = ("a", "b", "n1", "n2", "n3")
COLUMNS = (*(Column(name, "number") for name in NUMBERS), Column("c", "category"))
REGRESSION = Schema(COLUMNS, "y", "regression")
BINARY = Schema(COLUMNS, "y", "binary", classes=("no", "yes"))
METRICS = {"regression": "mean_absolute_error", "binary": "accuracy"}


def features(rng, n, shift=0.0):
    frame = pd.DataFrame({name: rng.normal(size=n) for name in NUMBERS})
    frame["b"] = 0.5 * frame["a"] + frame["b"]
    frame["a"] += shift
    frame["c"] = rng.choice(["u", "v", "w"], size=n, p=[0.5, 0.3, 0.2])
    return frame


def rows(schema, rng, n, *, shift=0.0, concept=0.0, share=None):
    """Draw rows: ``a`` moved by ``shift``, the relation by ``concept``, the target to ``share``.

    What ``a`` says of the target is noisier where ``a`` is high, so that its shift costs.
    ``share`` is that of the class yes, or of high targets, while P(x|y) stays.
    """
    if share is not None:
        pool = rows(schema, rng, 12 * n, shift=shift, concept=concept)
        high = (pool["y"] == "yes") if schema.classes else pool["y"] > 1.5
        picks = [np.flatnonzero(high == side)[: round(n * part)]
                 for side, part in ((True, share), (False, 1 - share))]  # fmt: skip
        return pool.iloc[rng.permutation(np.concatenate(picks))].reset_index(drop=True)
    frame = features(rng, n, shift)
    slope = 2.0 - concept
    add = frame["c"].map({"u": 0.0, "v": 0.7, "w": -0.7}).to_numpy()
    middle = slope * frame["b"].to_numpy() + add
    if schema.classes:
        noise = np.exp(np.clip(frame["a"].to_numpy(), -3, 4))
        chance = 1 / (1 + np.exp(-(2 * middle - 3.0) / (0.3 + 0.7 * noise)))
        frame["y"] = np.where(rng.random(n) < chance, "yes", "no").astype(object)
        return frame
    frame["y"] = middle + rng.normal(size=n) * np.exp(0.5 * frame["a"].to_numpy())
    return frame


def champion(schema, rng, n=6000, reference=5000):
    """Fit a model, and keep it with its reference."""
    learn, held = rows(schema, rng, n), rows(schema, rng, reference)
    encode = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["c"]), remainder="passthrough", sparse_threshold=0
    )
    kind = HistGradientBoostingClassifier if schema.classes else HistGradientBoostingRegressor
    pipeline = make_pipeline(encode, kind(max_iter=40, random_state=0))
    pipeline.fit(learn[list(schema.names)], learn["y"])
    outputs = pipeline_outputs(pipeline, schema, held)
    metric = metric_named(METRICS[schema.task], schema)
    return Bundle(
        schema=schema, pipeline=pipeline, family="boosting", params={}, metric=metric.name,
        reference=held, reference_outputs=outputs,
        reference_score=metric.value(held["y"].to_numpy(), outputs),
        importance={"a": 0.1, "b": 1.0, "c": 0.3, "n1": 0.0, "n2": 0.0, "n3": 0.0}, neutral={},
        seen=np.array([], dtype=np.uint64),
    )  # fmt: skip
