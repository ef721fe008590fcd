"""Corruptions: rows broken on purpose, in the ways that production breaks them."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from factory.ladder import LADDER, SEVERITIES, climbed
from factory.nouns import Bools, Column, Kind
from factory.pictures import read_cells, to_cells

Corruption = Callable[[pd.DataFrame, Column, Bools, np.random.Generator], None]
"""Breaks one feature of a table in place, on the marked rows."""
NEVER_SEEN = "never seen before"
"""A category that stands for any that is new."""
FEW = 0.2
"""Share of the marked rows that become outliers."""
SCALES = (0.001, 0.01, 0.1, 10.0, 100.0, 1000.0)
"""What a value is multiplied with where its unit changes."""


def corrupt(
    frame: pd.DataFrame, columns: Sequence[Column], rng: np.random.Generator
) -> pd.DataFrame:
    """Return a copy of rows of which one to three features are broken, each on a share of rows.

    What happens to a feature is drawn: its values go missing, get noise, become outliers, change
    unit, shift, are shuffled among the rows, are swapped with another feature's of the same
    kind, or become a category never seen; pictures climb the ladder (see ``factory.ladder``).
    Dates are left alone.

    Args:
        frame: canonical rows.
        columns: their features.
        rng: draws features, shares and what happens.

    Source:
        Schelter, Rukat and Biessmann, Learning to validate the predictions of black box
        classifiers on unseen data (2020).

    >>> frame = pd.DataFrame({"a": np.arange(100.0)})
    >>> broken = corrupt(frame, [Column("a", "number")], np.random.default_rng(0))
    >>> broken.equals(frame), frame["a"].isna().any()
    (False, False)
    """
    broken = frame.copy()
    able = [column for column in columns if column.kind != "date"]
    if not able:
        return broken
    for position in rng.choice(
        len(able), size=min(len(able), int(rng.integers(1, 4))), replace=False
    ):
        column = able[position]
        rows = rng.random(len(frame)) < rng.uniform(0.05, 1.0)
        alike = [one.name for one in able if one.kind == column.kind and one != column]
        kinds: list[Corruption] = [*OF_KIND[column.kind]]
        if alike and rng.random() < 1 / (1 + len(kinds)):
            other = alike[rng.integers(len(alike))]
            _swap(broken, column.name, other, rows)
        else:
            kinds[rng.integers(len(kinds))](broken, column, rows, rng)
    return broken


def _missing(frame: pd.DataFrame, column: Column, rows: Bools, rng: np.random.Generator) -> None:
    del rng
    frame.loc[rows, column.name] = None if frame[column.name].dtype == object else np.nan


def _noise(frame: pd.DataFrame, column: Column, rows: Bools, rng: np.random.Generator) -> None:
    scale = _spread(frame[column.name]) * rng.uniform(0.5, 5.0)
    frame.loc[rows, column.name] += rng.normal(0, scale, int(rows.sum()))


def _outliers(frame: pd.DataFrame, column: Column, rows: Bools, rng: np.random.Generator) -> None:
    few = rows & (rng.random(len(rows)) < FEW)
    sides = rng.choice([-1.0, 1.0], int(few.sum()))
    frame.loc[few, column.name] += sides * _spread(frame[column.name]) * rng.uniform(5, 50)


def _scale(frame: pd.DataFrame, column: Column, rows: Bools, rng: np.random.Generator) -> None:
    frame.loc[rows, column.name] *= rng.choice(SCALES)


def _shift(frame: pd.DataFrame, column: Column, rows: Bools, rng: np.random.Generator) -> None:
    side = rng.choice([-1, 1])
    frame.loc[rows, column.name] += side * _spread(frame[column.name]) * rng.uniform(0.5, 5.0)


def _shuffle(frame: pd.DataFrame, column: Column, rows: Bools, rng: np.random.Generator) -> None:
    frame.loc[rows, column.name] = rng.permutation(frame.loc[rows, column.name].to_numpy())


def _unseen(frame: pd.DataFrame, column: Column, rows: Bools, rng: np.random.Generator) -> None:
    del rng
    frame.loc[rows, column.name] = NEVER_SEEN


def _climb(frame: pd.DataFrame, column: Column, rows: Bools, rng: np.random.Generator) -> None:
    hit = np.flatnonzero(rows & frame[column.name].notna().to_numpy())
    pixels, _ = read_cells(frame[column.name].to_numpy()[hit], column.shape)
    corruption = list(LADDER)[rng.integers(len(LADDER))]
    cells = to_cells(climbed(pixels, corruption, int(rng.choice(SEVERITIES)), rng))
    frame.loc[frame.index[hit], column.name] = cells


NUMBERS: tuple[Corruption, ...] = (_missing, _noise, _outliers, _scale, _shift, _shuffle)
CATEGORIES: tuple[Corruption, ...] = (_missing, _unseen, _shuffle)
OF_KIND: Mapping[Kind, tuple[Corruption, ...]] = {
    "number": NUMBERS,
    "category": CATEGORIES,
    "text": (_missing, _shuffle),
    "image": (_missing, _shuffle, _climb),
}


def _swap(frame: pd.DataFrame, name: str, other: str, rows: Bools) -> None:
    first, second = frame.loc[rows, name].to_numpy(), frame.loc[rows, other].to_numpy()
    frame.loc[rows, name], frame.loc[rows, other] = second, first


def _spread(column: "pd.Series[float]") -> float:
    finite = column.to_numpy()[np.isfinite(column.to_numpy())]
    return float(finite.std()) if len(finite) else 0.0
