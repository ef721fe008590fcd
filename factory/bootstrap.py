"""The bootstrap over rows, as fast as each kind of metric allows."""

from collections.abc import Sequence

import numpy as np

from factory.nouns import Floats, Outputs
from factory.scorers import COUNTED, ROW_LOSSES, Truth, from_means, score

CELLS = 4_000_000
"""Rows x resamples that a metric without row losses may visit."""
BLOCK = 1_000_000
"""Rows x resamples held in memory at once."""
FEWEST = 100
"""Resamples that are always made."""


def resample(
    name: str,
    truths: Sequence[Truth],
    models: Sequence[Outputs],
    *,
    resamples: int,
    seed: int,
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

    >>> y, outputs = np.array([1.0, 2.0]), np.array([2.0, 3.0])
    >>> resample("mean_absolute_error", [y], [outputs], resamples=3, seed=0).tolist()
    [[1.0, 1.0, 1.0]]
    """
    if len(truths[0]) == 0:
        return np.full((len(models), resamples), np.nan)
    rng = np.random.default_rng(seed)
    if name in ROW_LOSSES:
        losses = [ROW_LOSSES[name](*pair) for pair in zip(truths, models, strict=True)]
        return from_means(name, _means(np.stack(losses), resamples, rng))
    if name.startswith(COUNTED):
        return _counted(name, truths, models, resamples, rng)
    return _scored(name, truths, models, resamples, rng)


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


def _means(losses: Floats, resamples: int, rng: np.random.Generator) -> Floats:
    models, rows = losses.shape
    means = np.empty((models, resamples))
    size = max(1, BLOCK // rows)
    for start in range(0, resamples, size):
        picks = rng.integers(rows, size=(min(size, resamples - start), rows))
        for model in range(models):
            means[model, start : start + size] = losses[model][picks].mean(axis=1)
    return means


def _counted(
    name: str,
    truths: Sequence[Truth],
    models: Sequence[Outputs],
    resamples: int,
    rng: np.random.Generator,
) -> Floats:
    columns = [c for t, o in zip(truths, models, strict=True) for c in (t, o.argmax(axis=1))]
    cells, counts = np.unique(np.stack(columns, axis=1), axis=0, return_counts=True)
    certain = np.eye(models[0].shape[1])
    draws = rng.multinomial(counts.sum(), counts / counts.sum(), size=resamples)
    values = np.empty((len(models), resamples))
    for number, weights in enumerate(draws):
        kept = weights > 0
        for model in range(len(models)):
            truth, predicted = cells[kept, 2 * model], cells[kept, 2 * model + 1]
            rows = weights[kept].astype(np.float64)
            values[model, number] = score(name, truth, certain[predicted], rows)
    return values


def _scored(
    name: str,
    truths: Sequence[Truth],
    models: Sequence[Outputs],
    resamples: int,
    rng: np.random.Generator,
) -> Floats:
    rows = len(truths[0])
    affordable = min(resamples, max(FEWEST, CELLS // rows))
    values = np.empty((len(models), affordable))
    for number in range(affordable):
        picks = rng.integers(rows, size=rows)
        for model, (truth, outputs) in enumerate(zip(truths, models, strict=True)):
            values[model, number] = score(name, truth[picks], outputs[picks])
    return values
