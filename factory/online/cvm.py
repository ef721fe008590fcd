"""Cramér-von Mises distance of the newest rows from the reference, column by column."""

from bisect import bisect_left, bisect_right
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from factory.errors import BadConfig
from factory.nouns import Floats
from factory.online.fitted import numbered, of_number
from factory.online.protocol import Setup, Values
from factory.online.ranks import Ranks, stream_ranks
from factory.online.single import Plan, Single

CELLS = 50_000
"""Numbers that a block of streams holds a window: they should stay in the processor's cache."""


class CVM(Single):
    """Online two-sample Cramér-von Mises test of each column of numbers, several windows at once.

    The statistic is the largest of all columns and windows, each in standard units of its law
    without drift. A window takes part once it is full; after an alarm all are empty again. The
    thresholds come from streams of whole rows of the reference, so that ties and columns that
    move together do not cost power. A row costs a search in the reference and a pass over each
    window.

    Args:
        known: reference rows compared with, shape (n, k).
        columns: positions of the columns of numbers, shape (d,).
        windows: rows of each window, ascending.
        thresholds: after each row, shape (steps,); the last holds ever after.
        seed: of what tells equal statistics apart.

    Source:
        Ross and Adams, Two nonparametric control charts for detecting arbitrary distribution
        changes (2012); thresholds as in Cobb, Van Looveren and Klaise (2022).

    >>> rng = np.random.default_rng(0)
    >>> setup = Setup(ert=200, windows=(5, 20), seed=0, marks=np.zeros(2, dtype=bool))
    >>> (detector,) = CVM.fit(rng.normal(size=(300, 2)), setup)
    >>> for row in rng.normal((0, 2), 1, size=(20, 2)):
    ...     detector.update(row)
    ...     if detector.drift:
    ...         break
    >>> detector.drift, detector.column
    (True, 1)
    """

    def __init__(
        self,
        known: Floats,
        columns: NDArray[np.intp],
        windows: NDArray[np.intp],
        thresholds: Floats,
        seed: int,
    ) -> None:
        self._fitted: Values = {
            "known": known,
            "columns": columns,
            "windows": windows,
            "thresholds": thresholds,
            "seed": seed,
        }
        self._begin(columns, windows, thresholds, seed)
        self._table = Ranks.of(known[:, columns])
        # The standard library searches a list faster than NumPy searches an array.
        self._sorted = [values.tolist() for values in self._table.values]
        self._restart()

    @classmethod
    def fit(cls, reference: Floats, setup: Setup) -> list[Self]:
        """Return one detector for all windows, see ``Online.fit``."""
        columns = np.flatnonzero(~setup.marks)
        if len(columns) == 0:
            raise BadConfig("cvm needs a column of numbers, and there is none.", hint="choose fet")
        plan = Plan.of(len(reference), setup, lambda windows: sum(windows) * len(columns))
        statistics = simulate(reference[:, columns], plan.streams, plan.windows)
        thresholds = plan.thresholds(statistics)
        known = reference[np.sort(plan.known())]
        return [cls(known, columns, np.array(plan.windows), thresholds, setup.seed)]

    def update(self, row: Floats) -> None:
        """Take one row of shape (k,)."""
        if self.drift:
            self._restart()
        values = row[self._columns]
        pairs = list(zip(self._sorted, values.tolist(), strict=True))
        below = np.array([bisect_left(known, value) for known, value in pairs])
        upto = np.array([bisect_right(known, value) for known, value in pairs])
        rank = self._table.place(below, upto)
        found = [window.push(values, *rank) for window in self._windows]
        self._count()
        full = [each for each, size in zip(found, self._sizes, strict=True) if size <= self._t]
        self._judge(np.array(full))

    def _restart(self) -> None:
        self._t = 0
        known = self._table
        self._windows = [
            _Window((len(self._columns),), size, known.rows, known.own) for size in self._sizes
        ]
        self.statistic = np.nan

    def to_state(self) -> Values:
        """Return the windows and the place in the stream."""
        state = self.said()
        for number, window in enumerate(self._windows):
            state |= numbered(number, window.to_state())
        return state | {"t": self._t, "seen": self._seen}

    def resume(self, state: Values) -> None:
        """Stand where ``to_state`` was called."""
        self.say(state)
        self._t, self._seen = state["t"], state["seen"]
        for number, window in enumerate(self._windows):
            window.resume(of_number(number, state))


def simulate(reference: Floats, streams: NDArray[np.intp], windows: tuple[int, ...]) -> Floats:
    """Return the largest statistic after each row of streams drawn from the reference.

    The rows of the reference that are not in a stream are what it is compared with.

    Args:
        reference: columns of numbers, shape (n, d).
        streams: positions of rows, shape (streams, steps).
        windows: rows of each window, ascending.

    Returns:
        Shape (streams, steps), NaN before the first window is full.
    """
    table = Ranks.of(reference)
    block = max(1, CELLS // (reference.shape[1] * windows[-1]))
    found = np.full(streams.shape, np.nan)
    for start in range(0, len(streams), block):
        here = slice(start, start + block)
        values, below, upto, above, own = stream_ranks(table, streams[here])
        rows = table.rows - streams.shape[1]
        rings = [_Window(own.shape, w, rows, own, small=True) for w in windows]
        for step in range(streams.shape[1]):
            at = (values[..., step], below[..., step], upto[..., step], above[..., step])
            each = [ring.push(*at) for ring in rings]
            full = [e.max(axis=-1) for e, r in zip(each, rings, strict=True) if r.size <= step + 1]
            if full:
                found[here, step] = np.max(full, axis=0)
    return found


class _Window:
    """The newest rows of one window, for columns, or streams x columns, side by side.

    With F and f the shares of reference and window that are not above a value, the statistic is
    the sum of (F - f)² over the rows of both. Over the reference's it is a sum over pairs of the
    window's rows, kept up by adding and taking away; over the window's it is added up each time.
    All is counted in whole numbers, so that nothing is rounded.
    """

    def __init__(
        self, shape: tuple[int, ...], size: int, rows: int, own: Any, *, small: bool = False
    ) -> None:
        self.size, self._rows, self._own = size, rows, own
        self._real: Any = np.float32 if small else np.float64
        whole: Any = np.int32 if small else np.int64
        self._values = np.full((*shape, size), np.inf)
        self._over: Any = np.zeros((*shape, size), dtype=whole)
        self._upto: Any = np.zeros((*shape, size), dtype=whole)
        self._above = np.zeros((*shape, size), dtype=np.int64)
        self._counts: Any = np.zeros((*shape, size), dtype=whole)
        self._pairs = np.zeros(shape, dtype=np.int64)
        self._sum = np.zeros(shape, dtype=np.int64)
        self._at = 0
        n, w = rows, size
        self._mean = 1 / 6 + 1 / (6 * (n + w))
        top = (n + w + 1) * (4 * n * w * (n + w) - 3 * (n * n + w * w) - 2 * n * w)
        self._spread = float(np.sqrt(top / (45 * (n + w) ** 2 * 4 * n * w)))
        self._weight = n * w / (n + w) ** 2

    def push(self, values: Any, below: Any, upto: Any, above: Any) -> Floats:
        """Take a row for the oldest one, and return the statistic, shape (...).

        Args:
            values: the row, shape (...).
            below: rows of the reference below it.
            upto: rows of the reference not above it.
            above: sum of their own ranks over the rows of the reference not below it.
        """
        at, w, n = self._at, self.size, self._rows
        over = (n - below).astype(self._over.dtype)
        old, gone = self._values[..., at, None].copy(), self._over[..., at].copy()
        self._pairs -= 2 * np.minimum(self._over, gone[..., None]).sum(axis=-1, dtype=np.int64)
        self._pairs += gone
        self._sum += above - self._above[..., at]
        np.subtract(self._counts, old <= self._values, out=self._counts, casting="unsafe")
        self._values[..., at], self._over[..., at] = values, over
        self._upto[..., at], self._above[..., at] = upto, above
        new = self._values[..., at, None]
        np.add(self._counts, new <= self._values, out=self._counts, casting="unsafe")
        self._counts[..., at] = (self._values <= new).sum(axis=-1)
        self._pairs += 2 * np.minimum(self._over, over[..., None]).sum(axis=-1, dtype=np.int64)
        self._pairs -= over
        self._at = (at + 1) % w
        apart = self._upto * self._real(1 / n)
        apart -= self._counts * self._real(1 / w)
        apart *= apart
        within = apart.sum(axis=-1)
        known = self._own / n**2 - 2 * self._sum / (n * w) + self._pairs / w**2
        found: Floats = ((known + within) * self._weight - self._mean) / self._spread
        return found

    def to_state(self) -> Values:
        """Return all that changes."""
        names = ("values", "over", "upto", "above", "counts", "pairs", "sum", "at")
        return {name: np.copy(getattr(self, f"_{name}")) for name in names[:-1]} | {"at": self._at}

    def resume(self, state: Values) -> None:
        """Stand where ``to_state`` was called."""
        for name, value in state.items():
            setattr(self, f"_{name}", value if name == "at" else value.copy())
