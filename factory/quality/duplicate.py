"""``duplicate``: rows that repeat an earlier one, more of them than the reference has."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from factory.nouns import Bools, Counts
from factory.quality.feature import Finding
from factory.quality.rows import Rows

SHARE, FEWEST = 0.02, 10
"""Share of repeats in excess of what was expected, and number of them, that is a problem."""
TIMES = 10.0
"""Times the reference's repeats that are taken for natural, so that tables of few different rows,
whose mix decides how often they repeat, are left alone."""
SAMPLE = 2_000
"""Rows from which the shares of a column's values are told."""
ERRORS, UNSEEN = 3.0, 5.0
"""Standard errors by which the reference's repeats are taken to be more, and how many it may have
missed."""


def duplicate(rows: Rows) -> Finding | None:
    """Find rows that repeat an earlier one in features, target and timestamp.

    How many the reference makes one expect follows from its own repeats. Without a timestamp
    their share grows with the rows, since every row may repeat every other one; with one only
    rows of one moment can, and their share grows with the rows per time. The first of equal rows
    is sound, the others are not.
    """
    columns = rows.columns
    again = repeats(rows.window, columns)
    count = int(np.count_nonzero(again))
    if count < FEWEST or count < SHARE * len(again):
        return None
    expected = max(expected_share(rows, columns), TIMES * chance_share(rows.window, columns))
    if count / len(again) <= expected + SHARE:
        return None
    return Finding(again, f"up to {expected:.1%} would be natural")


def repeats(frame: pd.DataFrame, columns: list[str]) -> Bools:
    """Mark the rows that repeat an earlier one in some columns, shape (rows,).

    >>> repeats(pd.DataFrame({"a": [1.0, 2.0, 1.0], "b": ["x", "x", "x"]}), ["a", "b"]).tolist()
    [False, False, True]
    """
    left = _unsure(frame[columns[0]].to_numpy()) if columns else np.arange(len(frame))
    keys = np.zeros(len(left), dtype=np.uint64)
    for name in columns if len(left) else ():
        column = frame[name].to_numpy()[left]
        hashed = pd.util.hash_array(column, categorize=True)
        mixed = pd.factorize(keys * np.uint64(0x9E3779B97F4A7C15) + hashed)[0]
        # Most rows differ from all others after a column or two, and need no further look.
        shared = np.bincount(mixed)[mixed] > 1
        left, keys = left[shared], mixed[shared].astype(np.uint64)
        if len(left) == 0:
            break
    again = np.zeros(len(frame), dtype=np.bool_)
    again[left] = pd.Series(keys).duplicated().to_numpy() if len(left) else False
    return again


def chance_share(frame: pd.DataFrame, columns: list[str]) -> float:
    """Return the share of repeats where columns take their values independently of each other.

    >>> coins = pd.DataFrame({"a": np.arange(100) % 2, "b": np.arange(100) // 2 % 2})
    >>> chance_share(coins, ["a", "b"]) > 1
    True
    """
    alike = 1.0
    for name in columns:
        values = frame[name].to_numpy()
        codes = pd.factorize(values[:: 1 + len(values) // SAMPLE], use_na_sentinel=False)[0]
        shares = np.bincount(codes) / len(codes)
        alike *= float((shares**2).sum())
    return alike * len(frame) / 2


def _unsure(column: NDArray[Any]) -> Counts:
    """Return the rows that may share the first column's value with others.

    Rows in time order share a moment with a neighbour or with none.
    """
    if column.dtype.kind not in "fM" or not (column[1:] >= column[:-1]).all():
        return np.arange(len(column))
    same = np.concatenate([[False], column[1:] == column[:-1], [False]])
    return np.flatnonzero(same[1:] | same[:-1])


def expected_share(rows: Rows, columns: list[str]) -> float:
    """Return the largest share of repeats that the reference makes one expect."""
    size = len(rows.reference)
    if size == 0:
        return 1.0
    known = int(np.count_nonzero(repeats(rows.reference, columns)))
    share = (TIMES * (known + ERRORS * np.sqrt(known)) + UNSEEN) / size
    growth = rows.density if rows.schema.timestamp is not None else len(rows.window) / size
    return float(min(1.0, share * max(1.0, growth)))
