"""What a rule is given, and what it answers."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import gammaln

from factory.nouns import Bools, Counts, Floats, Window
from factory.profile import Categories, Numbers
from factory.quality.order import Times, span
from factory.summary import Summary

Measured = Numbers | Categories
"""Summaries that hold values; of a date only the missing ones are known."""


@dataclass(frozen=True, eq=False)
class Feature:
    """One feature of the window beside its reference.

    Attributes:
        name: of the feature.
        reference: its summary in the reference.
        current: its summary in the window.
        window: the rows.
        times: moments of the window's rows, shape (rows,); None without a timestamp.
        known_times: moments of the reference's rows; None where they are not given.
    """

    name: str
    reference: Summary
    current: Summary
    window: Window
    times: Times | None = None
    known_times: Times | None = None

    @property
    def values(self) -> NDArray[Any]:
        """The window's values, missing as NaN, None or NaT, shape (rows,)."""
        return self.window.frame[self.name].to_numpy()

    @property
    def unreadable(self) -> Bools:
        """Rows whose value could not be read, shape (rows,)."""
        rows = len(self.window.frame)
        return self.window.unreadable.get(self.name, np.zeros(rows, dtype=np.bool_))

    def is_short(self, times: float) -> bool:
        """Tell whether the window lasts at most a share of the reference.

        Args:
            times: as long as the window the reference is at least, in time if that is known,
                else in rows.
        """
        now, before = float(len(self.values)), float(self.reference.rows)
        if self.times is not None and self.known_times is not None:
            now, before = span(self.times), span(self.known_times)
        return before >= times * now


@dataclass(frozen=True, eq=False)
class Finding:
    """What a rule found.

    Attributes:
        rows: that are touched, shape (rows,); at least one is.
        detail: what a person wants to know, a fragment of a sentence.
        harm: whether no model must learn from these rows.
        everywhere: whether that goes for all rows of the window.
        unit: of a change of unit, (a, b).
    """

    rows: Bools
    detail: str
    harm: bool = True
    everywhere: bool = False
    unit: tuple[float, float] | None = None

    @property
    def damaged(self) -> Bools:
        """Rows that no model must learn from, shape (rows,)."""
        return (self.rows & self.harm) | self.everywhere


def all_in_window(hits: int, rows: int, known: int) -> float:
    """Return the logarithm of the chance that certain rows all lie in the window.

    Args:
        hits: how many they are, drawn from both samples alike.
        rows: of the window.
        known: rows of the reference.

    >>> round(float(np.exp(all_in_window(2, 10, 10))), 3)
    0.237
    """
    chance = gammaln(rows + 1) - gammaln(rows - hits + 1)
    return float(chance - gammaln(known + rows + 1) + gammaln(known + rows - hits + 1))


def tally(summary: Measured) -> Counts:
    """Count the rows of each different value, numbers in ascending order.

    >>> tally(Numbers.of(np.array([2.0, 1.0, 2.0, np.nan]))).tolist()
    [1, 2]
    """
    match summary:
        case Numbers():
            return np.diff(summary.upto(summary.distinct), prepend=0)
        case Categories():
            return np.array(list(summary.counts.values()), dtype=np.intp)


def listed(names: list[str], most: int = 3) -> str:
    """Quote a few names for people.

    >>> listed(["a", "b", "c", "d", "e"])
    "'a', 'b', 'c' and 2 more"
    """
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(map(repr, names[:most])) + more


def days(moment: np.datetime64) -> str:
    """Tell a moment to the minute.

    >>> days(np.datetime64("2025-01-31T05:00:00", "ns"))
    '2025-01-31 05:00'
    """
    return pd.Timestamp(moment).isoformat(sep=" ", timespec="minutes")


def finite(values: NDArray[Any]) -> Floats:
    """Return numbers with everything that is not finite as NaN."""
    values = np.asarray(values, dtype=np.float64)
    return np.where(np.isfinite(values), values, np.nan)
