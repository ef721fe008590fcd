"""What all online detectors share: how they are fitted, fed, kept and continued."""

from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from factory.nouns import Bools, Floats
from factory.online import ONLINE

Values = dict[str, Any]
"""Arrays, numbers, truth values and texts by name: what JSON and npz files can hold."""


@dataclass(frozen=True)
class Draws:
    """Splits of the reference that are handed in instead of drawn.

    Attributes:
        streams: rows that play a stream without drift, in its order, shape (streams, steps).
        starts: orders of all rows, tried in turn until one does not begin with an alarm; the
            first of an order are the reference and the last the first window. Without any, a
            stream of middling statistic is taken.
        centres: rows that serve as LSDD's kernel centres; the positions above then count the
            rows of ``others``.
        others: the rows that are no centres.
    """

    streams: NDArray[np.intp]
    starts: tuple[NDArray[np.intp], ...] = ()
    centres: NDArray[np.intp] | None = None
    others: NDArray[np.intp] | None = None


@dataclass(frozen=True)
class Setup:
    """What a detector is asked for.

    Attributes:
        ert: expected run time, the mean number of rows between two alarms without drift.
        windows: numbers of newest rows that are compared with the reference.
        seed: of everything that is drawn.
        marks: columns that hold only 0 and 1, shape (k,).
        rising: whether only an increase counts, as for losses.
        every: consecutive steps that share a threshold; None for a tenth of the window.
        draws: splits to use instead of drawn ones.
    """

    ert: float
    windows: tuple[int, ...]
    seed: int
    marks: Bools
    rising: bool = False
    every: int | None = None
    draws: Draws | None = None


class Online(Protocol):
    """A detector that was fitted, and where it stands in its stream.

    After an alarm it starts again with the next row as it started at first, its thresholds as
    they were fitted.

    Attributes:
        drift: whether the last row made it alarm.
        statistic: its measure after the last row; NaN where its window is not full.
        threshold: what the statistic must exceed after the last row to alarm.
        window: rows that it compares, None where it compares several numbers of them or none.
        column: position of the column that moved most, None where it looks at all together.
    """

    drift: bool
    statistic: float
    threshold: float
    window: int | None
    column: int | None

    @classmethod
    def fit(cls, reference: Floats, setup: Setup) -> "list[Self]":
        """Return a detector, or one for each window, fitted to rows of shape (n, k).

        All of them together have the expected run time asked for.

        Raises:
            TooFewRows: there are too few rows for a window.
            BadConfig: the columns are not what it can look at.
            Unavailable: a package is missing.
        """
        ...

    @classmethod
    def of(cls, fitted: Values) -> Self:
        """Return a detector at its start from what ``fitted`` returned."""
        ...

    def fitted(self) -> Values:
        """Return what was learnt from the reference and never changes."""
        ...

    def update(self, row: Floats) -> None:
        """Take one row of shape (k,), all values finite."""
        ...

    def to_state(self) -> Values:
        """Return where it stands in its stream."""
        ...

    def resume(self, state: Values) -> None:
        """Stand where ``to_state`` was called; from there on all is as if never interrupted."""
        ...


class TooFewRows(ValueError):
    """The reference has too few rows for a window; the detector cannot be fitted."""


@cache
def online(name: str) -> type[Online]:
    """Load an online detector of the table.

    >>> online("mmd").__name__
    'MMD'
    """
    module, attribute = ONLINE[name].split(":")
    loaded: type[Online] = getattr(import_module(module), attribute)
    return loaded
