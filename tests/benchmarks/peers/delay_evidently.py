"""Evidently's drift preset on streams that drift, as it comes."""

from collections.abc import Callable
from typing import Any

import pandas as pd
from drifting import stream
from evidently import Dataset, Report
from evidently.presets import DataDriftPreset
from script import answer


def checks(whole: bool) -> Callable[[pd.DataFrame], Callable[[pd.DataFrame], bool]]:
    """Return the check of a data set: half of its columns drifted, or one of them."""

    def check(reference: pd.DataFrame) -> Callable[[pd.DataFrame], bool]:
        before = Dataset.from_pandas(reference)

        def alarms(rows: pd.DataFrame) -> bool:
            found = Report([DataDriftPreset()]).run(Dataset.from_pandas(rows), before).dict()
            count = next(m["value"] for m in found["metrics"] if "Count" in m["metric_name"])
            return count["share"] >= 0.5 if whole else count["count"] > 0

        return alarms

    return check


def delays(question: dict[str, Any]) -> dict[str, Any]:
    # What takes half of the columns never alarms here; three windows show it.
    short = {**question, "runs": 1, "windows": 3}
    return {
        "evidently, any column": stream(question, checks(whole=False)),
        "evidently, data set": stream(short, checks(whole=True)),
    }


answer(delays)
