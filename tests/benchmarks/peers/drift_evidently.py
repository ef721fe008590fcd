"""Evidently's drift preset on two tables, as it comes."""

from typing import Any

from evidently import Dataset, Report
from evidently.presets import DataDriftPreset
from script import answer, measured
from tables import mixed


def preset(question: dict[str, Any]) -> dict[str, Any]:
    table, times = question["table"], question["times"]
    reference, window = (Dataset.from_pandas(mixed(**table, seed=seed)) for seed in (0, 1))

    def check() -> Any:
        return Report([DataDriftPreset()]).run(window, reference).dict()

    return measured(check, times) | {"metrics": len(check()["metrics"])}


answer(preset)
