"""Gradient boosting of trees over histograms."""

from collections.abc import Iterator
from math import ceil
from typing import Any

from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from factory.nouns import Floats, Task
from training.family import Family
from training.space import Float, Int, Params, Space

SPACE: Space = {
    "learning_rate": Float(0.02, 0.3, start=0.1, log=True),
    "max_iter": Int(30, 400, start=100, log=True),
    "max_leaf_nodes": Int(4, 127, start=31, log=True),
    "min_samples_leaf": Int(2, 100, start=20, log=True),
    "l2_regularization": Float(1e-6, 10.0, start=1e-6, log=True),
    # Of the features, drawn anew at each split: trees that differ err less together.
    "max_features": Float(0.1, 1.0, start=0.5),
}


def _space(task: Task, loss: str) -> Space:
    del task, loss
    return SPACE


def _build(params: Params, task: Task, loss: str, seed: int, rows: int) -> Any:
    del rows
    # Early stopping would hold out random rows, newest ones among them; max_iter is searched.
    settings = {**params, "loss": loss, "early_stopping": False, "random_state": seed}
    if task == "regression":
        return HistGradientBoostingRegressor(**settings)
    return HistGradientBoostingClassifier(**settings)


def _grow(
    model: Any, X: Floats, y: NDArray[Any], weights: Floats | None, stages: int
) -> Iterator[bool]:
    rounds = model.max_iter
    wanted = sorted({ceil(rounds * (k + 1) / stages) for k in range(stages)})
    model.set_params(warm_start=True)
    for count in wanted:
        model.set_params(max_iter=count).fit(X, y, sample_weight=weights)
        yield count == rounds


BOOSTING = Family(
    name="boosting",
    losses={
        "binary": ("log_loss",),
        "multiclass": ("log_loss",),
        "regression": ("squared_error", "absolute_error"),
    },
    space=_space,
    build=_build,
    needs_scaling=False,
    onehot=False,
    native_missing=True,
    stages=_grow,
    capacity=("max_leaf_nodes",),
)
