"""What trees tell of themselves: gains of their splits, and how dear their exact values are."""

from typing import Any

import numpy as np
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from factory.nouns import Floats

BOOSTED = (HistGradientBoostingClassifier, HistGradientBoostingRegressor)
FORESTS = (
    RandomForestClassifier,
    RandomForestRegressor,
    ExtraTreesClassifier,
    ExtraTreesRegressor,
)
TREES = (DecisionTreeClassifier, DecisionTreeRegressor)
WORK = 3e9
"""Rows x leaves x squared depth that exact values may take: some seconds."""


def impurity(estimator: Any) -> Floats | None:
    """Return each column's share of what all splits gained, shape (columns,); None without trees.

    Trees and forests keep it as the mean decrease of impurity. Boosted trees over histograms keep
    the gain of each split, and these are added up.

    Source:
        Breiman, Friedman, Olshen and Stone, Classification and Regression Trees (1984),
        section 5.3; Friedman, Greedy function approximation (2001), section 8.1.

    >>> X = np.array([[0.0, 0.0], [1.0, 0.0], [2.0, 0.0], [3.0, 0.0]])
    >>> impurity(DecisionTreeRegressor().fit(X, X[:, 0])).tolist()
    [1.0, 0.0]
    """
    if isinstance(estimator, (*FORESTS, *TREES)):
        return np.asarray(estimator.feature_importances_, dtype=np.float64)
    if not isinstance(estimator, BOOSTED):
        return None
    gains = np.zeros(estimator.n_features_in_)
    for nodes in _nodes(estimator):
        split = nodes["is_leaf"] == 0
        np.add.at(gains, nodes["feature_idx"][split], np.maximum(nodes["gain"][split], 0.0))
    return gains / gains.sum() if gains.sum() > 0 else gains


def affordable(estimator: Any) -> int | None:
    """Return for how many rows exact Shapley values take some seconds; None without trees.

    >>> affordable(DecisionTreeRegressor(max_depth=2).fit([[0.0], [1.0]], [0.0, 1.0])) > 1000
    True
    """
    if isinstance(estimator, BOOSTED):
        sizes = [((n["is_leaf"] == 1).sum(), n["depth"].max()) for n in _nodes(estimator)]
    elif isinstance(estimator, FORESTS):
        sizes = [(t.get_n_leaves(), t.get_depth()) for t in estimator.estimators_]
    elif isinstance(estimator, TREES):
        sizes = [(estimator.get_n_leaves(), estimator.get_depth())]
    else:
        return None
    return int(WORK / sum(float(leaves) * max(float(depth), 1.0) ** 2 for leaves, depth in sizes))


def _nodes(estimator: Any) -> list[Any]:
    # scikit-learn makes the nodes of these trees known under no public name.
    return [tree.nodes for trees in estimator._predictors for tree in trees]  # noqa: SLF001
