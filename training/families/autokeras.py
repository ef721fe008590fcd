"""AutoKeras: a search over networks within one fit, for rows that are vectors or images.

Its best network is a chain of plain layers. They and their weights are what is kept, so that
whoever serves the model needs Keras but not AutoKeras. What it writes while it searches goes to a
folder of its own that is gone after the fit.
"""

import json
import random
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from typing import Any, Self

import autokeras
import keras
import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from factory.neural import LAYERS, Network, NetworkClassifier, NetworkRegressor
from factory.nouns import Floats, Task
from training.space import Params

HELD = 0.2
"""Share of the rows that its trials are compared on."""
BATCH = 32
BESIDE = ("InputLayer", "CastToFloat32", "ExpandLastDim", "Softmax", "Activation")
"""Layers that a network here has without being told."""
TOLD = ("units", "filters", "kernel_size", "strides", "padding", "activation", "use_bias",
        "pool_size", "rate", "axis", "momentum", "epsilon")  # fmt: skip
"""Settings of a layer that are kept; the rest says how weights begin, which are known."""


class Searching(BaseEstimator):  # type: ignore[misc]
    """Fits ``network`` by AutoKeras.

    Args:
        task: what is predicted.
        loss: of a regression, Keras's name.
        models: most networks that it tries.
        epochs: passes over the rows, each.
        image: height and width of the rows as images; None for plain vectors.
        seed: of the search and of all networks.
    """

    def __init__(
        self,
        task: Task,
        loss: str,
        models: int,
        epochs: int,
        image: tuple[int, int] | None,
        seed: int,
    ) -> None:
        self.task = task
        self.loss = loss
        self.models = models
        self.epochs = epochs
        self.image = image
        self.seed = seed

    def fit(self, X: Floats, y: NDArray[Any]) -> Self:
        """Search, and keep the best network.

        Raises:
            ValueError: its best network is no chain of plain layers.
        """
        kind = NetworkRegressor if self.task == "regression" else NetworkClassifier
        shape = (*self.image, 1) if self.image else (-1,)
        network = kind(layers="[]", shape=shape, loss=self.loss, seed=self.seed)
        target, outputs = network.encoded(np.asarray(y))
        network.width_, network.outputs_ = X.shape[1], outputs
        rows = np.asarray(X, dtype=np.float32)
        given = rows.reshape(len(rows), *shape) if self.image else rows
        with TemporaryDirectory(prefix="autokeras-") as folder, _alone(self.seed):
            found = self._search(given, target, outputs, folder)
        network.layers, network.weights_ = _chain(found, outputs)
        self.network = network
        return self

    def _search(self, X: NDArray[Any], y: NDArray[Any], outputs: int, folder: str) -> Any:
        first = autokeras.ImageInput() if self.image else autokeras.Input()
        block = autokeras.ConvBlock() if self.image else autokeras.DenseBlock()
        head = (
            autokeras.RegressionHead(loss=self.loss)
            if self.task == "regression"
            else autokeras.ClassificationHead(num_classes=outputs)
        )
        order = np.random.default_rng(self.seed).permutation(len(X))
        held = max(1, round(HELD * len(X)))
        searched = autokeras.AutoModel(
            inputs=first,
            outputs=head(block(first)),
            max_trials=self.models,
            directory=folder,
            seed=self.seed,
        )
        searched.fit(
            X[order[held:]],
            y[order[held:]],
            validation_data=(X[order[:held]], y[order[:held]]),
            epochs=self.epochs,
            batch_size=BATCH,
            verbose=0,
        )
        return searched.export_model()


def build(params: Params, task: Task, loss: str, seed: int) -> Searching:
    """Return an estimator that searches when it is fitted."""
    size = params["height"], params["width"]
    image = size if all(size) else None
    return Searching(task, loss, params["models"], params["epochs"], image, seed)


def served(estimator: Searching) -> Network:
    """Return the network that was found."""
    return estimator.network


def _chain(found: Any, outputs: int) -> tuple[str, list[NDArray[Any]]]:
    """Return a network's layers before its last one, and all weights."""
    layers = [one for one in found.layers if type(one).__name__ not in BESIDE]
    names = [type(one).__name__ for one in layers]
    unknown = set(names) - set(LAYERS)
    if unknown or names[-1] != "Dense":
        message = f"AutoKeras found a network of {', '.join(names)}"
        raise ValueError(message)
    told = [
        {
            "class_name": name,
            "config": {k: v for k, v in one.get_config().items() if k in TOLD and v is not None},
        }
        for name, one in zip(names[:-1], layers, strict=False)
    ]
    *weights, kernel, bias = (np.asarray(one) for one in found.get_weights())
    if kernel.shape[1] < outputs:
        # One logit for two classes: the other class's is 0.
        kernel = np.concatenate([np.zeros_like(kernel), kernel], axis=1)
        bias = np.concatenate([np.zeros_like(bias), bias])
    return json.dumps(told), [*weights, kernel, bias]


@contextmanager
def _alone(seed: int) -> Iterator[None]:
    # AutoKeras draws from the process's generators, and warns of its own ways.
    plain, array = random.getstate(), np.random.get_state()  # noqa: NPY002 - as above
    keras.utils.set_random_seed(seed)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        random.setstate(plain)
        np.random.set_state(array)  # noqa: NPY002 - as above
