"""How a network is taught with strange rows in mind: what its loss asks for beside the classes.

Each method adds ``alpha`` times a second loss to the cross-entropy of the rows. What is only needed
to learn (a decoder, the scale of the energies) is dropped with the lesson.
"""

from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from factory.errors import BadConfig
from factory.nouns import Floats
from factory.ood.made import made_strange, noisy
from factory.ood.scores import class_means

WARM = 1 / 3
"""Share of the epochs after which classes have places in feature space."""
POOL, TAIL = 4_000, 0.05
"""Draws from a class's Gaussian, and the share of them that is least likely."""
ROWS = 4_000
"""Rows that Gaussians are estimated on, at most."""
RIDGE = 1e-4
"""Added to a covariance's diagonal, relative to its mean."""


class Lesson:
    """Teaches a compiled network batch by batch.

    Args:
        network: classifier of Keras that ends in a softmax layer.
        method: a name of ``factory.ood.METHODS``.
        alpha: what the second loss is multiplied with.
        X: rows, shape (n, d).
        codes: their classes, shape (n,).
        epochs: in all.
        seed: of what is drawn.

    Source:
        Hendrycks, Mazeika and Dietterich, Deep anomaly detection with outlier exposure (2019);
        Du et al., VOS: learning what you don't know by virtual outlier synthesis (2022);
        Pereyra et al., Regularizing neural networks by penalizing confident output distributions
        (2017), around the rows as Hein, Andriushchenko and Bitterwolf, Why ReLU networks yield
        high-confidence predictions far away from the training data (2019), do it.

    Raises:
        BadConfig: there is no such method.
    """

    def __init__(
        self,
        network: Any,
        method: str,
        alpha: float,
        X: NDArray[np.float32],
        codes: NDArray[np.int32],
        epochs: int,
        seed: int,
    ) -> None:
        seconds: Mapping[str, Callable[..., Any]] = {
            "exposure": self._unsure,
            "penalty": self._unsure,
            "virtual": self._apart,
            "joint": self._rebuilt,
        }
        if method not in seconds:
            raise BadConfig(f"No method is called {method!r}.", hint=", ".join(seconds))
        self.network, self.method, self.alpha = network, method, alpha
        self.inner = keras.Model(network.inputs[0], network.layers[-1].input)
        self.X, self.codes = X, codes
        width = self.inner.output_shape[-1]
        self.warm = int(np.ceil(WARM * epochs)) if method == "virtual" else 0
        self.rng = np.random.default_rng(seed)
        self.besides = X
        self.decoder = keras.layers.Dense(
            X.shape[1], kernel_initializer=keras.initializers.GlorotUniform(seed)
        )
        self.decoder.build((None, width))
        self.line = tf.Variable([1.0, 0.0])
        own = {"joint": self.decoder.trainable_variables, "virtual": [self.line]}
        self.variables = [*network.trainable_variables, *own.get(method, [])]
        network.optimizer.build(self.variables)
        self.taught: Callable[..., Any] = tf.function(self._taught, reduce_retracing=True)
        self._second = seconds[method]

    def begin(self, epoch: int) -> None:
        """Draw what an epoch, counted from 1, needs: strange rows, or places far from all."""
        match self.method:
            case "exposure":
                self.besides = _small(made_strange(self.X.astype(np.float64), self.rng))
            case "penalty":
                self.besides = _small(noisy(self.X.astype(np.float64), self.rng))
            case "virtual" if epoch > self.warm:
                self.besides = self._virtual()
            case "virtual":
                self.besides = np.zeros((len(self.X), self.inner.output_shape[-1]), np.float32)

    def step(self, batch: NDArray[np.intp], weights: Floats | None, epoch: int) -> None:
        """Learn from some rows, by position; ``weights`` say how much each counts."""
        counts = np.ones(len(batch)) if weights is None else weights
        codes = self.codes[batch]
        alpha = np.float32(self.alpha if epoch > self.warm else 0.0)
        given = (self.X[batch], codes, counts.astype(np.float32), self.besides[batch])
        self.taught(*given, alpha)

    def _taught(self, X: Any, codes: Any, counts: Any, besides: Any, alpha: Any) -> None:
        with tf.GradientTape() as tape:
            features = self.inner(X, training=True)
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(codes, self._logits(features))
            loss = tf.reduce_mean(losses * counts)
            loss += alpha * self._second(X, features, besides)
        found = tape.gradient(loss, self.variables)
        pairs = [(g, v) for g, v in zip(found, self.variables, strict=True) if g is not None]
        self.network.optimizer.apply_gradients(pairs)

    def _logits(self, features: Any) -> Any:
        last = self.network.layers[-1]
        return tf.matmul(features, last.kernel) + last.bias

    def _unsure(self, X: Any, features: Any, besides: Any) -> Any:
        """Return the cross-entropy of strange rows to equal shares of all classes."""
        del X, features
        logits = self._logits(self.inner(besides, training=True))
        return tf.reduce_mean(tf.reduce_logsumexp(logits, axis=1) - tf.reduce_mean(logits, axis=1))

    def _apart(self, X: Any, features: Any, besides: Any) -> Any:
        """Return how badly the energies of rows and of virtual outliers are told apart."""
        del X
        both = tf.concat([features, besides], axis=0)
        energies = tf.reduce_logsumexp(self._logits(both), axis=1)
        known = tf.concat([tf.ones(tf.shape(features)[0]), tf.zeros(tf.shape(besides)[0])], axis=0)
        told = self.line[0] * energies + self.line[1]
        return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(known, told))

    def _rebuilt(self, X: Any, features: Any, besides: Any) -> Any:
        """Return the mean squared error of rows as rebuilt from the features."""
        del besides
        return tf.reduce_mean((self.decoder(features) - X) ** 2)

    def _some(self) -> tuple[Floats, NDArray[np.intp]]:
        """Return features and classes of some of the rows."""
        some = self.rng.permutation(len(self.X))[:ROWS]
        features = np.asarray(self.inner(self.X[some], training=False), dtype=np.float64)
        return features, self.codes[some].astype(np.intp)

    def _virtual(self) -> NDArray[np.float32]:
        """Return places in feature space that are unlikely for every class, one for each row."""
        features, codes = self._some()
        known, places = np.unique(codes, return_inverse=True)
        means = class_means(features, codes)
        covariance = np.cov(features - means[places], rowvar=False, bias=True)
        covariance = np.atleast_2d(covariance)
        covariance += (
            RIDGE * (np.trace(covariance) / len(covariance) + RIDGE) * np.eye(len(covariance))
        )
        drawn = self.rng.normal(size=(POOL, len(covariance)))
        lengths = (drawn**2).sum(axis=1)
        far = drawn[np.argsort(-lengths)[: int(TAIL * POOL)]] @ np.linalg.cholesky(covariance).T
        of, which = (self.rng.integers(m, size=len(self.X)) for m in (len(known), len(far)))
        return np.asarray(means[of] + far[which], dtype=np.float32)


def _small(rows: Floats) -> NDArray[np.float32]:
    return rows.astype(np.float32)
