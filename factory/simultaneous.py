"""The level at which each of several challengers is tested, so that all tests hold together."""

from collections.abc import Sequence

import numpy as np
from scipy.special import ndtr

from factory.nouns import Floats
from factory.paired import Paired

DRAWS = 20_000


def single_level(pairs: Sequence[Paired], level: float, *, seed: int) -> float:
    """Return the level of single tests at which the chance of any false gain is ``level``.

    Challengers of one champion, judged on the same rows, gain and lose together: refits above
    all. Bonferroni's share of the level would be too small for them. Here the largest of as many
    correlated normal deviates is simulated, and the level follows from its quantile.

    Args:
        pairs: each challenger with the champion, all on the same rows.
        level: for all tests together.
        seed: of the simulation.

    Returns:
        Between a share of the level and the level itself.

    Source:
        Hothorn, Bretz and Westfall, Simultaneous inference in general parametric models (2008).

    >>> from factory.metrics import Metric
    >>> metric = Metric("mean_absolute_error", False, "regression", ())
    >>> rng = np.random.default_rng(0)
    >>> y, said = np.zeros(500), rng.normal(size=(11, 500))
    >>> others = [Paired.of(metric, y, said[0], each) for each in said[1:]]
    >>> 0.005 < single_level(others, 0.05, seed=0) < 0.01
    True
    >>> alike = [Paired.of(metric, y, said[0], said[1] + 0.01 * each) for each in said[2:]]
    >>> 0.03 < single_level(alike, 0.05, seed=0) <= 0.05
    True
    """
    columns = [found for found in map(_differences, pairs) if found is not None]
    if len(columns) <= 1:
        return level
    correlation = np.corrcoef(np.stack(columns))
    values, vectors = np.linalg.eigh(correlation)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    drawn = np.random.default_rng(seed).normal(size=(DRAWS, len(columns))) @ root.T
    limit = float(np.quantile(drawn.max(axis=1), 1 - level))
    return float(np.clip(ndtr(-limit), level / len(columns), level))


def _differences(pair: Paired) -> Floats | None:
    """Return what each row, group or wave adds to the difference; None where nothing differs."""
    parts = pair.parts if pair.waves is None else pair.waves
    found = np.asarray(parts[:, 1] - parts[:, 0])
    usable = len(found) > 1 and np.isfinite(found).all() and float(np.ptp(found)) > 0
    return found if usable else None
