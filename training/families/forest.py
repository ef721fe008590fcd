"""Random forests."""

from typing import Any

from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

from factory.nouns import Task
from training.family import Family
from training.space import Choice, Int, Params, Space

ROWS_PER_TREE = 20_000
"""A bootstrap sample holds at most so many rows: a tree gains little from more, and its size and
the time to grow it stay bounded."""

SHAPE: Space = {
    "n_estimators": Int(30, 200, start=100, log=True),
    "max_depth": Int(4, 32, start=16, log=True),
    "min_samples_leaf": Int(1, 64, start=5, log=True),
    "max_features": Choice((0.5, "sqrt", 1.0)),
    "bootstrap": Choice((True, False)),
}


def _space(task: Task, loss: str) -> Space:
    del loss
    if task == "regression":
        return SHAPE
    return {"criterion": Choice(("gini", "log_loss")), **SHAPE}


def _build(params: Params, task: Task, loss: str, seed: int, rows: int) -> Any:
    capped = params["bootstrap"] and rows > ROWS_PER_TREE
    settings = {**params, "max_samples": ROWS_PER_TREE if capped else None, "random_state": seed}
    if task == "regression":
        return RandomForestRegressor(criterion=loss, **settings)
    return RandomForestClassifier(**settings)


FOREST = Family(
    name="forest",
    losses={
        "binary": ("log_loss",),
        "multiclass": ("log_loss",),
        "regression": ("squared_error", "absolute_error"),
    },
    space=_space,
    build=_build,
    needs_scaling=False,
    onehot=False,
    # Ten times the time of the squared error on 20,000 rows.
    slow_losses=("absolute_error",),
    capacity=("max_depth",),
)
