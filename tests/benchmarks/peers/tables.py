"""Mixed tables, the same for us and for every peer. Only numpy and pandas here."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]
LAWS: tuple[Callable[[np.random.Generator, int], Floats], ...] = (
    lambda rng, rows: rng.normal(size=rows),
    lambda rng, rows: rng.lognormal(sigma=1.5, size=rows),
    lambda rng, rows: rng.uniform(-3, 7, size=rows),
    lambda rng, rows: rng.poisson(4.0, size=rows).astype(np.float64),
    lambda rng, rows: rng.standard_t(3, size=rows) * 1e4,
    lambda rng, rows: rng.normal(20, 5, size=rows).round(1),
    lambda rng, rows: np.where(rng.random(rows) < 0.6, 0.0, rng.exponential(size=rows)),
)
"""Light and heavy tails, bounded, counted, rounded, mostly zero."""
CARDINALITIES = (2, 3, 5, 10, 20, 50, 200, 1_000)


def mixed(rows: int, *, numbers: int, categories: int, seed: int) -> pd.DataFrame:
    """Return a table of numbers ``n0`` ... and of Python strings ``c0`` ..., nothing missing."""
    rng = np.random.default_rng(seed)
    columns: dict[str, NDArray[np.generic]] = {}
    for i in range(numbers):
        columns[f"n{i}"] = LAWS[i % len(LAWS)](rng, rows)
    for i in range(categories):
        columns[f"c{i}"] = strings(rng, rows, CARDINALITIES[i % len(CARDINALITIES)])
    return pd.DataFrame(columns)


def strings(rng: np.random.Generator, rows: int, names: int) -> NDArray[np.object_]:
    """Return names of which each is rarer than the one before."""
    shares = 1 / np.arange(1, names + 1)
    known = np.array([f"value {code}" for code in range(names)], dtype=object)
    return known[rng.choice(names, size=rows, p=shares / shares.sum())]


def with_missing(table: pd.DataFrame, share: float, seed: int) -> pd.DataFrame:
    """Return the table with so many cells missing in every third column."""
    rng = np.random.default_rng(seed)
    holed = table.copy()
    for name in table.columns[::3]:
        lost = rng.random(len(table)) < share
        holed.loc[lost, name] = np.nan if name.startswith("n") else None
    return holed
