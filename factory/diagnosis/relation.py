"""Whether the relation of features and loss moved, where both sides have rows to compare.

The loss is regressed on the features, and so is the side that a row is from. What is left of
both shows how much more is lost on the same features: errors of either regression matter only
as far as both err alike. Rows whose like only one side has count for nothing.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.model_selection import StratifiedKFold
from threadpoolctl import threadpool_limits

from factory.embedded import placed
from factory.nouns import Column, Floats

TREES = {"max_iter": 40, "max_leaf_nodes": 15, "early_stopping": False}
RARE = 0.05
"""Odds of a row in the reference, against the window, below which it has no like there."""
FEW_VALUES, EDGE = 50, 0.001
"""Numbers of few values are these; of others the outermost are not counted as their range."""


@dataclass(frozen=True)
class Residuals:
    """What features do not tell of each row's side and loss.

    Attributes:
        side: 1 or 0 less the chance that such a row is the window's, shape (n,).
        loss: loss less what such a row loses on either side, shape (n,).
        overlap: share of the window's rows whose like the reference has.
    """

    side: Floats
    loss: Floats
    overlap: float

    def moved(self, counts: Floats | None = None) -> Floats:
        """Return how much more is lost on the same features, shape () or (resamples,).

        Args:
            counts: how often each row counts, shape (resamples, n); None is once.
        """
        product, square = self.side * self.loss, self.side**2
        if counts is None:
            return np.asarray(product.sum() / max(square.sum(), np.finfo(float).tiny))
        return np.asarray(counts @ product / np.maximum(counts @ square, np.finfo(float).tiny))


def residuals(X: Floats, window: NDArray[np.int64], losses: Floats, seed: int) -> Residuals:
    """Take from sides and losses what the features tell of them, each half by the other half.

    Args:
        X: features as numbers, missing ones NaN, shape (n, features).
        window: 1 for rows of the window, 0 for rows of the reference, shape (n,).
        losses: the champion's on each row, shape (n,).
        seed: of the halves and the trees.

    Source:
        Robinson, Root-N-consistent semiparametric regression (1988); Chernozhukov and others,
        Double/debiased machine learning (2018); where both sides have rows: Cai, Namkoong and
        Yadlowsky, Diagnosing model performance under distribution shift (2023).

    >>> x = np.linspace(-1, 1, 400)
    >>> X, window = np.concatenate([x, x])[:, None], np.repeat([0, 1], 400)
    >>> found = residuals(X, window, X[:, 0] ** 2 + 0.5 * window, seed=0)
    >>> bool(abs(found.moved() - 0.5) < 0.05), found.overlap
    (True, 1.0)
    """
    side, loss = window - window.mean(), losses - losses.mean()
    # So little work is fastest on one thread, and threads that wait for busy cores stall it.
    with threadpool_limits(1, user_api="openmp"):
        for fitted, held in StratifiedKFold(2, shuffle=True, random_state=seed).split(X, window):
            told = ~np.isnan(X[fitted]).all(axis=0)
            if not told.any():
                continue
            known, asked = X[fitted][:, told], X[held][:, told]
            sides = HistGradientBoostingClassifier(**TREES, random_state=seed)
            lost = HistGradientBoostingRegressor(**TREES, random_state=seed)
            chance = sides.fit(known, window[fitted]).predict_proba(asked)[:, 1]
            side[held] = window[held] - chance
            loss[held] = losses[held] - lost.fit(known, losses[fitted]).predict(asked)
    mine = window == 1
    # Of a window's row, the residual is the chance of the reference.
    odds = side[mine] / np.maximum(1 - side[mine], np.finfo(float).tiny)
    odds *= mine.sum() / max((~mine).sum(), 1)
    return Residuals(side, loss, float(np.mean(odds >= RARE)))


def elsewhere(before: "pd.Series[Any]", now: "pd.Series[Any]") -> bool:
    """Tell whether hardly any of a feature's values now is one, or lies between, those before.

    >>> elsewhere(pd.Series([1.0, 2.0, 4.0]), pd.Series([3.0, 3.0]))
    True
    >>> elsewhere(pd.Series(np.arange(100.0)), pd.Series([3.5, 200.0]))
    False
    """
    known, present = before.dropna(), now.dropna()
    if known.empty or present.empty:
        return False
    values = pd.unique(known)
    if len(values) > FEW_VALUES and known.dtype != object:
        low, high = np.quantile(known.to_numpy(dtype=np.float64), (EDGE, 1 - EDGE))
        return bool(np.mean(present.between(low, high)) < RARE)
    return bool(np.mean(present.isin(values)) < RARE)


def numbers(frame: pd.DataFrame, other: pd.DataFrame, columns: tuple[Column, ...]) -> Floats:
    """Return both tables' features as numbers, missing ones NaN, shape (n + m, k).

    Each is one column, but for texts and images, which have one for each dimension of their
    usual embedding.

    >>> column = (Column("a", "category"),)
    >>> one, two = pd.DataFrame({"a": ["x", None]}), pd.DataFrame({"a": ["y"]})
    >>> numbers(one, two, column)[:, 0].tolist()
    [0.0, nan, 1.0]
    """
    blocks = [np.empty((len(frame) + len(other), 0))]
    for column in columns:
        values = pd.concat([frame[column.name], other[column.name]])
        if column.embedded:
            blocks.append(placed(column, frame[column.name], values))
        elif column.kind == "category":
            codes = pd.factorize(values, sort=True)[0].astype(np.float64)
            blocks.append(np.where(codes < 0, np.nan, codes)[:, None])
        else:
            known = values.to_numpy(dtype=np.float64)
            blocks.append(np.where(np.isfinite(known), known, np.nan)[:, None])
    return np.hstack(blocks)
