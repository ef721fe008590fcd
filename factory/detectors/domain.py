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
from factory.embedded import placed
from factory.nouns import Column, Floats, Schema

ROWS = 4_000
"""Rows sampled from either side at most."""
FEWEST = 40
"""Rows that either side needs."""
CHANCE = 0.05
"""P-value above which it is not asked which features tell."""
TOLD, JUDGED = 5, 1_000
"""Telling features that are named, and rows of a fold that they are looked for on, at most."""
LEAST = 0.1
"""Share of the most telling feature's loss from which another is named."""
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
        tells: features without which the area shrinks, the most telling first; empty where the
            area may be chance.
    """

    auc: float
    p_value: float
    positions: NDArray[np.intp]
    weights: Floats
    tells: tuple[str, ...] = ()

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
    they always tell; infinite values count as missing. Texts and images are where their usual
    embedding puts them.

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
    blocks = [_numbers(c, *(side[c.name] for side in both)) for c in columns]
    owners = np.repeat(np.arange(len(columns)), [block.shape[1] for block in blocks])
    X = np.hstack(blocks)
    y = np.repeat([0, 1], [len(side) for side in both])
    # So little work is fastest on one thread, and threads that wait for busy cores stall it.
    with threadpool_limits(1, user_api="openmp"):
        folds = _cross_fit(X, y, seed)
        p_value = _p_value(folds)
        tells = _tells(folds, X, y, seed) if p_value < CHANCE else []
    probabilities = np.empty(len(y))
    for fold in folds:
        probabilities[fold.held] = fold.said
    auc = _whole_area(folds)
    before, now = (y == 0).sum(), (y == 1).sum()
    likely = probabilities[y == 0]
    with np.errstate(divide="ignore"):
        weights = likely / (1 - likely) * (before / now)
    weights = np.clip(weights, 1 / LARGEST_WEIGHT, LARGEST_WEIGHT)
    named = tuple(dict.fromkeys(columns[owners[number]].name for number in tells))
    return Domain(auc, p_value, positions, weights, named)


def told_apart(X: Floats, y: NDArray[np.int64], seed: int) -> tuple[float, float]:
    """Return the area, and its p-value, of trees that tell two sides apart.

    Args:
        X: shape (n, k); missing as NaN.
        y: 0 or 1, shape (n,).
        seed: of the folds and the trees.
    """
    with threadpool_limits(1, user_api="openmp"):
        folds = _cross_fit(X, y, seed)
    return _whole_area(folds), _p_value(folds)


def _numbers(column: Column, before: "pd.Series[Any]", now: "pd.Series[Any]") -> Floats:
    both = pd.concat([before, now])
    if column.embedded:
        return placed(column, before, both)
    if both.dtype == object:
        codes = pd.factorize(both, sort=True)[0].astype(np.float64)
        return np.where(codes < 0, np.nan, codes)[:, None]
    values = both.to_numpy(dtype=np.float64)
    return np.where(np.isfinite(values), values, np.nan)[:, None]


@dataclass(frozen=True)
class _Fold:
    """Half of the rows, judged by a model of the other half.

    Attributes:
        model: None where it had nothing to learn from.
        held: positions of the rows judged.
        filled: columns that the model reads.
        said: chance that each of them is the window's.
        wins: the statistic U of those chances.
        pairs: its largest value.
        spread: its variance under no change.
    """

    model: Any
    held: NDArray[np.intp]
    filled: NDArray[np.bool_]
    said: Floats
    wins: float
    pairs: float
    spread: float


def _cross_fit(X: Floats, y: NDArray[np.int64], seed: int) -> list[_Fold]:
    """Judge each half of the rows by a model of the other."""
    folds = []
    for fitted, held in StratifiedKFold(2, shuffle=True, random_state=seed).split(X, y):
        filled = ~np.isnan(X[fitted]).all(axis=0)
        model, said = None, np.full(len(held), y.mean())
        if filled.any():
            model = HistGradientBoostingClassifier(
                max_iter=40, max_leaf_nodes=15, early_stopping=False, random_state=seed
            )
            model.fit(X[fitted][:, filled], y[fitted])
            said = model.predict_proba(X[held][:, filled])[:, 1]
        folds.append(_Fold(model, held, filled, said, *_mann_whitney(said, y[held] == 1)))
    return folds


def _whole_area(folds: list[_Fold]) -> float:
    return sum(fold.wins for fold in folds) / sum(fold.pairs for fold in folds)


def _p_value(folds: list[_Fold]) -> float:
    # What sets the halves apart by chance shows in both folds alike: errors add up in full.
    error = sum(np.sqrt(fold.spread) for fold in folds)
    excess = sum(fold.wins - fold.pairs / 2 for fold in folds)
    return float(norm.sf(excess / error)) if error > 0 else 1.0


def _tells(folds: list[_Fold], X: Floats, y: NDArray[np.int64], seed: int) -> list[int]:
    """Return the columns whose shuffling costs the models most of their area, largest first."""
    rng = np.random.default_rng(seed)
    lost = np.zeros(X.shape[1])
    for fold in folds:
        if fold.model is None:
            continue
        rows = fold.held[sample(len(fold.held), JUDGED, rng)]
        order = rng.permutation(len(rows))
        known = X[rows][:, fold.filled]
        whole = _area(fold.model, known, y[rows])
        for place, column in enumerate(np.flatnonzero(fold.filled)):
            shuffled = known.copy()
            shuffled[:, place] = known[order, place]
            lost[column] += whole - _area(fold.model, shuffled, y[rows])
    ranked = np.argsort(-lost, kind="stable")[:TOLD]
    return [int(column) for column in ranked if lost[column] > LEAST * lost.max()]


def _area(model: Any, X: Floats, y: NDArray[np.int64]) -> float:
    wins, pairs, _ = _mann_whitney(model.predict_proba(X)[:, 1], y == 1)
    return wins / pairs if pairs else 0.5


def _mann_whitney(scores: Floats, positive: NDArray[np.bool_]) -> tuple[float, float, float]:
    """Return the statistic U, the pairs, and the variance of U with its correction for ties."""
    n1, n0 = int(positive.sum()), int((~positive).sum())
    n = n1 + n0
    u = rankdata(scores)[positive].sum() - n1 * (n1 + 1) / 2
    ties = np.unique(scores, return_counts=True)[1].astype(np.float64)
    spread = n1 * n0 / 12 * ((n + 1) - (ties**3 - ties).sum() / (n * (n - 1)))
    return float(u), float(n1 * n0), float(spread)
