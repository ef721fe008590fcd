"""The bootstrap over rows or blocks of rows, as fast as each kind of metric allows.

Rows in time order depend on each other: one day's weather touches all its flights. Resampled one
by one they would pretend to say more than they do; so contiguous blocks are resampled, as long as
the rows' losses show them to hang together.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from factory.expectation import COUNTED as EXACT
from factory.expectation import from_confusion
from factory.nouns import Floats, Outputs
from factory.ranking import rankable, ranked
from factory.scorers import COUNTED, ROW_LOSSES, Truth, from_means, score

CELLS = 4_000_000
"""Rows x resamples that a metric without row losses may visit."""
BLOCK = 1_000_000
"""Rows x resamples held in memory at once."""
FEWEST = 100
"""Resamples that are always made."""
BLOCKS = 10
"""Blocks that are always left to draw from."""


def resample(
    name: str,
    truths: Sequence[Truth],
    models: Sequence[Outputs],
    *,
    resamples: int,
    seed: int,
    block: int = 1,
) -> Floats:
    """Return the metric of each model on each resample of the rows, shape (models, resamples).

    All models see the same resampled rows. A mean over rows is resampled as such, and a metric
    of classes through its table of counts. Any other goes through scikit-learn's scorer; there
    ``resamples`` is cut, to 100 at least, so that no more than ``CELLS`` rows are visited.

    Args:
        name: a name of ``factory.scorers.known``.
        truths: per model, the truth as floats or codes, shape (n,).
        models: per model, its outputs, shape (n,) or (n, k).
        resamples: number of resamples.
        seed: of the resampling.
        block: rows that are drawn together, from a random one on, around the end if need be.

    Source:
        Politis and Romano, A circular block-resampling procedure for stationary data (1992).

    >>> y, outputs = np.array([1.0, 2.0]), np.array([2.0, 3.0])
    >>> resample("mean_absolute_error", [y], [outputs], resamples=3, seed=0).tolist()
    [[1.0, 1.0, 1.0]]
    """
    if len(truths[0]) == 0:
        return np.full((len(models), resamples), np.nan)
    rng = np.random.default_rng(seed)
    if name in ROW_LOSSES:
        losses = [ROW_LOSSES[name](*pair) for pair in zip(truths, models, strict=True)]
        return from_means(name, _means(np.stack(losses), block, resamples, rng))
    if name.startswith(COUNTED):
        return _counted(name, truths, models, block, resamples, rng)
    return _scored(name, truths, models, block, resamples, rng)


def block_length(losses: Floats) -> int:
    """Return how many neighbouring rows hang together, 1 where they do not.

    The variance of the mean is estimated from means of blocks of 1, 2, 4, ... rows. Where rows
    depend on each other it grows with the block until the blocks are independent; the shortest
    block is taken that no longer one certainly exceeds. At least 10 blocks are asked for.

    Args:
        losses: one value a row in time order, shape (n,).

    Source:
        Flyvbjerg and Petersen, Error estimates on averages of correlated data (1989).

    >>> rng = np.random.default_rng(0)
    >>> block_length(rng.normal(size=1000)), block_length(np.repeat(rng.normal(size=100), 10)) > 4
    (1, True)
    """
    lengths = []
    variances = []
    errors = []
    length = 1
    while len(losses) // length >= BLOCKS:
        count = len(losses) // length
        means = losses[: count * length].reshape(count, length).mean(axis=1)
        lengths.append(length)
        variances.append(means.var(ddof=1) / count)
        errors.append(variances[-1] * np.sqrt(2 / (count - 1)))
        length *= 2
    for position, variance in enumerate(variances):
        longer = slice(position + 1, None)
        if all(v - e <= variance for v, e in zip(variances[longer], errors[longer], strict=True)):
            return lengths[position]
    return 1


def ends(draws: Floats, confidence: float) -> tuple[float, float]:
    """Return the two-sided percentile interval of the draws that are not NaN.

    >>> ends(np.array([0.0, 1.0, 2.0, np.nan]), 0.5)
    (0.5, 1.5)
    """
    defined = draws[np.isfinite(draws)]
    if len(defined) == 0:
        return float("nan"), float("nan")
    tail = (1 - confidence) / 2
    low, high = np.quantile(defined, (tail, 1 - tail))
    return float(low), float(high)


def _means(losses: Floats, block: int, resamples: int, rng: np.random.Generator) -> Floats:
    models, rows = losses.shape
    blocks = np.stack([_block_means(each, block) for each in losses])
    drawn = -(-rows // block)
    means = np.empty((models, resamples))
    size = max(1, BLOCK // drawn)
    for start in range(0, resamples, size):
        picks = rng.integers(rows, size=(min(size, resamples - start), drawn))
        for model in range(models):
            means[model, start : start + size] = blocks[model][picks].mean(axis=1)
    return means


def _block_means(losses: Floats, block: int) -> Floats:
    """Return the mean of the block that begins at each row, shape (rows,)."""
    if block == 1:
        return losses
    around = np.concatenate([[0.0], np.cumsum(np.concatenate([losses, losses[: block - 1]]))])
    return np.asarray((around[block:] - around[:-block]) / block)


def _picks(rows: int, block: int, rng: np.random.Generator) -> NDArray[np.int64]:
    starts = rng.integers(rows, size=-(-rows // block))
    return np.asarray((starts[:, None] + np.arange(block)).ravel()[:rows] % rows)


def _counted(
    name: str,
    truths: Sequence[Truth],
    models: Sequence[Outputs],
    block: int,
    resamples: int,
    rng: np.random.Generator,
) -> Floats:
    columns = [c for t, o in zip(truths, models, strict=True) for c in (t, o.argmax(axis=1))]
    cells, where, counts = np.unique(
        np.stack(columns, axis=1), axis=0, return_inverse=True, return_counts=True
    )
    k = models[0].shape[1]
    certain = np.eye(k)
    rows = counts.sum()
    values = np.empty((len(models), resamples))
    for number in range(resamples):
        if block == 1:
            weights = rng.multinomial(rows, counts / rows)
        else:
            weights = np.bincount(where[_picks(rows, block, rng)], minlength=len(cells))
        kept = weights > 0
        for model in range(len(models)):
            truth, predicted = cells[kept, 2 * model], cells[kept, 2 * model + 1]
            times = weights[kept].astype(np.float64)
            table = (
                np.bincount(truth * k + predicted, times, k * k).reshape(k, k).astype(np.float64)
            )
            # What is undefined without a class only the scorer knows; it is a hundred times slower.
            known = name in EXACT and bool(table.sum(axis=1).all())
            values[model, number] = (
                from_confusion(name, table)
                if known
                else score(name, truth, certain[predicted], times)
            )
    return values


def _scored(
    name: str,
    truths: Sequence[Truth],
    models: Sequence[Outputs],
    block: int,
    resamples: int,
    rng: np.random.Generator,
) -> Floats:
    rows = len(truths[0])
    affordable = min(resamples, max(FEWEST, CELLS // rows))
    values = np.empty((len(models), affordable))
    if all(rankable(name, outputs) for outputs in models):
        size = max(1, BLOCK // rows)
        for start in range(0, affordable, size):
            some = range(min(size, affordable - start))
            drawn = [np.bincount(_picks(rows, block, rng), minlength=rows) for _ in some]
            weights = np.stack(drawn).astype(np.float64)
            for model, (truth, outputs) in enumerate(zip(truths, models, strict=True)):
                here = slice(start, start + len(weights))
                values[model, here] = ranked(name, truth, outputs, weights)
        return values
    for number in range(affordable):
        picks = _picks(rows, block, rng)
        for model, (truth, outputs) in enumerate(zip(truths, models, strict=True)):
            values[model, number] = score(name, truth[picks], outputs[picks])
    return values
