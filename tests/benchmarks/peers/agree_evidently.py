"""Evidently's scores of the samples, per method."""

from typing import Any

import numpy as np
import pandas as pd
from agree import samples
from evidently import DataDefinition, Dataset, Report
from evidently.metrics import ValueDrift
from script import answer

NUMBERS = ("ks", "cramer_von_mises", "wasserstein", "psi", "jensenshannon", "hellinger")
CODES = ("chisquare", "psi", "jensenshannon", "TVD", "hellinger")


def agree(seed: int) -> dict[str, Any]:
    given = samples(seed)
    definition = DataDefinition(numerical_columns=["n"], categorical_columns=["c"])
    sides = []
    for numbers, codes in zip(given["numbers"], given["codes"], strict=True):
        names = np.array([*"abcd"], dtype=object)[codes]
        frame = pd.DataFrame({"n": numbers, "c": names})
        sides.append(Dataset.from_pandas(frame, data_definition=definition))
    found = {}
    for column, methods in (("n", NUMBERS), ("c", CODES)):
        for method in methods:
            report = Report([ValueDrift(column=column, method=method)]).run(*sides[::-1])
            found[f"{column} {method}"] = float(report.dict()["metrics"][0]["value"])
    found["spread"] = float(np.std(given["numbers"][0]))
    return found


answer(agree)
