"""Areas under the ROC curve of many resamples of the same rows at once."""

import numpy as np

from factory.nouns import Bools, Floats, Outputs
from factory.scorers import Truth

RANKED = frozenset({"roc_auc", "roc_auc_ovr", "roc_auc_ovr_weighted"})
BINARY = 2


def rankable(name: str, outputs: Outputs) -> bool:
    """Say whether ``ranked`` knows a metric of these outputs.

    >>> rankable("roc_auc", np.array([[0.1, 0.9]])), rankable("roc_auc_ovo", np.eye(3))
    (True, False)
    """
    if name not in RANKED:
        return False
    # scikit-learn refuses several classes' probabilities that do not add up to 1.
    return outputs.shape[1] == BINARY or bool(np.allclose(outputs.sum(axis=1), 1))


def ranked(name: str, truth: Truth, outputs: Outputs, weights: Floats) -> Floats:
    """Return the metric under each row of weights, shape (resamples,); NaN where it is undefined.

    Args:
        name: one of ``RANKED``.
        truth: codes, shape (n,).
        outputs: probabilities, shape (n, k).
        weights: how often each row was drawn, shape (resamples, n).

    Source:
        Hanley and McNeil, The meaning and use of the area under a ROC curve (1982); equals
        ``sklearn.metrics.roc_auc_score`` with ``sample_weight``.

    >>> outputs = np.array([[0.8, 0.2], [0.6, 0.4], [0.3, 0.7]])
    >>> truth = np.array([0, 1, 1])
    >>> ranked("roc_auc", truth, outputs, np.array([[1.0, 1.0, 1.0], [1.0, 0.0, 0.0]])).tolist()
    [1.0, nan]
    """
    judged = [outputs.shape[1] - 1] if name == "roc_auc" else list(range(outputs.shape[1]))
    found = [_areas(truth == label, outputs[:, label], weights) for label in judged]
    areas = np.stack([area for area, _ in found])
    if not name.endswith("weighted"):
        return np.asarray(areas.mean(axis=0))
    shares = np.stack([positive for _, positive in found])
    return np.asarray((areas * shares).sum(axis=0) / shares.sum(axis=0))


def _areas(hits: Bools, scores: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Return the area under the curve, and the weight of the positive rows, shape (resamples,)."""
    order = np.argsort(scores, kind="stable")
    starts = np.r_[0, 1 + np.flatnonzero(np.diff(scores[order]))]
    drawn = weights[:, order]
    total = np.add.reduceat(drawn, starts, axis=1)
    positive = np.add.reduceat(drawn * hits[order], starts, axis=1)
    negative = total - positive
    wins = (positive * (np.cumsum(negative, axis=1) - negative / 2)).sum(axis=1)
    pairs = positive.sum(axis=1) * negative.sum(axis=1)
    area = np.divide(wins, pairs, out=np.full(len(weights), np.nan), where=pairs > 0)
    return area, positive.sum(axis=1)
