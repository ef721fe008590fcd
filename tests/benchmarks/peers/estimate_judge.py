"""NannyML's CBPE and DLE on cases that lie in a folder: each window is one chunk."""

from pathlib import Path
from typing import Any

import pandas as pd
from nannyml import CBPE, DLE
from script import answer

CLASSES = {
    "accuracy": "accuracy",
    "f1": "f1",
    "f1_macro": "f1",
    "roc_auc": "roc_auc",
    "roc_auc_ovr": "roc_auc",
}
ERRORS = {"mean_absolute_error": "mae", "root_mean_squared_error": "rmse"}


def judged(question: dict[str, Any]) -> list[list[dict[str, list[float]]]]:
    """Return per case and window, per metric the estimate and its sampling error."""
    folder = Path(question["folder"])
    return [_case(folder / str(number), question) for number in range(question["cases"])]


def _case(folder: Path, question: dict[str, Any]) -> list[dict[str, list[float]]]:
    reference = pd.read_parquet(folder / "known.parquet")
    names = CLASSES if question["task"] != "regression" else ERRORS
    metrics = sorted({names[name] for name in question["metrics"]})
    windows = [
        pd.read_parquet(folder / f"{number}.parquet")
        for number in range(question["windows"][int(folder.name)])
    ]
    # All windows of a case are of one size, on which the sampling error depends.
    estimator = _estimator(question, metrics, len(windows[0])).fit(reference)
    found = []
    for window in windows:
        told = estimator.estimate(window).filter(period="analysis").to_df()
        pairs = {
            name: (told[names[name]]["value"], told[names[name]]["sampling_error"])
            for name in question["metrics"]
        }
        found.append({name: [float(one.iloc[0]) for one in pair] for name, pair in pairs.items()})
    return found


def _estimator(question: dict[str, Any], metrics: list[str], rows: int) -> Any:
    if question["task"] == "regression":
        return DLE(
            feature_column_names=question["features"],
            y_pred="said",
            y_true="y",
            metrics=metrics,
            chunk_size=rows,
        )
    outputs = question["outputs"]
    return CBPE(
        metrics=metrics,
        y_pred_proba=outputs if question["task"] == "multiclass" else outputs["1"],
        y_true="y",
        y_pred="said",
        problem_type=f"classification_{question['task']}",
        chunk_size=rows,
    )


answer(judged)
