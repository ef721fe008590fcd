"""Fisher's exact test of the newest rows against the reference, column by column."""

from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from factory.errors import BadConfig
from factory.nouns import Floats
from factory.online.protocol import Setup, Values
from factory.online.single import Plan, Single

NEWEST = 0.99
"""Weight of the newest row's statistic against those before it."""
HALF = 0.5
"""A value above it counts as 1."""
CELLS = 2_000_000
"""Numbers that a block of a table may take in memory while it is made."""


class FET(Single):
    """Online Fisher's exact test of each column of zeros and ones, several windows at once.

    The statistic is 1 less the p-value, smoothed a little from row to row, and the largest of all
    columns and windows. Where only increases count, the test is one-sided; else it is the larger
    of both sides. A window takes part once it is full; after an alarm all are empty again. The
    thresholds come from streams of whole rows of the reference. A row costs a look into a table
    for each column and window.

    Args:
        ones: rows of the reference with a 1, for each column, shape (d,).
        rows: of the reference.
        columns: positions of the columns of zeros and ones, shape (d,).
        windows: rows of each window, ascending.
        thresholds: after each row, shape (steps,); the last holds ever after.
        rising: whether only increases count.
        seed: of what tells equal statistics apart.

    Source:
        Ross, Tasoulis and Adams, Sequential monitoring of a Bernoulli sequence when the
        pre-change parameter is unknown (2013); thresholds as in Cobb, Van Looveren and Klaise
        (2022).

    >>> rng = np.random.default_rng(0)
    >>> setup = Setup(ert=200, windows=(5, 20), seed=0, marks=np.ones(2, dtype=bool))
    >>> (detector,) = FET.fit(1.0 * (rng.random((300, 2)) < 0.2), setup)
    >>> for row in 1.0 * (rng.random((20, 2)) < (0.2, 0.9)):
    ...     detector.update(row)
    ...     if detector.drift:
    ...         break
    >>> detector.drift, detector.column
    (True, 1)
    """

    def __init__(
        self,
        ones: NDArray[np.int64],
        rows: int,
        columns: NDArray[np.intp],
        windows: NDArray[np.intp],
        thresholds: Floats,
        rising: bool,
        seed: int,
    ) -> None:
        self._fitted: Values = {
            "ones": ones,
            "rows": rows,
            "columns": columns,
            "windows": windows,
            "thresholds": thresholds,
            "rising": rising,
            "seed": seed,
        }
        self._begin(columns, windows, thresholds, seed)
        self._tables = [exact(ones, rows, size, rising=rising) for size in self._sizes]
        self._each = np.arange(len(columns))
        self._restart()

    @classmethod
    def fit(cls, reference: Floats, setup: Setup) -> list[Self]:
        """Return one detector for all windows, see ``Online.fit``."""
        columns = np.flatnonzero(setup.marks)
        if len(columns) == 0:
            raise BadConfig(
                "fet needs a column of two values, and there is none.", hint="choose cvm"
            )
        plan = Plan.of(len(reference), setup, lambda windows: len(windows) * len(columns))
        marks = reference[:, columns] > HALF
        statistics = simulate(marks, plan.streams, plan.windows, rising=setup.rising)
        thresholds = plan.thresholds(statistics)
        known = marks[plan.known()]
        told = columns, np.array(plan.windows), thresholds, setup.rising, setup.seed
        return [cls(known.sum(axis=0), len(known), *told)]

    def update(self, row: Floats) -> None:
        """Take one row of shape (k,)."""
        if self.drift:
            self._restart()
        marks = (row[self._columns] > HALF).astype(np.int64)
        last = self._sizes[-1]
        at = self._t % last
        for number, size in enumerate(self._sizes):
            self._ones[number] += marks - self._rows[(at - size) % last]
        self._rows[at] = marks
        self._count()
        for number, size in enumerate(self._sizes):
            if self._t >= size:
                found = self._tables[number][self._each, self._ones[number]]
                if self._t > size:
                    found = (1 - NEWEST) * self._smooth[number] + NEWEST * found
                self._smooth[number] = found
        self._judge(self._smooth)

    def _restart(self) -> None:
        self._t = 0
        self._rows = np.zeros((self._sizes[-1], len(self._each)), dtype=np.int64)
        self._ones = np.zeros((len(self._sizes), len(self._each)), dtype=np.int64)
        self._smooth = np.full(self._ones.shape, np.nan)
        self.statistic = np.nan

    def to_state(self) -> Values:
        """Return the windows and the place in the stream."""
        return self.said() | {
            "rows": self._rows.copy(),
            "ones": self._ones.copy(),
            "smooth": self._smooth.copy(),
            "t": self._t,
            "seen": self._seen,
        }

    def resume(self, state: Values) -> None:
        """Stand where ``to_state`` was called."""
        self.say(state)
        self._rows, self._ones = state["rows"].copy(), state["ones"].copy()
        self._smooth, self._t, self._seen = state["smooth"].copy(), state["t"], state["seen"]


def exact(ones: NDArray[np.int64], rows: int, window: int, *, rising: bool) -> Floats:
    """Return 1 less the p-value of Fisher's exact test, for each number of ones in a window.

    Args:
        ones: rows of the reference with a 1, shape (d,).
        rows: of the reference.
        window: rows of the window.
        rising: whether only an increase counts; else it is the larger of both sides.

    Returns:
        Shape (d, window + 1).

    >>> exact(np.array([2]), 10, 2, rising=True).round(3).tolist()
    [[0.0, 0.545, 0.909]]
    """
    logs = gammaln(np.arange(rows + window + 1) + 1.0)
    block = max(1, CELLS // (window + 1) ** 2)
    blocks = [ones[start : start + block] for start in range(0, len(ones), block)]
    both = [_sides(some, rows, window, logs) for some in blocks]
    risen, fallen = (np.concatenate(side) for side in zip(*both, strict=True))
    found: Floats = risen if rising else np.maximum(risen, fallen)
    return found


def _sides(ones: NDArray[np.int64], rows: int, window: int, logs: Floats) -> tuple[Floats, Floats]:
    """Return the chances of fewer, and of more, ones than there are in the window."""
    found = np.arange(window + 1)
    total = (ones[:, None] + found)[:, :, None]
    known = total - found
    possible = (known >= 0) & (known <= rows)
    known = np.where(possible, known, 0)
    chances = logs[rows] - logs[known] - logs[rows - known]
    chances += logs[window] - logs[found] - logs[window - found]
    chances -= logs[rows + window] - logs[total] - logs[rows + window - total]
    chances = np.where(possible, np.exp(chances), 0.0)
    upto = np.diagonal(np.cumsum(chances, axis=2), axis1=1, axis2=2)
    here = np.diagonal(chances, axis1=1, axis2=2)
    fewer: Floats = np.clip(upto - here, 0.0, 1.0)
    more: Floats = np.clip(1 - upto, 0.0, 1.0)
    return fewer, more


def simulate(
    marks: NDArray[np.bool_],
    streams: NDArray[np.intp],
    windows: tuple[int, ...],
    *,
    rising: bool,
) -> Floats:
    """Return the largest statistic after each row of streams drawn from the reference.

    The rows of the reference that are not in a stream are what it is compared with.

    Args:
        marks: columns of the reference, shape (n, d).
        streams: positions of rows, shape (streams, steps).
        windows: rows of each window, ascending.
        rising: whether only an increase counts.

    Returns:
        Shape (streams, steps), NaN before the first window is full.
    """
    found = np.full(streams.shape, np.nan)
    rows = len(marks) - streams.shape[1]
    for column in marks.T:
        drawn = column[streams]
        so_far = np.pad(np.cumsum(drawn, axis=1), ((0, 0), (1, 0)))
        left, which = np.unique(int(column.sum()) - so_far[:, -1], return_inverse=True)
        for window in windows:
            table = exact(left, rows, window, rising=rising)
            ones = so_far[:, window:] - so_far[:, :-window]
            smooth = table[which[:, None], ones]
            for step in range(1, smooth.shape[1]):
                smooth[:, step] = (1 - NEWEST) * smooth[:, step - 1] + NEWEST * smooth[:, step]
            here = found[:, window - 1 :]
            np.fmax(here, smooth, out=here)
    return found
