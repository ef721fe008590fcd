"""The domain classifier: can a model tell the window's rows from the reference's?"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm, rankdata
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import StratifiedKFold
from threadpoolctl import threadpool_limits

from factory.detectors.joint import sample
from factory.nouns import Floats, Schema

ROWS = 4_000
"""Rows sampled from either side at most."""
FEWEST = 40
"""Rows that either side needs."""
LARGEST_WEIGHT = 20.0
"""Importance weights lie between this and its inverse: rarer odds are guesses."""


@dataclass(frozen=True)
class Domain:
    """What the domain classifier found.

    Attributes:
        auc: chance that a window row looks more like the window than a reference row does.
        p_value: of an area that large if both came from one distribution.
        positions: rows of the reference that were sampled, shape (n,).
        weights: for those rows, how much commoner such rows are in the window, shape (n,);
            clipped to [1 / 20, 20].
    """

    auc: float
    p_value: float
    positions: NDArray[np.intp]
    weights: Floats

    @property
    def statistic(self) -> float:
        """The area, under the name that all joint detectors share."""
        return self.auc

    @property
    def effect(self) -> float:
        """Size of the change on [0, 1]: twice the area less one."""
        return max(0.0, 2 * self.auc - 1)


def domain_classifier(
    reference: pd.DataFrame, window: pd.DataFrame, schema: Schema, seed: int
) -> Domain:
    """Compare all features jointly.

    Two small boosted trees, each fitted on half of the rows, judge the other half, so that the
    test is honest. At most 4,000 rows of either side are drawn. Dates are left out, because
    they always tell; infinite values count as missing.

    Args:
        reference: canonical rows.
        window: canonical rows.
        schema: features to look at.
        seed: of the sample, the folds and the trees.

    Returns:
        The finding; where a side has fewer than 40 rows or there is no feature, it is that
        nothing can be told (area 0.5, weights 1).

    Source:
        Lopez-Paz and Oquab, Revisiting classifier two-sample tests (2017); weights by Bickel,
        Brückner and Scheffer, Discriminative learning under covariate shift (2009).

    >>> from factory.nouns import Column
    >>> schema = Schema((Column("a", "number"),), "y", "regression")
    >>> low, high = (pd.DataFrame({"a": np.arange(300.0) % 100 + s}) for s in (0, 50))
    >>> found = domain_classifier(low, high, schema, seed=0)
    >>> found.auc > 0.8 and found.p_value < 1e-6
    True
    """
    columns = [column for column in schema.features if column.kind != "date"]
    rng = np.random.default_rng(seed)
    positions = sample(len(reference), ROWS, rng)
    if not columns or min(len(reference), len(window)) < FEWEST:
        return Domain(0.5, 1.0, positions, np.ones(len(positions)))
    both = (reference.iloc[positions], window.iloc[sample(len(window), ROWS, rng)])
    X = np.column_stack([_numbers(pd.concat([side[c.name] for side in both])) for c in columns])
    y = np.repeat([0, 1], [len(side) for side in both])
    # So little work is fastest on one thread, and threads that wait for busy cores stall it.
    with threadpool_limits(1, user_api="openmp"):
        probabilities, auc, p_value = _cross_fit(X, y, seed)
    before, now = (y == 0).sum(), (y == 1).sum()
    likely = probabilities[y == 0]
    with np.errstate(divide="ignore"):
        weights = likely / (1 - likely) * (before / now)
    weights = np.clip(weights, 1 / LARGEST_WEIGHT, LARGEST_WEIGHT)
    return Domain(auc, p_value, positions, weights)


def _numbers(column: "pd.Series[Any]") -> Floats:
    if column.dtype == object:
        codes = pd.factorize(column, sort=True)[0].astype(np.float64)
        return np.where(codes < 0, np.nan, codes)
    values = column.to_numpy(dtype=np.float64)
    return np.where(np.isfinite(values), values, np.nan)


def _cross_fit(X: Floats, y: NDArray[np.int64], seed: int) -> tuple[Floats, float, float]:
    """Return out-of-fold probabilities, the area over both folds, and its p-value."""
    probabilities = np.empty(len(y))
    wins = pairs = error = 0.0
    folds = StratifiedKFold(2, shuffle=True, random_state=seed)
    for fitted, held in folds.split(X, y):
        filled = ~np.isnan(X[fitted]).all(axis=0)
        model = HistGradientBoostingClassifier(
            max_iter=40, max_leaf_nodes=15, early_stopping=False, random_state=seed
        )
        if filled.any():
            model.fit(X[fitted][:, filled], y[fitted])
            probabilities[held] = model.predict_proba(X[held][:, filled])[:, 1]
        else:
            probabilities[held] = y.mean()
        u, n, spread = _mann_whitney(probabilities[held], y[held] == 1)
        wins, pairs = wins + u, pairs + n
        # What sets the halves apart by chance shows in both folds alike: errors add up in full.
        error += np.sqrt(spread)
    p_value = float(norm.sf((wins - pairs / 2) / error)) if error > 0 else 1.0
    return probabilities, float(wins / pairs), p_value


def _mann_whitney(scores: Floats, positive: NDArray[np.bool_]) -> tuple[float, float, float]:
    """Return the statistic U, the pairs, and the variance of U with its correction for ties."""
    n1, n0 = int(positive.sum()), int((~positive).sum())
    n = n1 + n0
    u = rankdata(scores)[positive].sum() - n1 * (n1 + 1) / 2
    ties = np.unique(scores, return_counts=True)[1].astype(np.float64)
    spread = n1 * n0 / 12 * ((n + 1) - (ties**3 - ties).sum() / (n * (n - 1)))
    return float(u), float(n1 * n0), float(spread)
