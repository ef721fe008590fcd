"""Change points: since when a model's losses have been what they are now.

A change of level inside a stretch of rows shows in the largest contrast of means before and after
a split. Many stretches of all lengths are looked at, so that a change is found beside others. The
losses count by their ranks: a few huge ones are no change.

Neighbours that resemble each other make large contrasts where nothing changed. No contrast of
them is larger than the same one of independent rows by more than the root of their long-run
variance over their own, so that shuffled rows, stretched by that, tell what chance makes.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats import rankdata

from factory.nouns import Floats

FEWEST = 20
"""Rows on either side of a change."""
BINS = 1_000
"""Means of neighbouring rows that are looked at, at most."""
SHUFFLES = 199
"""Shuffled streams that tell what contrasts chance makes."""
DECAY = 2**-0.5
"""Length of the stretches of one scale, relative to those of the next larger one."""
BLOCKS = 20
"""Blocks of neighbouring rows that are left at least where their dependence is looked for."""
OCTAVE = 3
"""Lengths of blocks, each by half an octave longer, whose figures are taken together."""
CALM = 0.5
"""Share of the differences between blocks that counts, the smallest: changes are in the others."""


class Stretch(NamedTuple):
    """Bins from ``start`` up to ``stop``, split before ``split``, and the contrast there."""

    start: int
    stop: int
    split: int
    contrast: float


def change_point(losses: Floats, *, seed: int, level: float = 0.05) -> int | None:
    """Return where the newest change of a stream of losses happened.

    Args:
        losses: per row, in time order, shape (n,).
        seed: of the shuffled streams.
        level: chance to find a change where there is none, at most, from 500 rows on, unless they
            remember more than a twentieth of the stream; fewer rows do not tell how they depend.

    Returns:
        Position of the first row after it; None where no change is certain, and where dependent
        rows say less than 20 independent ones on either side would.

    Source:
        Kovacs, Buehlmann, Li and Munk, Seeded binary segmentation (2023), for the stretches;
        Baranowski, Chen and Fryzlewicz, Narrowest-over-threshold detection of multiple change
        points (2019), for the choice among them; Antoch and Huskova, Permutation tests in change
        point analysis (2001), for the threshold.

    >>> rng = np.random.default_rng(0)
    >>> losses = np.concatenate([rng.normal(1, 1, 600), rng.normal(3, 1, 400)])
    >>> abs(change_point(losses, seed=0) - 600) < 10, change_point(losses[:600], seed=0)
    (True, None)
    """
    n = len(losses)
    if n < 2 * FEWEST:
        return None
    ranks = rankdata(losses) / n
    size = max(1, int(np.ceil(n / BINS)))
    long_run, unseen = _long_run(ranks)
    if max(long_run, unseen) * 2 * FEWEST > n * ranks.var():
        return None
    starts = np.arange(0, n - size + 1, size)
    means = np.add.reduceat(ranks, starts) / np.diff([*starts, n])
    least = max(1, -(-FEWEST // size))
    stretches = _seeded(len(means), least)
    independent = size * float(means.var())
    stretched = float(np.sqrt(long_run / independent)) if independent > 0 else 1.0
    limit = stretched * _limit(means, stretches, least, seed, level)
    over = [s for s in _contrasts(means, stretches, least) if s.contrast > limit]
    newest: Stretch | None = None
    while over:
        found = min(over, key=lambda s: (s.stop - s.start, -s.contrast))
        newest = found if newest is None or found.split > newest.split else newest
        over = [s for s in over if not s.start < found.split < s.stop]
    if newest is None:
        return None
    first = int(starts[newest.start])
    last = n if newest.stop == len(means) else int(starts[newest.stop])
    return first + int(_split(ranks[first:last][None], FEWEST)[0][0])


def _seeded(bins: int, least: int) -> list[NDArray[np.intp]]:
    """Return, per scale, where stretches start and stop, shape (stretches, 2).

    Those of one scale have the same length and overlap by half at least.
    """
    found: list[NDArray[np.intp]] = []
    length = float(bins)
    while length >= 2 * least:
        whole = int(np.ceil(length))
        count = max(1, int(np.ceil(2 * bins / whole)) - 1) if whole < bins else 1
        first = np.unique(np.linspace(0, bins - whole, count).astype(np.intp))
        if not found or whole != found[-1][0, 1] - found[-1][0, 0]:
            found.append(np.column_stack([first, first + whole]))
        length *= DECAY
    return found


def _contrasts(means: Floats, scales: list[NDArray[np.intp]], least: int) -> list[Stretch]:
    found = []
    for scale in scales:
        rows = means[scale[:, :1] + np.arange(scale[0, 1] - scale[0, 0])]
        splits, contrasts = _split(rows, least)
        found += [
            Stretch(int(start), int(stop), int(start + split), float(contrast))
            for (start, stop), split, contrast in zip(scale, splits, contrasts, strict=True)
        ]
    return found


def _split(rows: Floats, least: int) -> tuple[NDArray[np.intp], Floats]:
    """Return each row's best split and the contrast there, both of shape (rows,)."""
    length = rows.shape[1]
    before = np.arange(least, length - least + 1)
    sums = np.cumsum(rows, axis=1)
    off = np.abs(sums[:, before - 1] - before / length * sums[:, -1:])
    contrasts = off / np.sqrt(before * (length - before) / length)
    best = contrasts.argmax(axis=1)
    return before[best], contrasts[np.arange(len(rows)), best]


def _long_run(ranks: Floats) -> tuple[float, float]:
    """Return the variance of a mean of many rows, times their number, whatever the level does.

    It is told from how means of blocks differ that lie one block apart, for blocks of all lengths;
    a change of level is in few of these differences, which are the large ones. A process that
    remembers longer than a block shows in a growth with the length, of which the second number
    tells where it would go.

    Source:
        Flyvbjerg and Petersen, Error estimates on averages of correlated data (1989), for the
        blocks; Wu and Zhao, Inference of trends in time series (2007), for their differences;
        Politis and Romano, Bias-corrected nonparametric spectral estimation (1995), for the growth.
    """
    n, variance = len(ranks), float(ranks.var())
    longest = n // BLOCKS
    lengths = np.unique([*np.round(2 ** np.arange(0, np.log2(longest), 0.5)), longest])
    sums = np.concatenate([[0.0], np.cumsum(ranks - ranks.mean())])
    found = []
    for length in lengths.astype(np.intp):
        blocks = (sums[length:] - sums[:-length]) / length
        differences = (blocks[2 * length :] - blocks[: -2 * length]) ** 2 / 2
        count = int(CALM * len(differences))
        calm = np.partition(differences, count)[:count]
        found.append(float(length * calm.mean() / _kept(CALM)))
    half = float(np.interp(longest / 2, lengths, found))
    octave = min(OCTAVE, len(found))
    smooth = np.convolve(found, np.full(octave, 1 / octave), "valid")
    return max(variance, float(smooth.max())), 2 * found[-1] - half


def _kept(share: float) -> float:
    """Return the mean of that share of squared normal numbers, the smallest, relative to all."""
    z = float(ndtri((1 + share) / 2))
    return 1 - 2 * z * float(np.exp(-z * z / 2)) / float(np.sqrt(2 * np.pi)) / share


def _limit(
    means: Floats, scales: list[NDArray[np.intp]], least: int, seed: int, level: float
) -> float:
    """Return the largest contrast that chance makes but for ``level`` of shuffled streams."""
    rng = np.random.default_rng(seed)
    largest = []
    for _ in range(SHUFFLES):
        shuffled = rng.permutation(means)
        largest.append(
            max(
                float(_split(shuffled[s[:, :1] + np.arange(s[0, 1] - s[0, 0])], least)[1].max())
                for s in scales
            )
        )
    return float(np.quantile(largest, 1 - level, method="higher"))
