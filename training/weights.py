"""Weights of rows to learn from: newer ones more, or those more that resemble a window."""

import numpy as np
import pandas as pd

from factory.nouns import Floats, Schema
from factory.reweight import Coder, balance, shares
from training.fit import sampled

ROWS = 20_000
"""Rows of a window that are looked at."""


def by_recency(rows: int, half_life: float) -> Floats:
    """Weight rows in time order, the newest by 1, each half as much that is a half-life older.

    Args:
        rows: how many there are, the newest last.
        half_life: in rows, above 0; of windows it is their number times the rows of one.

    Returns:
        Shape (rows,), never quite 0.

    Source:
        Klinkenberg, Learning drifting concepts: example selection vs. example weighting (2004).

    >>> by_recency(5, half_life=2).round(3).tolist()
    [0.25, 0.354, 0.5, 0.707, 1.0]
    """
    age = np.arange(rows - 1, -1, -1, dtype=np.float64)
    return np.asarray(np.maximum(np.exp2(-age / half_life), np.finfo(np.float64).tiny))


def by_covariates(schema: Schema, rows: pd.DataFrame, window: pd.DataFrame, *, seed: int) -> Floats:
    """Weight rows to learn from until their features are distributed as a window's.

    The relation between features and target is learnt where it is now asked for. How many rows
    that leaves in effect tells ``factory.reweight.effective``.

    Args:
        schema: the features; dates are left out, for they always move.
        rows: canonical rows to weight.
        window: canonical rows, labelled or not; of many a sample is looked at.
        seed: of the sample.

    Returns:
        Shape (rows,), between 0 and 50 and 1 on average.

    Source:
        Shimodaira, Improving predictive inference under covariate shift by weighting the
        log-likelihood function (2000), with weights as of ``factory.reweight.balance``.

    >>> from factory.nouns import Column
    >>> schema = Schema((Column("a", "category"),), "y", "regression")
    >>> rows = pd.DataFrame({"a": ["x"] * 90 + ["z"] * 10}, dtype=object)
    >>> window = pd.DataFrame({"a": ["x"] * 50 + ["z"] * 50}, dtype=object)
    >>> weights = by_covariates(schema, rows, window, seed=0)
    >>> bool(weights[:90].max() < 0.8), bool(weights[90:].min() > 3)
    (True, True)
    """
    some = window.iloc[sampled(len(window), ROWS, seed)]
    coder = Coder.fit(schema, rows, np.zeros(len(rows)))
    wanted = shares(coder.cells(some, np.zeros(len(some))), coder.width)
    return balance(coder.cells(rows, np.zeros(len(rows))), wanted)
