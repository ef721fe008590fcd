"""Our numbers on the same rows: plain ones per chunk, and a whole estimate with its interval."""

from typing import Any

import numpy as np
import pandas as pd
from estimate_rows import known, window
from script import answer, measured

from factory.estimate import estimate, fit_estimator
from factory.metrics import metric_named
from factory.nouns import Column, Schema
from factory.tally import expected

SCHEMA = Schema((Column("a", "number"),), "y", "binary", classes=("0", "1"))


def both(said: Any) -> Any:
    return np.column_stack([1 - said, said])


def estimates(question: dict[str, Any]) -> dict[str, Any]:
    said, truth = known()
    labels = truth.astype(str).astype(object)
    reference = pd.DataFrame({"a": said, "y": labels})
    metric = metric_named("roc_auc", SCHEMA)
    estimator = fit_estimator(metric, SCHEMA, reference, both(said), seed=0)
    outputs = both(window())
    rows = pd.DataFrame({"a": outputs[:, 1]})
    found = []
    for case in question["cases"]:
        # NannyML gives its last chunk what is left over; a million rows leave nothing.
        parts = np.array_split(outputs, case["chunks"])

        def tell(names: list[str] = case["metrics"], parts: list[Any] = parts) -> list[Any]:
            return [expected(names, estimator.calibrator, part) for part in parts]

        told = tell()
        values = {name: [part[name] for part in told] for name in case["metrics"]}
        found.append({"values": values, **measured(tell, question["times"])})

    def whole() -> None:
        estimate(estimator, metric, rows, outputs, confidence=0.95, resamples=400, seed=0)

    return {"cases": found, "whole": measured(whole, question["times"])}


answer(estimates)
