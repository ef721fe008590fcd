"""Our drift check with its joint test, on streams that drift."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from drifting import stream
from script import answer
from sklearn.dummy import DummyRegressor
from sklearn.pipeline import make_pipeline

sys.path.insert(0, str(Path(__file__).parents[3]))

from factory.budget import fit_budget
from factory.bundle import Bundle
from factory.check import check
from factory.config import CheckConfig
from factory.detectors.watched import watched
from factory.nouns import Column, DataVersion, Schema, Window

CONFIG = CheckConfig(resamples=100)


def champion(reference: pd.DataFrame) -> Bundle:
    kinds = ["category" if c.dtype == object else "number" for _, c in reference.items()]
    columns = tuple(Column(*each) for each in zip(reference, kinds, strict=True))
    schema = Schema(columns, "y", "regression")
    frame = reference.assign(y=0.0)
    outputs = np.zeros(len(frame))
    return Bundle(
        schema=schema, pipeline=make_pipeline(DummyRegressor()).fit(frame[["n0"]], frame["y"]),
        family="", params={}, metric="mean_absolute_error", reference=frame,
        reference_outputs=outputs, reference_score=0.0, importance={}, neutral={},
        seen=np.zeros(0, np.uint64),
        budget=fit_budget(watched(frame, schema, outputs), ordered=True, seed=0),
    )  # fmt: skip


def ours(reference: pd.DataFrame) -> Callable[[pd.DataFrame], bool]:
    bundle = champion(reference)

    def alarms(rows: pd.DataFrame) -> bool:
        window = Window(rows, DataVersion("0" * 64, len(rows)))
        found = check(bundle, window, CONFIG, model="m", version=1, seed=0).evidence
        # The first is of single features alone.
        return found.drift_alarm

    return alarms


def delays(question: dict[str, Any]) -> dict[str, Any]:
    return {"ours": stream(question, ours)}


answer(delays)
