"""Predictions for the tests of the inference log."""

import numpy as np
import pandas as pd
from made import make_bundle, make_frame

from factory.compiled.rows import Layout, Rows
from registry.predictions import Predictions, prediction_ids

START = 1_750_000_000_000_000_000
SECOND = 10**9


def predictions(
    rows=3, *, at=START, first=0, task="regression", role="champion", version=1, model="m",
    bundle=None, keys=True, seed=0,
):  # fmt: skip
    """One request's predictions of a small bundle."""
    bundle = bundle or make_bundle(task)
    frame = make_frame(task, rows=max(rows, 6), seed=seed).head(rows)
    layout = Layout(bundle.schema.features)
    told = {}
    if keys:
        told = {"row": [f"r{i:04}" for i in range(first, first + rows)]}
        told["time"] = pd.Series(frame["time"]).astype(str).tolist()
    return Predictions(
        model, version, role, at, prediction_ids(at, 1, first, rows), bundle.schema, layout,
        Rows.of(frame, layout), np.asarray(bundle.outputs(frame)), told,
    )  # fmt: skip
