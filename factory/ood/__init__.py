"""Out of distribution: how strange a row is to the model that answers it.

A score reads what the model itself makes of a row, its logits and its penultimate features, or for
models without such layers the features as they enter it. It is fitted at training and compared with
held-out rows, so that a stated share of rows like those counts as known. Larger is always stranger.

``SCORES`` says what each score reads; ``ood.score`` of a config names one, or ``auto``. ``METHODS``
are the ways in which a network is taught with strange rows in mind, ``method`` in a network's
search space, with what their second loss is multiplied unless ``alpha`` says otherwise.
"""

from collections.abc import Mapping
from typing import Literal

Reads = Literal["logits", "probabilities", "features"]
SCORES: Mapping[str, Reads] = {
    "softmax": "probabilities",
    "energy": "logits",
    "centroid": "features",
    "mahalanobis": "features",
    "knn": "features",
}
CODERS: Mapping[str, str] = {
    "autoencoder": "factory.ood.autoencoder:Autoencoder",
    "vae": "factory.ood.autoencoder:Autoencoder",
}
"""Models that rebuild rows as they enter the final estimator, see ``factory.ood.coder``."""
LOSSES = ("mse", "mae", "bce")
VIEWS = ("reconstruction", "latent")
PLAIN = "plain"
"""Teaches nothing of strange rows."""
METHODS: Mapping[str, float] = {
    PLAIN: 0.0,
    "exposure": 0.5,
    "penalty": 0.1,
    "virtual": 0.1,
    "joint": 1.0,
}
