"""Bundles and tables that the registry's tests keep and load."""

from dataclasses import replace
from pathlib import Path
from urllib.parse import urlparse

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from factory.bundle import Bundle, pipeline_outputs, row_hashes
from factory.nouns import Column, Schema

FEATURES = (Column("a", "number"), Column("b", "number"), Column("c", "category"),
            Column("d", "date"))  # fmt: skip
CLASSES = {"regression": (), "binary": ("no", "yes"), "multiclass": ("x", "y", "z")}


def make_schema(task="regression"):
    return Schema(FEATURES, "y", task, timestamp="time", id="row", classes=CLASSES[task])


def make_frame(task="regression", rows=80, seed=0):
    """Canonical rows with something missing in every feature."""
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=rows), rng.normal(size=rows)
    c = rng.choice(["red", "green", "blue"], size=rows).astype(object)
    time = pd.date_range("2025-01-01", periods=rows, freq="h")
    d = time.to_series().sample(frac=1, random_state=seed).to_numpy("datetime64[ns]")
    a[3], c[4], d[5] = np.nan, None, np.datetime64("NaT")
    y = 2 * np.nan_to_num(a) + (c == "red") + rng.normal(scale=0.1, size=rows)
    if task != "regression":
        ranks = pd.Series(y).rank(pct=True, method="first").to_numpy() * len(CLASSES[task])
        y = np.asarray(CLASSES[task], dtype=object)[np.ceil(ranks).astype(int) - 1]
    ids = np.array([f"r{i:04}" for i in range(rows)], dtype=object)
    return pd.DataFrame({"a": a, "b": b, "c": c, "d": d, "y": y, "time": time, "row": ids})


def make_pipeline_of(estimator):
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    onehot = OneHotEncoder(handle_unknown="infrequent_if_exist", sparse_output=False)
    features = ColumnTransformer([("numbers", numbers, ["a", "b"]), ("onehot", onehot, ["c"])])
    return Pipeline([("features", features), ("estimator", estimator)])


def make_bundle(task="regression", seed=0, estimator=None):
    schema, frame = make_schema(task), make_frame(task, seed=seed)
    if estimator is None:
        estimator = Ridge() if task == "regression" else LogisticRegression()
    pipeline = make_pipeline_of(estimator).fit(frame[list(schema.names)], frame["y"])
    reference = make_frame(task, rows=20, seed=seed + 1)
    return Bundle(
        schema=schema,
        pipeline=pipeline,
        family="linear",
        params={"alpha": 1.0, "layers": (3, 2), "depth": None, "count": np.int64(7)},
        metric="mean_absolute_error" if task == "regression" else "accuracy",
        reference=reference,
        reference_outputs=pipeline_outputs(pipeline, schema, reference),
        reference_score=0.125,
        importance={"a": 0.5, "b": float("nan"), "c": 0.25, "d": 0.0},
        neutral={"a": 0.5, "b": -1.0, "c": "red", "d": np.datetime64("2025-01-02T03", "ns")},
        seen=np.unique(row_hashes(frame, schema)),
        config={"name": "small", "data": {"types": {"c": "category"}, "ignore": []}},
    )


def broken_twin(bundle):
    """The same bundle, but its stored outputs are not what it predicts."""
    return replace(bundle, reference_outputs=bundle.reference_outputs + 0.5)


def files_of(models, version, name="m"):
    """The folder in which MLflow keeps a version."""
    told = models._version(name, version)  # noqa: SLF001 - where MLflow keeps it
    return Path(urlparse(told.source).path)
