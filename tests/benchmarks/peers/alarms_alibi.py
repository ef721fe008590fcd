"""alibi-detect's tabular drift on windows without drift, as it comes."""

from typing import Any

import numpy as np
import pandas as pd
from alibi_detect.cd import TabularDrift
from script import answer
from windows import splits


def encoded(before: pd.DataFrame, now: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, dict]:
    both, named = pd.concat([before, now]), {}
    columns = []
    for i, (_, column) in enumerate(both.items()):
        if column.dtype == object:
            named[i] = None
        columns.append(pd.factorize(column, sort=True)[0] if i in named else column.to_numpy())
    rows = np.column_stack(columns).astype(np.float64)
    return rows[: len(before)], rows[len(before) :], named


def alarms(question: dict[str, Any]) -> list[int]:
    found = []
    for case, rows, first, windows in question["cases"]:
        count = 0
        for before, now in splits(question["folder"], case, range(first, first + windows), rows):
            reference, window, named = encoded(before, now)
            detector = TabularDrift(reference, categories_per_feature=named)
            count += int(detector.predict(window)["data"]["is_drift"])
        found.append(count)
    return found


answer(alarms)
