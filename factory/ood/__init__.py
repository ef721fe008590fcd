"""Out of distribution: how strange a row is to the model that answers it.

A score reads what the model itself makes of a row, its logits and its penultimate features, or for
models without such layers the features as they enter it. It is fitted at training and compared with
held-out rows, so that a stated share of rows like those counts as known. Larger is always stranger.

``SCORES`` says what each score reads; ``ood.score`` of a config names one, or ``auto``.
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
