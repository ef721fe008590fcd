"""Autoencoders in Keras, plain and variational, for tables and images; weights stay arrays."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple, Self
from weakref import WeakKeyDictionary

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from factory.nouns import Floats
from factory.ood.coder import Wish
from factory.ood.scores import mahalanobis_score, whiten

BATCH = 64
RATE = 2e-3
SPREAD = 0.1
"""Deviation of what a variational decoder says, as a share of a column's range."""
WIDEST, NARROWEST, CODE = 128, 16, 16
"""Units of the first layer at most and at least, and of the code at most."""
CHUNK = 4_096
"""Rows that are rebuilt at a time."""


class Nets(NamedTuple):
    """Encoder and decoder as Keras has them."""

    encoder: Any
    decoder: Any


@dataclass(frozen=True, eq=False)
class Autoencoder:
    """A network that rebuilds rows from a code, and where codes of known rows lie.

    Attributes:
        wish: what it was to be like.
        width: of a row.
        weights: of the encoder and then of the decoder.
        middle: mean code of the known rows, shape (1, k).
        whitening: of their covariance, shape (k, r).
    """

    wish: Wish
    width: int
    weights: tuple[NDArray[Any], ...]
    middle: Floats
    whitening: Floats

    @classmethod
    def fit(cls, X: Floats, wish: Wish) -> Self:
        """Learn to rebuild rows.

        The variational one minimises the negative evidence bound, with what its loss says of a
        row's likelihood; its code is the mean of the posterior.

        Args:
            X: shape (n, d), each column on [0, 1].
            wish: kind, loss, shape of an image, epochs and seed.

        Source:
            Kingma and Welling, Auto-encoding variational Bayes (2014); An and Cho, Variational
            autoencoder based anomaly detection using reconstruction probability (2015).
        """
        nets = _nets(wish, X.shape[1])
        step = _step(nets, wish)
        rng = np.random.default_rng(wish.seed)
        rows, size = X.astype(np.float32), min(BATCH, len(X))
        steps, code = len(X) // size, _code(X.shape[1])
        for _ in range(wish.epochs):
            order = rng.permutation(len(X))[: steps * size]
            for batch in order.reshape(steps, size):
                step(rows[batch], rng.normal(size=(size, code)).astype(np.float32))
        weights = tuple(np.asarray(w) for net in nets for w in net.get_weights())
        codes = _said(nets.encoder, X)[:, :code]
        alike = np.zeros(len(X), dtype=np.intp)
        middle = codes.mean(axis=0, keepdims=True)
        made = cls(wish, X.shape[1], weights, middle, whiten(codes, alike))
        _built[made] = nets
        return made

    def rebuilt(self, X: Floats) -> Floats:
        """Return rows as they are rebuilt, shape (n, d)."""
        return self.decoded(self._coded(X)[:, : self.middle.shape[1]])

    def sampled(self, X: Floats, seed: int) -> Floats:
        """Return codes drawn from the posteriors of a variational one, shape (n, k)."""
        codes, size = self._coded(X), self.middle.shape[1]
        noise = np.random.default_rng(seed).normal(size=(len(X), size))
        return np.asarray(codes[:, :size] + np.exp(np.clip(codes[:, size:], -30, 30) / 2) * noise)

    def decoded(self, codes: Floats) -> Floats:
        """Return the rows that codes of shape (n, k) stand for, shape (n, d)."""
        said = _said(self._nets().decoder, codes)
        if self.wish.loss == "bce":
            said = 1 / (1 + np.exp(-np.clip(said, -500, 500)))
        return said

    def latent(self, X: Floats) -> Floats:
        """Return how far a row's code is from known ones, shape (n,).

        That is the divergence of its posterior from the prior where there is one, else the squared
        Mahalanobis distance.
        """
        codes = self._coded(X)
        size = self.middle.shape[1]
        if self.wish.kind != "vae":
            return mahalanobis_score(codes, self.middle, self.whitening)
        mean, spread = codes[:, :size], np.clip(codes[:, size:], -30, 30)
        return np.asarray(0.5 * (mean**2 + np.exp(spread) - spread - 1).sum(axis=1))

    def to_values(self) -> dict[str, Any]:
        """Return arrays and plain values, to be kept with the version."""
        return {**asdict(self), "wish": self.wish._asdict(), "weights": list(self.weights)}

    @classmethod
    def of_values(cls, values: Mapping[str, Any]) -> Self:
        """Return what ``to_values`` was called on."""
        wish, weights = Wish(**values["wish"]), tuple(values["weights"])
        return cls(**{**values, "wish": wish, "weights": weights})

    def _coded(self, X: Floats) -> Floats:
        return _said(self._nets().encoder, X)

    def _nets(self) -> Nets:
        if self not in _built:
            nets = _nets(self.wish, self.width)
            inner = len(nets.encoder.weights)
            nets.encoder.set_weights(list(self.weights[:inner]))
            nets.decoder.set_weights(list(self.weights[inner:]))
            _built[self] = nets
        return _built[self]


_built: "WeakKeyDictionary[Autoencoder, Nets]" = WeakKeyDictionary()
"""Networks as Keras has them, made once per coder and process."""


def layers_of(wish: Wish, width: int, codes: int) -> tuple[list[Any], list[Any]]:
    """Return the layers of an encoder to ``codes`` numbers, and of a decoder; inputs first."""
    seeds = iter(range(wish.seed, wish.seed + 100))

    def made(kind: str, *size: Any, **settings: Any) -> Any:
        begin = keras.initializers.GlorotUniform(next(seeds))
        return getattr(keras.layers, kind)(*size, kernel_initializer=begin, **settings)

    relu, step = {"activation": "relu"}, {"strides": 2, "padding": "same"}
    code = keras.Input((_code(width),))
    if len(wish.shape) == 3 and wish.shape[0] % 4 == wish.shape[1] % 4 == 0:  # noqa: PLR2004
        height, breadth, channels = wish.shape
        small = (height // 4, breadth // 4, 2 * NARROWEST)
        encoder = [
            keras.layers.Reshape(wish.shape),
            made("Conv2D", NARROWEST, 3, **relu, **step),
            made("Conv2D", 2 * NARROWEST, 3, **relu, **step),
            keras.layers.Flatten(),
        ]
        decoder = [
            made("Dense", int(np.prod(small)), **relu),
            keras.layers.Reshape(small),
            made("Conv2DTranspose", NARROWEST, 3, **relu, **step),
            made("Conv2DTranspose", channels, 3, **step),
            keras.layers.Flatten(),
        ]
    else:
        units = int(np.clip(width, NARROWEST, WIDEST))
        encoder = [made("Dense", units, **relu), made("Dense", units // 2, **relu)]
        decoder = [made("Dense", units // 2, **relu), made("Dense", units, **relu)]
        decoder.append(made("Dense", width))
    return [keras.Input((width,)), *encoder, made("Dense", codes)], [code, *decoder]


def _nets(wish: Wish, width: int) -> Nets:
    codes = _code(width) * (2 if wish.kind == "vae" else 1)
    return Nets(*(keras.Sequential(layers) for layers in layers_of(wish, width, codes)))


def _code(width: int) -> int:
    return int(np.clip(width // 4, 2, CODE))


def _step(nets: Nets, wish: Wish) -> Any:
    variables = [*nets.encoder.trainable_variables, *nets.decoder.trainable_variables]
    optimiser = keras.optimizers.Adam(RATE)
    optimiser.build(variables)
    variational = wish.kind == "vae"

    def step(X: Any, noise: Any) -> Any:
        with tf.GradientTape() as tape:
            codes = nets.encoder(X, training=True)
            extra = 0.0
            if variational:
                mean, spread = tf.split(codes, 2, axis=1)
                codes = mean + tf.exp(spread / 2) * noise
                divergence = 0.5 * (mean**2 + tf.exp(spread) - spread - 1)
                extra = tf.reduce_mean(tf.reduce_sum(divergence, axis=1))
            said = nets.decoder(codes, training=True)
            loss = tf.reduce_mean(tf.reduce_sum(_loss(wish.loss, X, said), axis=1)) + extra
        optimiser.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))

    return tf.function(step)


def _loss(name: str, X: Any, said: Any) -> Any:
    """Return the negative logarithm of each value's likelihood, less what is constant."""
    if name == "bce":
        return tf.nn.sigmoid_cross_entropy_with_logits(X, said)
    return tf.abs(X - said) / SPREAD if name == "mae" else (X - said) ** 2 / (2 * SPREAD**2)


def _said(net: Any, X: Floats) -> Floats:
    with np.errstate(over="ignore"):
        rows = np.asarray(X, dtype=np.float32)
    parts = [np.asarray(net(rows[s : s + CHUNK], training=False)) for s in range(0, len(X), CHUNK)]
    if not parts:
        return np.zeros((0, net.output_shape[-1]))
    return np.asarray(np.concatenate(parts), dtype=np.float64)
