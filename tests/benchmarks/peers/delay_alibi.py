"""alibi-detect's tabular drift and its MMD on streams that drift, as they come."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from alibi_detect.cd import MMDDrift, TabularDrift
from drifting import NAMES, NUMBERS, stream
from script import answer

KERNEL = 1_000
"""Rows of the reference for its MMD, whose memory and time grow with their square."""


def codes(rows: pd.DataFrame) -> np.ndarray:
    known = {name: code for code, name in enumerate(NAMES)}
    return rows.apply(lambda c: c.map(known) if c.dtype == object else c).to_numpy(np.float64)


def tabular(reference: pd.DataFrame) -> Callable[[pd.DataFrame], bool]:
    named = dict.fromkeys(range(NUMBERS, reference.shape[1]))
    detector = TabularDrift(codes(reference), categories_per_feature=named)
    return lambda rows: bool(detector.predict(codes(rows))["data"]["is_drift"])


def mmd(reference: pd.DataFrame) -> Callable[[pd.DataFrame], bool]:
    detector = MMDDrift(codes(reference[:KERNEL]).astype(np.float32), backend="tensorflow")
    return lambda rows: bool(detector.predict(codes(rows).astype(np.float32))["data"]["is_drift"])


def delays(question: dict[str, Any]) -> dict[str, Any]:
    return {
        "alibi TabularDrift": stream(question, tabular),
        "alibi MMDDrift": stream({**question, "runs": 1, "windows": 3}, mmd),
    }


answer(delays)
