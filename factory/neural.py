"""Neural networks as estimators of a pipeline: layers told as plain values, weights as arrays.

What is stored holds no code and no pickle: Keras builds the layers from their description and is
given the weights. It is imported here, so that only a model that is a network needs it.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, Self
from weakref import WeakKeyDictionary

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

from factory.errors import BadConfig
from factory.nouns import Floats
from factory.ood import METHODS, PLAIN
from factory.ood.lessons import Lesson

LAYERS = (
    "BatchNormalization",
    "Conv1D",
    "Conv2D",
    "Dense",
    "Dropout",
    "Embedding",
    "Flatten",
    "GRU",
    "GlobalAveragePooling1D",
    "GlobalAveragePooling2D",
    "GlobalMaxPooling1D",
    "GlobalMaxPooling2D",
    "LSTM",
    "MaxPooling1D",
    "MaxPooling2D",
    "ReLU",
    "SeparableConv1D",
    "SeparableConv2D",
)
"""Layers that a description may hold: nothing that runs code of the file's own."""
RECURRENT = ("GRU", "LSTM")
WEIGHTED = ("Conv1D", "Conv2D", "Dense", *RECURRENT)
SEPARABLE = ("SeparableConv1D", "SeparableConv2D")
OPTIMISERS = ("Adadelta", "Adagrad", "Adam", "AdamW", "RMSprop", "SGD")
CHUNK = 4_096
"""Rows that are predicted at a time."""
MOST_STEPS = 2_000
"""Steps after which an epoch ends: with single rows, a pass over all of them takes too long."""

_built: "WeakKeyDictionary[Network, Any]" = WeakKeyDictionary()
"""Networks as Keras has them, made once per estimator and process."""

try:
    # As everywhere in a fit: sums are then the same on any machine.
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
except RuntimeError:
    # TensorFlow was in use before; it keeps the threads that it has.
    pass


class Network(BaseEstimator, ABC):  # type: ignore[misc]
    """A Keras network that learns from an array and knows its own weights.

    Args:
        layers: JSON list of Keras layers, each ``{"class_name": ..., "config": ...}``, from after
            the input to before the output.
        shape: of one row as the first layer sees it, such as (8, 8, 1), -1
            for as many as there are; () for a plain vector.
        optimiser: JSON of a Keras optimiser, as of a layer.
        loss: Keras's name of it.
        epochs: passes over the rows.
        batch_size: rows per step.
        seed: of weights, order and dropout.
        method: how a classifier is taught with strange rows in mind, see ``factory.ood.lessons``;
            ``plain`` without.
        alpha: what the method's own loss is multiplied with; None for its usual.
    """

    def __init__(
        self,
        layers: str,
        shape: tuple[int, ...] = (),
        optimiser: str = '{"class_name": "Adam", "config": {}}',
        loss: str = "mse",
        epochs: int = 20,
        batch_size: int = 32,
        seed: int = 0,
        method: str = PLAIN,
        alpha: float | None = None,
    ) -> None:
        self.layers = layers
        self.shape = shape
        self.optimiser = optimiser
        self.loss = loss
        self.epochs = epochs
        self.batch_size = batch_size
        self.seed = seed
        self.method = method
        self.alpha = alpha

    def fit(self, X: Floats, y: NDArray[Any], sample_weight: Floats | None = None) -> Self:
        """Learn for all epochs."""
        for _ in self.grow(X, y, sample_weight):
            pass
        return self

    def grow(
        self, X: Floats, y: NDArray[Any], sample_weight: Floats | None = None
    ) -> Iterator[int]:
        """Learn, and yield the number of each epoch as it ends.

        Raises:
            BadConfig: the rows do not have the shape.
        """
        X = np.asarray(X, dtype=np.float32)
        target, outputs = self.encoded(np.asarray(y))
        self.width_ = X.shape[1]
        self.outputs_ = outputs
        network = _build(self)
        told = json.loads(self.optimiser)
        kind = getattr(keras.optimizers, _known(told["class_name"], OPTIMISERS))
        network.compile(optimizer=kind(**told["config"]), loss=self.loss)
        rng = np.random.default_rng(self.seed)
        size = min(self.batch_size, len(X))
        steps = min(len(X) // size, MOST_STEPS)
        lesson = None if self.method == PLAIN else _lesson(self, network, X, target)
        for epoch in range(1, self.epochs + 1):
            if lesson is not None:
                lesson.begin(epoch)
            order = rng.permutation(len(X))
            # Batches are whole, since Keras compiles anew for one of another size.
            for batch in order[: steps * size].reshape(steps, size):
                weights = None if sample_weight is None else sample_weight[batch]
                if lesson is not None:
                    lesson.step(batch, weights, epoch)
                    continue
                network.train_on_batch(X[batch], target[batch], sample_weight=weights)
            self.weights_ = [np.asarray(one) for one in network.get_weights()]
            _built[self] = network
            yield epoch

    def raw(self, X: Floats) -> Floats:
        """Return what the last layer says, shape (n, outputs)."""
        if self not in _built:
            network = _build(self)
            network.set_weights(self.weights_)
            _built[self] = network
        X = np.asarray(X, dtype=np.float32)
        parts = [
            np.asarray(_built[self](X[start : start + CHUNK], training=False))
            for start in range(0, len(X), CHUNK)
        ]
        return np.concatenate(parts).astype(np.float64) if parts else np.zeros((0, self.outputs_))

    def layers_of(self, X: Floats) -> tuple[Floats, Floats]:
        """Return penultimate features, shape (n, d), and logits, shape (n, outputs)."""
        if self not in _built:
            self.raw(X[:0])
        network = _built[self]
        inner = keras.Model(network.inputs[0], network.layers[-1].input)
        kernel, bias = (np.asarray(one, dtype=np.float64) for one in self.weights_[-2:])
        X = np.asarray(X, dtype=np.float32)
        parts = [
            np.asarray(inner(X[start : start + CHUNK], training=False), dtype=np.float64)
            for start in range(0, len(X), CHUNK)
        ]
        features = np.concatenate(parts) if parts else np.zeros((0, len(kernel)))
        return features, features @ kernel + bias

    def slope(self, X: Floats, y: NDArray[Any]) -> Floats:
        """Return how each row's own loss grows with each of its features, shape of ``X``.

        Args:
            X: encoded rows.
            y: their targets, of classes or values that were learnt.
        """
        self.raw(X[:1])
        rows = tf.constant(np.asarray(X, dtype=np.float32))
        with tf.GradientTape() as tape:
            tape.watch(rows)
            loss = tf.reduce_sum(self.loss_of(y, _built[self](rows, training=False)))
        return np.asarray(tape.gradient(loss, rows), dtype=np.float64)

    @abstractmethod
    def loss_of(self, y: NDArray[Any], said: Any) -> Any:
        """Return each row's loss, as TensorFlow has it."""

    @abstractmethod
    def encoded(self, y: NDArray[Any]) -> tuple[NDArray[Any], int]:
        """Return the target as the loss wants it, and how many outputs there are."""

    @property
    @abstractmethod
    def activation(self) -> str:
        """Of the last layer."""


class NetworkClassifier(ClassifierMixin, Network):  # type: ignore[misc]
    """Says probabilities."""

    @property
    def activation(self) -> str:
        """Of the last layer."""
        return "softmax"

    def predict_proba(self, X: Floats) -> Floats:
        """Return probabilities, shape (n, classes)."""
        said = self.raw(X)
        return np.asarray(said / said.sum(axis=1, keepdims=True))

    def predict(self, X: Floats) -> NDArray[Any]:
        """Return the most probable class of each row."""
        return np.asarray(self.classes_[self.predict_proba(X).argmax(axis=1)])

    def loss_of(self, y: NDArray[Any], said: Any) -> Any:
        """Return the logarithmic loss of each row."""
        return keras.losses.sparse_categorical_crossentropy(np.searchsorted(self.classes_, y), said)

    def encoded(self, y: NDArray[Any]) -> tuple[NDArray[Any], int]:
        """Return the classes' places, and how many there are."""
        self.classes_, codes = np.unique(y, return_inverse=True)
        return codes.astype(np.int32), len(self.classes_)


class NetworkRegressor(RegressorMixin, Network):  # type: ignore[misc]
    """Says values; it learns the target with mean 0 and deviation 1."""

    @property
    def activation(self) -> str:
        """Of the last layer."""
        return "linear"

    def predict(self, X: Floats) -> Floats:
        """Return values, shape (n,)."""
        return np.asarray(self.raw(X)[:, 0] * self.scale_ + self.mean_)

    def loss_of(self, y: NDArray[Any], said: Any) -> Any:
        """Return the squared error of each row."""
        target = ((np.asarray(y, dtype=np.float64) - self.mean_) / self.scale_).astype(np.float32)
        return tf.square(said[:, 0] - target)

    def encoded(self, y: NDArray[Any]) -> tuple[NDArray[Any], int]:
        """Return the target with mean 0 and deviation 1, shape (n, 1), and 1."""
        self.mean_ = float(np.mean(y))
        self.scale_ = float(np.std(y)) or 1.0
        return ((y - self.mean_) / self.scale_).astype(np.float32)[:, None], 1


def _lesson(network: Network, built: Any, X: NDArray[Any], codes: NDArray[Any]) -> Lesson:
    alpha = METHODS.get(network.method, 0.0) if network.alpha is None else network.alpha
    return Lesson(built, network.method, alpha, X, codes, network.epochs, network.seed)


def _known(name: str, names: tuple[str, ...]) -> str:
    if name not in names:
        raise BadConfig(f"{name!r} is no part of a network here.", hint=", ".join(names))
    return name


def _build(network: Network) -> Any:
    """Build the layers of an estimator that knows the width of its rows and its outputs."""
    # -1 is as many as there are.
    shape = tuple(network.width_ if n == -1 else n for n in network.shape or (-1,))
    if int(np.prod(shape)) != network.width_:
        raise BadConfig(
            f"Rows of {network.width_} encoded features cannot be taken as {shape}.",
            hint="height and width of search.spaces must multiply to the number of features",
        )
    described = json.loads(network.layers)
    output = {"units": network.outputs_, "activation": network.activation}
    described.append({"class_name": "Dense", "config": output})
    built = keras.Sequential([keras.Input((network.width_,)), keras.layers.Reshape(shape)])
    for place, layer in enumerate(described):
        config = dict(layer["config"])
        kind = getattr(keras.layers, _known(layer["class_name"], LAYERS))
        # Seeded, or a weight would depend on what the process drew before.
        seed = network.seed + place
        if "Dropout" in kind.__name__:
            config["seed"] = seed
        if kind.__name__ in WEIGHTED:
            config["kernel_initializer"] = keras.initializers.GlorotUniform(seed)
        if kind.__name__ in SEPARABLE:
            config["depthwise_initializer"] = keras.initializers.GlorotUniform(seed)
            config["pointwise_initializer"] = keras.initializers.GlorotUniform(seed)
        if kind.__name__ == "Embedding":
            config["embeddings_initializer"] = keras.initializers.RandomUniform(seed=seed)
        if kind.__name__ in RECURRENT:
            config["recurrent_initializer"] = keras.initializers.Orthogonal(1.0, seed)
        made = kind(**config)
        built.add(made)
    return built
