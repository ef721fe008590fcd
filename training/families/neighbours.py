"""k nearest neighbours."""

from typing import Any

from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from factory.nouns import Task
from training.family import Family
from training.space import Choice, Int, Params, Space

SPACE: Space = {
    "n_neighbors": Int(1, 64, start=10, log=True),
    "weights": Choice(("uniform", "distance")),
    "p": Choice((2, 1)),
}


def _space(task: Task, loss: str) -> Space:
    del task, loss
    return SPACE


def _build(params: Params, task: Task, loss: str, seed: int, rows: int) -> Any:
    del loss, seed
    settings = {**params, "n_neighbors": min(params["n_neighbors"], rows)}
    if task == "regression":
        return KNeighborsRegressor(**settings)
    return KNeighborsClassifier(**settings)


NEIGHBOURS = Family(
    name="neighbours",
    losses={
        "binary": ("log_loss",),
        "multiclass": ("log_loss",),
        "regression": ("squared_error",),
    },
    space=_space,
    build=_build,
    needs_scaling=True,
    onehot=True,
    # The rows are the model: they are stored with it and searched at each prediction.
    row_limit=20_000,
    weighted=False,
    capacity=("n_neighbors",),
)
