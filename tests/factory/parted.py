"""A champion whose outputs follow its features, and windows like its reference."""

import numpy as np
import pandas as pd

from factory.breakdown.rows import Rows
from factory.bundle import Bundle
from factory.nouns import Column, Schema

FEATURES = (Column("n", "number"), Column("c", "category"), Column("d", "date"))
CLASSES = {"regression": (), "binary": ("no", "yes"), "multiclass": ("high", "low", "mid")}
METRICS = {
    "regression": "mean_absolute_error",
    "binary": "accuracy",
    "multiclass": "balanced_accuracy",
}
NAMES = np.array(["u", "v", "w"], dtype=object)


def frame_of(rng, rows, task="regression"):
    n = rng.normal(size=rows)
    y = n + rng.normal(size=rows)
    if task == "binary":
        y = np.where(y > 0, "yes", "no").astype(object)
    if task == "multiclass":
        y = np.select([y > 0.5, y < -0.5], ["high", "low"], "mid").astype(object)
    moments = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(rows), unit="h")
    return pd.DataFrame({"n": n, "c": rng.choice(NAMES, size=rows), "d": moments, "y": y})


def outputs_of(frame, task="regression"):
    n = np.nan_to_num(frame["n"].to_numpy(), posinf=9, neginf=-9)
    if task == "regression":
        return n
    n = np.clip(n, -9, 9)
    yes = 1 / (1 + np.exp(-2 * n))
    if task == "binary":
        return np.column_stack([1 - yes, yes])
    high, low = 1 / (1 + np.exp(2 - 2 * n)), 1 / (1 + np.exp(2 + 2 * n))
    return np.column_stack([high, low, 1 - high - low])


def bundle_of(frame, task="regression", **told):
    told = {
        "schema": Schema(FEATURES, "y", task, classes=CLASSES[task]),
        "metric": METRICS[task],
        "reference_outputs": None,
        "pipeline": None,
        **told,
    }
    if told["reference_outputs"] is None:
        told["reference_outputs"] = outputs_of(frame, task)
    return Bundle(
        family="",
        params={},
        reference=frame,
        reference_score=0.5,
        importance={},
        neutral={},
        seen=np.array([], dtype=np.uint64),
        **told,
    )


def rows_of(bundle, frame, outputs=None):
    outputs = outputs_of(frame, bundle.schema.task) if outputs is None else outputs
    truth = frame["y"].to_numpy() if "y" in frame else np.full(len(frame), np.nan)
    return Rows(bundle, frame, truth, outputs, ~np.asarray(pd.isna(truth)))
