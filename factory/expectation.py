"""Metrics of classes that are known only by chance: what scikit-learn's would be on average."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from factory.nouns import Floats, Outputs
from factory.scorers import BINARY, ROW_LOSSES, from_means

Measure = Callable[[Floats], float]
"""From the chance of each class in each row, shape (n, k), to a metric; NaN where undefined."""
COUNTS = ("f1", "jaccard", "precision", "recall")
AVERAGES = ("", "macro", "micro", "weighted")
COUNTED = frozenset(
    {"balanced_accuracy", "matthews_corrcoef"}
    | {"_".join(filter(None, (count, average))) for count in COUNTS for average in AVERAGES}
)
RANKED = frozenset({"average_precision", "roc_auc", "roc_auc_ovr", "roc_auc_ovr_weighted"})


def measure(name: str, outputs: Outputs) -> Measure | None:
    """Return how a metric follows from the chances of the classes, None if it cannot be told.

    A mean over rows is exact; a metric of the confusion matrix is taken of the expected matrix,
    and an area under the ROC or the precision-recall curve of the expected curve. Where all
    chances are 0 or 1, each is the metric itself, but that a row is also compared with itself in
    the area.

    Args:
        name: a name of ``factory.scorers.known``.
        outputs: a champion's probabilities, shape (n, k).

    Source:
        Bialek, Kuberski, Perrakis and Bifet, Estimating model performance under covariate shift
        without labels (2024).

    >>> outputs = np.array([[0.2, 0.8], [0.6, 0.4]])
    >>> measure("accuracy", outputs)(np.array([[0.5, 0.5], [0.75, 0.25]]))
    0.625
    >>> measure("roc_auc_ovo", outputs)
    """
    if name in ROW_LOSSES:
        return _mean(name, outputs)
    if name in COUNTED:
        return _counted(name, outputs)
    return _ranked(name, outputs) if name in RANKED else None


def from_confusion(name: str, counts: Floats) -> float:
    """Return a metric of a confusion matrix, whose entries may be fractions.

    Args:
        name: ``accuracy``, or one of ``COUNTED``; the last class is the positive one of binary
            metrics.
        counts: true classes by predicted ones, shape (k, k).

    >>> from_confusion("recall", np.array([[3.0, 1.0], [0.5, 1.5]]))
    0.75
    """
    hits, truth, said = np.diag(counts), counts.sum(axis=1), counts.sum(axis=0)
    if name == "accuracy":
        return float(hits.sum() / counts.sum())
    if name == "matthews_corrcoef":
        return _matthews(hits, truth, said)
    if name == "balanced_accuracy":
        there = truth > 0
        return float(np.mean(hits[there] / truth[there])) if there.any() else float("nan")
    count, _, average = name.partition("_")
    if average == "micro":
        hits, truth, said = (part.sum(keepdims=True) for part in (hits, truth, said))
    wholes = {"f1": (truth + said) / 2, "jaccard": truth + said - hits}
    whole = {**wholes, "precision": said, "recall": truth}[count]
    there = truth + said > 0
    if count == "recall" and np.any(truth[there] == 0):
        return float("nan")
    shares = np.divide(hits, whole, out=np.zeros_like(hits), where=whole > 0)
    if average == "macro":
        return float(shares[there].mean())
    return float(np.average(shares, weights=truth)) if average == "weighted" else float(shares[-1])


def _matthews(hits: Floats, truth: Floats, said: Floats) -> float:
    total = truth.sum()
    scale = (total**2 - (said**2).sum()) * (total**2 - (truth**2).sum())
    agreement = hits.sum() * total - (truth * said).sum()
    return float(agreement / np.sqrt(scale)) if scale > 0 else 0.0


def _mean(name: str, outputs: Outputs) -> Measure:
    n, k = outputs.shape
    losses = [ROW_LOSSES[name](np.full(n, label), outputs) for label in range(k)]

    def mean(chances: Floats) -> float:
        total = sum(chances[:, label] @ losses[label] for label in range(k))
        return float(from_means(name, np.array([total / n]))[0])

    return mean


def _counted(name: str, outputs: Outputs) -> Measure:
    k = outputs.shape[1]
    said = outputs.argmax(axis=1)

    def counted(chances: Floats) -> float:
        counts = [np.bincount(said, chances[:, label], minlength=k) for label in range(k)]
        return from_confusion(name, np.array(counts))

    return counted


def _ranked(name: str, outputs: Outputs) -> Measure | None:
    k = outputs.shape[1]
    if name == "average_precision" and k > BINARY:
        return None
    area = _precision if name == "average_precision" else _area
    judged = list(range(k)) if name.startswith("roc_auc_") else [k - 1]
    orders = [np.argsort(outputs[:, label], kind="stable") for label in judged]
    starts = [
        np.r_[0, 1 + np.flatnonzero(np.diff(outputs[order, label]))]
        for label, order in zip(judged, orders, strict=True)
    ]

    def ranked(chances: Floats) -> float:
        areas = [
            area(chances[order, label], start)
            for label, order, start in zip(judged, orders, starts, strict=True)
        ]
        weights = chances[:, judged].sum(axis=0) if name.endswith("weighted") else None
        return float(np.average(areas, weights=weights))

    return ranked


def _area(chances: Floats, starts: NDArray[np.intp]) -> float:
    """Return the area under the expected ROC curve; ``starts`` of groups of equal scores."""
    rows = np.diff(np.append(starts, len(chances)))
    positive = np.add.reduceat(chances, starts)
    negative = rows - positive
    pairs = positive.sum() * negative.sum()
    wins = positive @ (np.cumsum(negative) - negative / 2)
    return float(wins / pairs) if pairs > 0 else float("nan")


def _precision(chances: Floats, starts: NDArray[np.intp]) -> float:
    """Return the area under the expected precision-recall curve, by steps."""
    rows = np.diff(np.append(starts, len(chances)))[::-1]
    positive = np.add.reduceat(chances, starts)[::-1]
    total = positive.sum()
    precision = np.cumsum(positive) / np.cumsum(rows)
    return float(positive @ precision / total) if total > 0 else float("nan")
