"""Which features' moves carry the covariates' part of a loss."""

import numpy as np
import pandas as pd
from scipy.special import roots_legendre

from factory.nouns import Floats, Schema
from factory.reweight import Coder, shares, tilts

NODES = 8
"""Places between reference and window at which the loss is followed."""


def carried(
    schema: Schema, reference: pd.DataFrame, window: pd.DataFrame, losses: Floats
) -> dict[str, float]:
    """Return per feature how much loss its own move adds, dates left out.

    The reference's rows are weighted towards the window: the logarithm of a weight is a sum over
    features (see ``factory.reweight``), so what a feature adds on the way there is known. Moves
    of features that hang together are told apart as a regression tells its terms apart; the
    parts add up to what all weights together do to the mean loss.

    Args:
        schema: the features.
        reference: canonical rows.
        window: canonical rows.
        losses: the champion's on the reference's, shape (len(reference),).

    Source:
        Aumann and Shapley, Values of Non-Atomic Games (1974), chapter 3.

    >>> from factory.nouns import Column
    >>> schema = Schema((Column("a", "number"), Column("b", "number")), "y", "regression")
    >>> grid = pd.DataFrame({"a": np.arange(900.0) % 30, "b": np.arange(900.0) // 30})
    >>> added = carried(schema, grid, grid[grid["a"] > 9], grid["a"].to_numpy())
    >>> bool(added["a"] > 2), abs(added["b"]) < 0.1
    (True, True)
    """
    coder = Coder.fit(schema, reference, np.empty((len(reference), 0)))
    if not coder.width:
        return {}
    cells = coder.cells(reference, np.empty((len(reference), 0)))
    now = shares(coder.cells(window, np.empty((len(window), 0))), coder.width)
    terms = tilts(cells, now)[cells]
    whole = terms.sum(axis=1)
    added = np.zeros(terms.shape[1])
    for place, weight in zip(*roots_legendre(NODES), strict=True):
        odds = np.exp((place + 1) / 2 * (whole - whole.max()))
        odds /= odds.sum()
        added += weight / 2 * ((odds * (losses - odds @ losses)) @ terms)
    names = (*coder.numbers, *coder.categories)
    return {name: float(value) for name, value in zip(names, added, strict=True)}
