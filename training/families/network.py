"""Neural networks with Keras: dense layers, convolutions, and recurrent layers.

Rows are vectors of encoded features. Where the only feature is an image, the schema knows its
size. Of a table of numbers, a config says that they are images, or sequences, by their height and
width: ``search.spaces: {convolution: {height: 28, width: 28}}``; without, convolutions and
recurrent layers go along the features in their order.

A classifier is taught with strange rows in mind where its config says so (see
``factory.ood.lessons``): ``search.spaces: {dense: {method: exposure, alpha: 0.5}}``.
"""

import json
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from numpy.typing import NDArray

from factory.errors import BadConfig
from factory.nouns import Floats, Task
from factory.ood import METHODS, PLAIN
from training.family import Family
from training.plugins import plugin
from training.space import Choice, Float, Int, Params, Space

ESTIMATORS = {
    "binary": "factory.neural:NetworkClassifier",
    "multiclass": "factory.neural:NetworkClassifier",
    "regression": "factory.neural:NetworkRegressor",
}
EXTRAS = dict.fromkeys(ESTIMATORS, "keras")
LOSSES: Mapping[Task, tuple[str, ...]] = {
    "binary": ("log_loss",),
    "multiclass": ("log_loss",),
    "regression": ("squared_error", "absolute_error"),
}
KERAS_LOSSES = {
    "log_loss": "sparse_categorical_crossentropy",
    "squared_error": "mse",
    "absolute_error": "mae",
}
SINGLE_ROWS = "sgd"
"""Descent by one row a step; ``mini_batch`` is the same by several, with momentum."""
OPTIMISERS: Mapping[str, tuple[str, Mapping[str, float]]] = {
    "adam": ("Adam", {}),
    "rmsprop": ("RMSprop", {}),
    "adagrad": ("Adagrad", {}),
    "adadelta": ("Adadelta", {}),
    "mini_batch": ("SGD", {"momentum": 0.9}),
    "sgd": ("SGD", {}),
}
LEARNING: Space = {
    "optimiser": Choice(tuple(OPTIMISERS)),
    "learning_rate": Float(1e-4, 1e-1, start=3e-3, log=True),
    "batch_size": Choice(
        (32, 16, 64, 128), when=("optimiser", tuple(n for n in OPTIMISERS if n != SINGLE_ROWS))
    ),
    "epochs": Int(5, 60, start=20, log=True),
}
SHARED: Space = {
    "layers": Int(1, 3, start=2),
    "units": Int(8, 128, start=32, log=True),
    "activation": Choice(("relu", "tanh", "elu")),
    "dropout": Float(0.0, 0.5, start=0.0),
}
IMAGE: Space = {"height": Choice((None,)), "width": Choice((None,))}


def _dense(params: Params) -> list[tuple[str, dict[str, Any]]]:
    told: list[tuple[str, dict[str, Any]]] = []
    for _ in range(params["layers"]):
        told.append(("Dense", {"units": params["units"], "activation": params["activation"]}))
        told.append(("Dropout", {"rate": params["dropout"]}))
    return told


def _convolution(params: Params) -> list[tuple[str, dict[str, Any]]]:
    kind = "Conv2D" if params["height"] else "Conv1D"
    told: list[tuple[str, dict[str, Any]]] = []
    for layer in range(params["layers"]):
        settings = {"filters": params["units"], "kernel_size": params["kernel"], "padding": "same"}
        told.append((kind, {**settings, "activation": params["activation"]}))
        if layer == 0:
            told.append((f"MaxPooling{kind[-2:]}", {"pool_size": 2, "padding": "same"}))
    return [*told, ("Flatten", {}), ("Dropout", {"rate": params["dropout"]})]


def _recurrent(params: Params) -> list[tuple[str, dict[str, Any]]]:
    layers = params["layers"]
    told: list[tuple[str, dict[str, Any]]] = [
        (params["cell"], {"units": params["units"], "return_sequences": layer + 1 < layers})
        for layer in range(layers)
    ]
    return [*told, ("Dropout", {"rate": params["dropout"]})]


KINDS = {"dense": _dense, "convolution": _convolution, "recurrent": _recurrent}
SPACES: Mapping[str, Space] = {
    "dense": {**SHARED, **LEARNING},
    "convolution": {**IMAGE, **SHARED, "kernel": Choice((3, 5)), **LEARNING},
    "recurrent": {
        **IMAGE,
        **{name: one for name, one in SHARED.items() if name != "activation"},
        "cell": Choice(("GRU", "LSTM")),
        **LEARNING,
    },
}


def _build(kind: str, params: Params, task: Task, loss: str, seed: int, rows: int) -> Any:
    layers = [{"class_name": name, "config": told} for name, told in KINDS[kind](params)]
    height, width = params.get("height"), params.get("width")
    shape: tuple[int, ...] = ()
    if kind == "convolution":
        shape = (height, width, params.get("channels", 1)) if height and width else (-1, 1)
    if kind == "recurrent":
        shape = (height, width * params.get("channels", 1)) if height and width else (-1, 1)
    method = params.get("method", PLAIN)
    if method not in METHODS or (task == "regression" and method != PLAIN):
        known = ", ".join(METHODS) if task != "regression" else PLAIN
        raise BadConfig(
            f"search.spaces.{kind}.method = {method!r} is none of a {task} task.",
            hint=f"one of: {known}",
        )
    name, settings = OPTIMISERS[params["optimiser"]]
    optimiser = {
        "class_name": name,
        "config": {"learning_rate": params["learning_rate"], **settings},
    }
    return plugin(ESTIMATORS, task, extras=EXTRAS)(
        layers=json.dumps(layers),
        shape=shape,
        optimiser=json.dumps(optimiser),
        loss=KERAS_LOSSES[loss],
        epochs=params["epochs"],
        batch_size=min(params.get("batch_size", 1), rows),
        seed=seed,
        method=method,
        alpha=params.get("alpha"),
    )


def _grow(
    model: Any, X: Floats, y: NDArray[Any], weights: Floats | None, stages: int
) -> Iterator[bool]:
    """Yield after about every so many epochs."""
    told = {-(-model.epochs * (stage + 1) // stages) for stage in range(stages)}
    for epoch in model.grow(X, y, weights):
        if epoch in told:
            yield epoch == model.epochs


def _family(kind: str) -> Family:
    def space(task: Task, loss: str) -> Space:
        del task, loss
        return SPACES[kind]

    return Family(
        name=kind,
        losses=LOSSES,
        space=space,
        build=partial(_build, kind),
        needs_scaling=True,
        onehot=True,
        row_limit=50_000,
        stages=_grow,
        capacity=("units",),
    )


def _searched(params: Params, task: Task, loss: str, seed: int, rows: int) -> Any:
    del rows
    built = plugin(AUTOKERAS, "build", extras=dict.fromkeys(AUTOKERAS, "keras"))
    return built(params, task, KERAS_LOSSES[loss], seed)


def _found(estimator: Any) -> Any:
    return plugin(AUTOKERAS, "served")(estimator)


def _settled(estimator: Any) -> Params:
    told: Params = plugin(AUTOKERAS, "settled")(estimator)
    return told


def _models(task: Task, loss: str) -> Space:
    del task, loss
    return {**IMAGE, "models": Choice((3,)), "epochs": Choice((10,))}


AUTOKERAS = {
    "build": "training.families.autokeras:build",
    "served": "training.families.autokeras:served",
    "settled": "training.families.autokeras:settled",
}
SEARCHING = Family(
    name="autokeras",
    losses=LOSSES,
    space=_models,
    build=_searched,
    needs_scaling=True,
    onehot=True,
    row_limit=50_000,
    weighted=False,
    served=_found,
    settled=_settled,
    reads_words=True,
)
DENSE, CONVOLUTION, RECURRENT = _family("dense"), _family("convolution"), _family("recurrent")
