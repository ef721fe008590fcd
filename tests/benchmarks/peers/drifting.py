"""Streams of windows whose rows drift from the start, the same for us and for every peer."""

from typing import Any

import numpy as np
import pandas as pd

NUMBERS, CATEGORIES = 8, 2
SHARES = np.array([0.5, 0.3, 0.2])
NAMES = np.array(["a", "b", "c"], dtype=object)


def rows_of(rng: np.random.Generator, rows: int, case: str, amount: float) -> pd.DataFrame:
    """Return rows of eight numbers and two categories.

    Args:
        rng: draws them.
        rows: how many.
        case: what has changed: mean, scale, share or correlation.
        amount: by how much, 0 for not at all: standard deviations of the first number, its spread
            relative to before less one, the share of rows that leave the first category, or what
            the correlation of the first two numbers, 0.8 before, has lost.
    """
    values = rng.normal(size=(NUMBERS, rows))
    tied = 0.8 - amount * (case == "correlation")
    values[1] = tied * values[0] + np.sqrt(1 - tied**2) * values[1]
    if case == "mean":
        values[0] += amount
    if case == "scale":
        values[0] *= 1 + amount
    columns: dict[str, Any] = {f"n{i}": column for i, column in enumerate(values)}
    for i in range(CATEGORIES):
        moved = amount * (case == "share" and i == 0)
        columns[f"c{i}"] = rng.choice(NAMES, rows, p=SHARES + np.array([-moved, 0, moved]))
    return pd.DataFrame(columns)


def stream(question: dict[str, Any], check: Any) -> list[list[int]]:
    """Return for each case and run the number of the first window that alarms, 0 for none.

    Args:
        question: rows of the reference and of a window, cases, runs, and windows at most.
        check: of a reference, which returns the check of a window.
    """
    found = []
    for number, (case, amount) in enumerate(question["cases"]):
        first = []
        for run in range(question["runs"]):
            rng = np.random.default_rng([number, run, question["rows"]])
            window_of = check(rows_of(rng, question["reference"], case, 0.0))
            windows = range(1, question["windows"] + 1)
            alarms = (n for n in windows if window_of(rows_of(rng, question["rows"], case, amount)))
            first.append(next(alarms, 0))
        found.append(first)
    return found
