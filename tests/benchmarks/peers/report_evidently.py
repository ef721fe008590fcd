"""Our one module that calls Evidently, in an environment that has it: its page of two tables."""

import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from script import answer, peak_megabytes
from sklearn.dummy import DummyRegressor
from sklearn.pipeline import make_pipeline
from tables import mixed, with_missing

sys.path.insert(0, str(Path(__file__).parents[3]))

from factory.bundle import Bundle
from factory.nouns import Column, Schema
from flows.samples import sides

AWKWARD = ("</script><script>document.title='run'</script>", 'a "b" & <i>', "\\", "x" * 200, "é ü")


def champion(reference: pd.DataFrame) -> Bundle:
    kinds = {n: "number" if v.dtype.kind == "f" else "category" for n, v in reference.items()}
    kinds.pop("y")
    schema = Schema(tuple(Column(n, k) for n, k in kinds.items()), "y", "regression")
    model = make_pipeline(DummyRegressor()).fit(reference[list(kinds)], reference["y"])
    return Bundle(
        schema=schema, pipeline=model, family="", params={}, metric="", reference=reference,
        reference_outputs=reference["y"].to_numpy() + 1, reference_score=1.0, importance={},
        neutral={}, seen=np.array([], dtype=np.uint64),
    )  # fmt: skip


def table(case: str, rows: int, numbers: int, categories: int, seed: int) -> pd.DataFrame:
    found = mixed(rows, numbers=numbers, categories=categories, seed=seed)
    rng = np.random.default_rng(seed)
    match case:
        case "names":
            found = found.rename(columns=dict(zip(found.columns, AWKWARD, strict=False)))
            found["text"] = rng.choice(np.array(AWKWARD, dtype=object), size=rows)
        case "constant":
            found["n0"], found["c0"] = 1.0, "only"
        case "holes":
            found = with_missing(found, 0.9, seed)
            found["n1"] = np.inf
        case "unseen":
            found["c0"] = [f"{seed} {i}" for i in range(rows)]
    return found.assign(y=rng.normal(size=rows))


def report(question: dict[str, Any]) -> dict[str, Any]:
    started = time.process_time()
    from flows.evidently import drift_report  # noqa: PLC0415 - its import is what is timed

    imported = time.process_time() - started
    size = question["rows"], question["numbers"], question["categories"]
    reference = table(question["case"], *size, seed=0)
    window = table(question["case"], question["window_rows"], *size[1:], seed=1)
    handed = sides(
        champion(reference), window, window["y"].to_numpy(), rows=question["sample"], seed=0
    )
    started = time.process_time()
    written = drift_report(handed)
    taken = time.process_time() - started
    Path(question["html"]).write_text(written.html, encoding="utf-8")
    return {
        "import_seconds": imported, "seconds": taken, "json": written.json,
        "rows": [len(handed.reference), len(handed.window)], "left_out": handed.left_out,
        "peak_mb": peak_megabytes(),
    }  # fmt: skip


answer(report)
