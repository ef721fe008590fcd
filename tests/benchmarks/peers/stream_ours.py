"""A window larger than memory, looked at part by part; only its time and memory are told."""

import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from script import answer, peak_megabytes

sys.path.insert(0, str(Path(__file__).parents[3]))

from factory.bundle import Bundle
from factory.nouns import Column, Schema
from flows.stream import gather, look
from registry.parts import parts_of


def champion(reference: pd.DataFrame) -> Bundle:
    """A champion of nothing but its reference, with which a window's rows are compared."""
    kinds = ["number" if name.startswith("n") else "category" for name in reference]
    columns = tuple(Column(*each) for each in zip(reference, kinds, strict=True))
    return Bundle(
        schema=Schema(columns, "y", "regression"), pipeline=None, family="", params={},
        metric="mean_absolute_error", reference=reference.assign(y=0.0),
        reference_outputs=np.zeros(len(reference)), reference_score=0.0, importance={},
        neutral={}, seen=np.zeros(0, np.uint64),
    )  # fmt: skip


def stream(question: dict[str, Any]) -> dict[str, Any]:
    bundle = champion(pd.read_parquet(question["reference"]))
    before = peak_megabytes()
    started = time.process_time()
    window, whole = gather([look(parts_of(question["window"]), bundle)], bundle)
    return {
        "seconds": time.process_time() - started,
        "peak_mb": peak_megabytes(),
        "before_mb": before,
        "rows": window.version.rows,
        "features": len(whole.profile.features),
        "problems": len(whole.problems),
        "sampled": len(window.frame),
    }


answer(stream)
