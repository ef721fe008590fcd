"""Change points: since when a model's losses have been what they are now.

A change of level inside a stretch of rows shows in the largest contrast of means before and after
a split. Many stretches of all lengths are looked at, so that a change is found beside others. The
losses count by their ranks: a few huge ones are no change.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from factory.bootstrap import block_length
from factory.nouns import Floats

FEWEST = 20
"""Rows on either side of a change."""
BINS = 1_000
"""Means of neighbouring rows that are looked at, at most."""
SHUFFLES = 199
"""Shuffled streams that tell what contrasts chance makes."""
DECAY = 2**-0.5
"""Length of the stretches of one scale, relative to those of the next larger one."""
MEMORY = 0.97
"""Correlation of neighbours beyond which no stream is long enough."""
CHUNKS = 20
"""Parts of the stream in which dependence between neighbours is looked for, each about its mean."""


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
        level: chance to find a change where there is none. Neighbouring rows may depend on each
            other: blocks of them are shuffled.

    Returns:
        Position of the first row after it; None where no change is certain.

    Source:
        Kovacs, Buehlmann, Li and Munk, Seeded binary segmentation (2023), for the stretches;
        Baranowski, Chen and Fryzlewicz, Narrowest-over-threshold detection of multiple change
        points (2019), for the choice among them; Kirch, Block permutation principles for the
        change analysis of dependent data (2007), for the threshold.

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
    starts = np.arange(0, n - size + 1, size)
    means = np.add.reduceat(ranks, starts) / np.diff([*starts, n])
    least = max(1, -(-FEWEST // size))
    stretches = _seeded(len(means), least)
    limit = _limit(means, stretches, least, -(-_dependence(ranks) // size), seed, level)
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


def _dependence(ranks: Floats) -> int:
    """Return the block length that neighbours ask for, whatever the level does meanwhile.

    Source:
        Carlstein, The use of subseries values for estimating the variance of a general statistic
        from a stationary sequence (1986), for the length where a row remembers the one before.
    """
    parts = [part - part.mean() for part in np.array_split(ranks, CHUNKS)]
    alone = sum(float(part @ part) for part in parts)
    if alone == 0:
        return 1
    # A mean that was taken out of a part makes its rows look opposed.
    memory = sum(float(part[1:] @ part[:-1]) for part in parts) / alone + CHUNKS / len(ranks)
    memory = min(max(memory, 0.0), MEMORY)
    usual = (2 * memory / (1 - memory**2)) ** (2 / 3) * len(ranks) ** (1 / 3)
    return max(int(np.ceil(usual)), block_length(np.concatenate(parts)))


def _limit(
    means: Floats,
    scales: list[NDArray[np.intp]],
    least: int,
    block: int,
    seed: int,
    level: float,
) -> float:
    """Return the largest contrast that chance makes but for ``level`` of the streams."""
    rng = np.random.default_rng(seed)
    blocks = np.array_split(np.arange(len(means)), max(2, len(means) // block))
    largest = []
    for _ in range(SHUFFLES):
        order = np.concatenate([blocks[i] for i in rng.permutation(len(blocks))])
        shuffled = means[order]
        largest.append(
            max(
                float(_split(shuffled[s[:, :1] + np.arange(s[0, 1] - s[0, 0])], least)[1].max())
                for s in scales
            )
        )
    return float(np.quantile(largest, 1 - level, method="higher"))
