"""Predictions for the tests of the inference log."""

import os
import signal

import numpy as np
import pandas as pd
import pyarrow as pa
from made import make_bundle, make_frame

from factory.compiled.rows import Layout, Rows
from factory.errors import Unavailable
from registry.inference import commit
from registry.inference.committing import Unwatched
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


class Halves(Unwatched):
    """Says 0.5 of every row, and fails on those of version 2."""

    def __call__(self, model, version, rows):  # noqa: ARG002
        if version == 2:
            raise ValueError
        return {"outlier_score": pa.array([0.5] * rows.num_rows)}

    def figures(self):
        return {"m": {"halves": 0.5}}


class Killed(Unwatched):
    """Kills its process once."""

    def __init__(self, home):
        self.mark = home.path / "kill"

    def __call__(self, *given):
        del given
        if self.mark.exists():
            self.mark.unlink()
            os.kill(os.getpid(), signal.SIGKILL)
        return {}


def unanswering(home):
    """Has the log's store refuse in the process that commits."""

    def refuse(*given):
        raise Unavailable("no answer", hint="wait")

    commit.append = refuse
    return Unwatched(home)
