"""Multilayer perceptrons."""

from typing import Any

from sklearn.neural_network import MLPClassifier, MLPRegressor

from factory.nouns import Task
from training.families.targets import standardised
from training.family import Family
from training.space import Choice, Float, Int, Params, Space

GRADIENT = ("solver", ("adam", "sgd"))
SPACE: Space = {
    "layers": Int(1, 3, start=2),
    "units": Int(8, 128, start=32, log=True),
    "activation": Choice(("relu", "tanh")),
    "solver": Choice(("adam", "sgd", "lbfgs")),
    "learning_rate_init": Float(1e-4, 3e-2, start=3e-3, log=True, when=GRADIENT),
    "batch_size": Choice((64, 16, 32, 128, 256), when=GRADIENT),
    "max_iter": Int(10, 100, start=30, log=True),
    "alpha": Float(1e-6, 1e-1, start=1e-4, log=True),
}


def _space(task: Task, loss: str) -> Space:
    del task, loss
    return SPACE


def _build(params: Params, task: Task, loss: str, seed: int, rows: int) -> Any:
    del loss
    shape = ("layers", "units")
    settings = {name: value for name, value in params.items() if name not in shape}
    settings["hidden_layer_sizes"] = (params["units"],) * params["layers"]
    if "batch_size" in settings:
        settings["batch_size"] = min(settings["batch_size"], rows)
    if task == "regression":
        return standardised(MLPRegressor(random_state=seed, **settings))
    return MLPClassifier(random_state=seed, **settings)


MLP = Family(
    name="mlp",
    losses={
        "binary": ("log_loss",),
        "multiclass": ("log_loss",),
        "regression": ("squared_error",),
    },
    space=_space,
    build=_build,
    needs_scaling=True,
    onehot=True,
    row_limit=50_000,
    capacity=("units",),
)
