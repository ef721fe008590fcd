"""Whether a correction is worth more than chance: it is tried on rows left out."""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from factory.calibrate import dependence
from factory.nouns import Floats

FOLDS = 5
FEWEST = 20
"""Labelled rows below which nothing is learnt."""
Positions = NDArray[np.intp]


def folds(rows: int, *, ordered: bool, seed: int) -> Iterator[tuple[Positions, Positions]]:
    """Yield positions to learn from and to try on; stretches of rows where they have an order."""
    places = np.arange(rows) if ordered else np.random.default_rng(seed).permutation(rows)
    for held in np.array_split(places, FOLDS):
        yield np.setdiff1d(places, held), np.sort(held)


def left_out(
    rows: int, losses: Callable[[Positions, Positions], Floats], *, ordered: bool, seed: int
) -> Floats:
    """Return the loss of each row under a correction that was learnt without it, shape (n,).

    Args:
        rows: number of rows n.
        losses: what the rows of the second positions lose if the first ones are learnt from.
        ordered: whether they come in time order.
        seed: of the folds where they do not.
    """
    found = np.empty(rows)
    for learnt, held in folds(rows, ordered=ordered, seed=seed):
        found[held] = losses(learnt, held)
    return found


def teaches(before: Floats, after: Floats, *, ordered: bool) -> bool:
    """Tell whether losses fell by more than their standard error.

    Args:
        before: of the champion, shape (n,).
        after: of the corrected one on rows it did not learn from, shape (n,).
        ordered: whether rows come in time order, so that neighbours may depend on each other.

    >>> rng = np.random.default_rng(0)
    >>> before = rng.normal(5, 1, 200)
    >>> teaches(before, before - 1 + rng.normal(0, 0.1, 200), ordered=True)
    True
    >>> teaches(before, before + rng.normal(0.1, 1, 200), ordered=True)
    False
    """
    gains = before - after
    if not np.isfinite(gains).all():
        return False
    mean = float(gains.mean())
    inflated = dependence(gains - mean) if ordered else 1.0
    return mean > 0 and mean > float(np.sqrt(inflated * gains.var(ddof=1) / len(gains)))
