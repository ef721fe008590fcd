"""What tests say of windows in which nothing changed: such windows are parts of the reference."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import chdtrc, gammaln
from scipy.stats import kstwo

from factory.nouns import Bools, Counts, Floats

ROWS = 200
"""Rows of the windows that are drawn at random."""
WINDOWS, FEWEST_WINDOWS, VALUES = 2_000, 400, 4e7
"""Such windows, fewer where all of them together would hold more values than this."""
SMALL = 0.05
"""Share of the smallest p-values that tell how many tests there are: alarms come from those, and
tests that depend on each other are more nearly independent there."""
CELLS = 64
"""Quantile cells in which chunks of numbers are counted."""
SHUFFLES = 10
"""Random orders of the rows that chunks in time order are compared with."""
CHANCE = 3.0
"""Standard errors beyond which a design effect is not chance."""
FARTHEST = 4.0
"""Scaled distance beyond which no p-value matters: it is below 1e-13."""
STEADY = 10
"""Chunks whose design effect is trusted half."""
POOLED = 5.0
"""Rows that a cell of a category is expected to hold at least."""


@dataclass(frozen=True)
class Column:
    """What one test looks at, on the reference's rows.

    Attributes:
        test: the test's name, ``kind:feature``.
        rows: shape (n,); numbers with NaN, or codes from 0 with -1, where missing.
        ranked: whether distribution functions are compared, of numbers, or shares, of codes.
    """

    test: str
    rows: NDArray[Any]
    ranked: bool

    @classmethod
    def of(cls, test: str, values: NDArray[Any]) -> "Column":
        """Return a column of numbers, or of anything else by its codes.

        >>> Column.of("category:a", np.array(["x", None, "x"], dtype=object)).rows.tolist()
        [0, -1, 0]
        """
        if values.dtype.kind == "f":
            return cls(test, np.where(np.isfinite(values), values, np.nan), ranked=True)
        return cls(test, pd.factorize(values)[0], ranked=False)

    def take(self, rows: Counts) -> "Column":
        """Return some of the rows, by their positions."""
        return Column(self.test, self.rows[rows], self.ranked)

    @cached_property
    def known(self) -> Bools:
        """Rows that the test looks at."""
        return np.isfinite(self.rows) if self.ranked else self.rows >= 0

    @property
    def tells(self) -> bool:
        """Whether there is anything to test: a column that is one value has no test to fail."""
        seen = self.rows[self.known]
        return len(seen) > 1 and bool((seen != seen[0]).any())

    @cached_property
    def ranks(self) -> tuple[Floats, Floats]:
        """Shares of the known rows below and up to each row's value, NaN where missing."""
        ordered = np.sort(self.rows[self.known])
        below = np.searchsorted(ordered, self.rows, "left") / len(ordered)
        upto = np.searchsorted(ordered, self.rows, "right") / len(ordered)
        below[~self.known] = upto[~self.known] = np.nan
        return below, upto

    def cells(self, most: int) -> tuple[Counts, int]:
        """Return each row's cell and the number of cells k; rows not looked at have cell k."""
        if self.ranked:
            seen = self.rows[self.known]
            edges = np.unique(np.quantile(seen, np.arange(1, most) / most, method="lower"))
            codes = np.searchsorted(edges, self.rows, "left")
            return np.where(self.known, codes, len(edges) + 1), len(edges) + 1
        counts = np.bincount(self.rows[self.known])
        order = np.empty(len(counts), dtype=np.intp)
        order[np.argsort(-counts, kind="stable")] = np.arange(len(counts))
        k = min(len(counts), most)
        codes = np.minimum(order[self.rows], k - 1)
        return np.where(self.known, codes, k), k


def independence(columns: Sequence[Column], rng: np.random.Generator) -> float:
    """Return how many independent tests there are per test.

    Windows are drawn from the rows at random, and every test is made of each. If the tests were
    independent, the smallest of their p-values would follow a beta distribution with their
    number as a parameter; that number is fitted to the smallest of what was found.

    Source:
        Westfall and Young, Resampling-based multiple testing (1993); Cheverud, A simple
        correction for multiple comparisons in interval mapping genome scans (2001), for the
        effective number.
    """
    total = len(columns[0].rows) if columns else 0
    rows = min(ROWS, total // 2)
    if rows < 2:  # noqa: PLR2004 - a window of one row tells nothing
        return 1.0
    windows = int(np.clip(VALUES / (rows * len(columns)), FEWEST_WINDOWS, WINDOWS))
    least = np.ones(windows)
    for start, drawn in _windows(total, rows, windows, rng):
        for column in columns:
            test = _ranked if column.ranked else _shared
            here = least[start : start + len(drawn)]
            np.minimum(here, test(column, drawn), out=here)
    least = np.sort(least)
    few = max(1, int(SMALL * windows))
    survived = -np.log1p(-np.minimum(least[:few], 1 - 1e-12))
    exposure = survived.sum() + (windows - few) * survived[-1]
    return float(few / exposure / len(columns)) if exposure > 0 else 1.0


def _windows(
    total: int, rows: int, windows: int, rng: np.random.Generator
) -> Iterator[tuple[int, Counts]]:
    """Yield positions of random windows, shape (some, rows), with how many came before."""
    # Parts of one shuffle do not overlap; the last is left out, because it tells nothing new.
    together = max(1, total // rows - 1)
    for start in range(0, windows, together):
        some = min(together, windows - start)
        yield start, rng.permutation(total)[: some * rows].reshape(some, rows)


def design_effects(column: Column, sizes: Sequence[int], rng: np.random.Generator) -> list[float]:
    """Return by how much chunks in the rows' order differ more than random ones would.

    Args:
        column: what is tested.
        sizes: rows of a chunk, each twice the one before.
        rng: draws the random orders.

    Returns:
        The ratio of the mean squared distances from all rows, per size; 1 up to the first size
        at which it is larger than chance may have it. Few chunks tell little, so that from there
        on each leans on the one before.
    """
    codes, k = column.cells(CELLS)
    ordered = _distances(codes, k, sizes, column.ranked)
    shuffled = [
        _distances(rng.permutation(codes), k, sizes, column.ranked) for _ in range(SHUFFLES)
    ]
    effects: list[float] = []
    for found, *usual in zip(ordered, *shuffled, strict=True):
        by_chance = np.concatenate(usual)
        mean, error = by_chance.mean(), by_chance.std() / np.sqrt(len(found))
        if effects and effects[-1] > 1:
            ratio = max(1.0, float(found.mean() / mean)) if mean > 0 else 1.0
            weight = len(found) / (len(found) + STEADY)
            effects.append(float(ratio**weight * effects[-1] ** (1 - weight)))
        else:
            surprising = mean > 0 and found.mean() > mean + CHANCE * error
            effects.append(float(found.mean() / mean) if surprising else 1.0)
    return effects


def _distances(codes: Counts, k: int, sizes: Sequence[int], ranked: bool) -> list[Floats]:
    """Return for each size the squared distances of its chunks from all rows, times their rows."""
    chunks = len(codes) // sizes[0]
    used = chunks * sizes[0]
    where = np.repeat(np.arange(chunks), sizes[0]) * (k + 1) + codes[:used]
    counts = np.bincount(where, minlength=chunks * (k + 1)).reshape(chunks, k + 1)[:, :k]
    overall = counts.sum(axis=0) / max(counts.sum(), 1)
    found = []
    for _ in sizes:
        rows = counts.sum(axis=1)
        shares = counts[rows > 0] / rows[rows > 0, None] - overall
        if ranked:
            distances = (np.cumsum(shares, axis=1) ** 2).max(axis=1)
        else:
            distances = (shares**2 / np.where(overall > 0, overall, 1)).sum(axis=1)
        found.append(distances * rows[rows > 0])
        pairs = len(counts) // 2
        counts = counts[: 2 * pairs].reshape(pairs, 2, k).sum(axis=1)
    return found


def _ranked(column: Column, drawn: Counts) -> Floats:
    """Return the Kolmogorov-Smirnov p-value of each window, given by its rows' positions."""
    below, upto = column.ranks
    total = int(column.known.sum())
    low, high = np.sort(below[drawn], axis=1), np.sort(upto[drawn], axis=1)
    n = np.isfinite(low).sum(axis=1, keepdims=True)
    place = np.arange(drawn.shape[1])
    with np.errstate(divide="ignore", invalid="ignore"):
        above = np.nanmax((place + 1) / n - high, axis=1, initial=0.0)
        under = np.nanmax(low - place / n, axis=1, initial=0.0)
    distances = np.maximum(above, under)
    n = n[:, 0]
    # A window is compared with the rows that are not in it; all rows stand in for those.
    worth = np.where(n < total, n * total / np.maximum(total - n, 1), 0.0)
    return _ks_p_values(distances, np.maximum(np.round(worth), 1).astype(int))


def _ks_p_values(distances: Floats, worth: Counts) -> Floats:
    p_values = np.ones(len(distances))
    for rows in np.unique(worth):
        where = worth == rows
        grid, logs = _ks_table(int(rows))
        p_values[where] = np.exp(np.interp(distances[where], grid, logs))
    return p_values


@lru_cache(maxsize=256)
def _ks_table(rows: int) -> tuple[Floats, Floats]:
    """Return distances and the logarithms of their p-values, close enough to interpolate."""
    grid = np.minimum(np.linspace(0, FARTHEST, 128) / np.sqrt(rows), 1.0)
    return grid, np.log(np.maximum(kstwo.sf(grid, rows), np.finfo(float).tiny))


def _shared(column: Column, drawn: Counts) -> Floats:
    """Return the chi-squared p-value of each window, given by its rows' positions."""
    total = int(column.known.sum())
    rows = drawn.shape[1]
    usual = np.sort(np.bincount(column.rows[column.known]))[::-1]
    most = int((usual * rows / len(column.rows) >= POOLED).sum())
    if most < len(usual) and (total - usual[:most].sum()) * rows / len(column.rows) < POOLED:
        most -= 1
    codes, k = column.cells(max(most + 1, 2) if most < len(usual) else len(usual))
    where = np.arange(len(drawn))[:, None] * (k + 1) + codes[drawn]
    counts = np.bincount(where.ravel(), minlength=len(drawn) * (k + 1))
    counts = counts.reshape(len(drawn), k + 1)[:, :k]
    overall = np.bincount(codes, minlength=k + 1)[:k]
    n = counts.sum(axis=1, keepdims=True)
    if k == 2 and overall.min() * rows / len(column.rows) < POOLED:  # noqa: PLR2004 - two cells
        return _exact(counts[:, overall.argmin()], n[:, 0], int(overall.min()), total)
    expected = n * overall / total
    with np.errstate(divide="ignore", invalid="ignore"):
        squares = np.nansum((counts - expected) ** 2 / expected, axis=1)
    squares *= total / np.maximum(total - n[:, 0], 1)
    p_values: Floats = chdtrc(k - 1, squares) if k > 1 else np.ones(len(drawn))
    return p_values


def _exact(hits: Counts, rows: Counts, usual: int, total: int) -> Floats:
    """Return Fisher's two-sided p-values of few hits in windows of some rows."""
    p_values = np.ones(len(hits))
    for n in np.unique(rows):
        possible = np.arange(max(0, n + usual - total), min(n, usual) + 1)
        log = _choose(usual, possible) + _choose(total - usual, n - possible) - _choose(total, n)
        chances = np.exp(log)
        tails = np.array([chances[chances <= c * (1 + 1e-9)].sum() for c in chances])
        where = rows == n
        p_values[where] = tails[hits[where] - possible[0]]
    return p_values


def _choose(n: Any, k: Any) -> Any:
    return gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)
