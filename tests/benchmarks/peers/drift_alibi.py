"""alibi-detect's tabular drift, fitted once; its categories come as numbers, not counted in."""

from typing import Any

import numpy as np
import pandas as pd
from alibi_detect.cd import TabularDrift
from script import answer, measured
from tables import mixed


def encoded(table: pd.DataFrame, seed: int) -> np.ndarray:
    columns = mixed(**table, seed=seed)
    codes = [c if c.dtype == float else pd.factorize(c, sort=True)[0] for _, c in columns.items()]
    return np.column_stack(codes).astype(np.float64)


def tabular(question: dict[str, Any]) -> dict[str, Any]:
    table, times = question["table"], question["times"]
    reference, window = (encoded(table, seed) for seed in (0, 1))
    kinds = {table["numbers"] + i: None for i in range(table["categories"])}

    def fit() -> TabularDrift:
        return TabularDrift(reference, p_val=0.05, categories_per_feature=dict(kinds))

    detector = fit()
    return measured(lambda: detector.predict(window), times) | {
        "fit_seconds": measured(fit, 3)["seconds"]
    }


answer(tabular)
