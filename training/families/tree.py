"""One decision tree."""

from typing import Any

from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from factory.nouns import Task
from training.families.targets import standardised
from training.family import Family
from training.space import Choice, Float, Int, Params, Space

SHAPE: Space = {
    "max_depth": Int(2, 32, start=8, log=True),
    "min_samples_split": Int(2, 128, start=20, log=True),
    "min_samples_leaf": Int(1, 64, start=10, log=True),
    "max_features": Choice((None, 0.5, "sqrt")),
    "ccp_alpha": Float(1e-6, 1e-1, start=1e-5, log=True),
}


def _space(task: Task, loss: str) -> Space:
    del loss
    if task == "regression":
        return SHAPE
    return {"criterion": Choice(("gini", "log_loss")), **SHAPE}


def _build(params: Params, task: Task, loss: str, seed: int, rows: int) -> Any:
    del rows
    if task == "regression":
        # ccp_alpha is in units of the squared target.
        return standardised(DecisionTreeRegressor(criterion=loss, random_state=seed, **params))
    return DecisionTreeClassifier(random_state=seed, **params)


TREE = Family(
    name="tree",
    losses={
        "binary": ("log_loss",),
        "multiclass": ("log_loss",),
        "regression": ("squared_error", "absolute_error"),
    },
    space=_space,
    build=_build,
    needs_scaling=False,
    onehot=False,
    capacity=("max_depth",),
)
