"""Misses: how far estimates were off, beyond chance, where the truth was known."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from factory.nouns import Bools
from factory.reweight import Cells

BLOCKS = 8
"""Consecutive blocks of rows that stand in for periods."""
COLUMNS = 8
"""Columns along which rows are drawn unevenly, each in both directions."""
TILT = 1.5
"""How unevenly: a row a standard deviation further on is exp(1.5) times as likely."""
SHARE = 4
"""One in so many rows is drawn."""


class Trial(NamedTuple):
    """An estimate on rows whose truth is known.

    Attributes:
        error: estimate less truth.
        explained: the variance that it should have.
        shift: variance of the weights that make the other rows look like these.
        period: whether the rows are a block in time.
    """

    error: float
    explained: float
    shift: float
    period: bool


@dataclass(frozen=True)
class Misses:
    """The variance of an estimate's error that its own statistics do not explain.

    Attributes:
        always: of any period: what moves from one to the next though no feature shows it.
        shifted: more for each unit of shift. A bias that averages out over the labelled rows has
            on shifted ones a mean whose square is at most its own variance times that of the
            weights.
    """

    always: float = 0.0
    shifted: float = 0.0

    @classmethod
    def learn(cls, trials: Sequence[Trial]) -> Self:
        """Learn from trials, comparing squared errors with the variances that explain them.

        Source:
            DerSimonian and Laird, Meta-analysis in clinical trials (1986), for the variance
            beyond chance.

        >>> Misses.learn([Trial(2.0, 1.0, 0.1, True), Trial(3.0, 1.0, 2.0, False)])
        Misses(always=3.0, shifted=2.5)
        """
        periods = [trial for trial in trials if trial.period]
        tilted = [trial for trial in trials if not trial.period]
        always = max(0.0, _excess(periods))
        shift = float(np.mean([trial.shift for trial in tilted])) if tilted else 0.0
        beyond = max(0.0, _excess(tilted) - always)
        return cls(always, beyond / shift if shift > 0 else 0.0)

    def variance(self, shift: float) -> float:
        """Return the variance to add to that of an estimate on a window of that shift.

        >>> Misses(1.0, 2.0).variance(3.0)
        7.0
        """
        return self.always + self.shifted * shift


def choices(
    cells: Cells, starts: NDArray[np.int64], *, ordered: bool, rng: np.random.Generator
) -> Iterator[tuple[Bools, bool]]:
    """Choose rows that stand in for windows, and say whether they are a period.

    Periods are consecutive blocks, where rows are in time order. The other choices are drawn
    unevenly, along one column each: numbers by size, categories by how common they are.

    Args:
        cells: of labelled rows, shape (n, columns).
        starts: first cell of each column (see ``factory.reweight.Coder``).
        ordered: whether rows are in time order.
        rng: draws columns and rows.

    >>> cells = np.arange(8, dtype=np.int32)[:, None]
    >>> rng = np.random.default_rng(0)
    >>> [int(rows.sum()) for rows, _ in choices(cells, np.array([0, 8]), ordered=True, rng=rng)]
    [1, 1, 1, 1, 1, 1, 1, 1, 2, 2]
    """
    n = len(cells)
    if ordered:
        blocks = np.arange(n) * BLOCKS // n
        yield from ((blocks == block, True) for block in range(BLOCKS))
    for column in rng.permutation(cells.shape[1])[:COLUMNS]:
        height = (cells[:, column] - starts[column]).astype(np.float64)
        spread = height.std()
        if spread == 0:
            continue
        for tilt in (TILT, -TILT):
            # The largest sums of logarithm and Gumbel noise are a draw without repetition.
            keys = tilt * (height - height.mean()) / spread + rng.gumbel(size=n)
            chosen = np.zeros(n, dtype=bool)
            chosen[np.argpartition(keys, -(n // SHARE))[-(n // SHARE) :]] = True
            yield chosen, False


def _excess(trials: Sequence[Trial]) -> float:
    if not trials:
        return 0.0
    return float(np.mean([trial.error**2 - trial.explained for trial in trials]))
