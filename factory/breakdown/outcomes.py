"""Outcomes: how the labelled rows were sorted, counted as a metrics server counts them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from factory.breakdown.parts import ClassCounts, Outcomes
from factory.metrics import encode
from factory.nouns import Floats, Outputs, Schema

MOST_CLASSES = 50
"""Classes that are reported, the commonest first."""


def outcomes(schema: Schema, truth: NDArray[Any], outputs: Outputs) -> Outcomes | None:
    """Count what became of labelled rows; None where there are none.

    Args:
        schema: the task and the classes.
        truth: true values, shape (n,).
        outputs: the model's, shape (n,) or (n, k); the most probable class is predicted.

    Returns:
        Of a classification the accuracy and how far the predicted classes' shares are from the
        true ones' (``kl_divergence``); of a regression the mean error (predicted less true), the
        mean absolute and the root mean squared one.

    >>> schema = Schema((), "y", "binary", classes=("no", "yes"))
    >>> said = np.array([[0.2, 0.8], [0.4, 0.6], [0.7, 0.3]])
    >>> found = outcomes(schema, np.array(["yes", "no", "no"]), said)
    >>> (found.binary.tp, found.binary.fp, found.binary.fn, found.binary.tn)
    (1, 1, 0, 1)
    >>> found.binary.precision, found.binary.recall, found.binary.specificity
    (0.5, 1.0, 0.5)
    """
    if len(truth) == 0:
        return None
    if not schema.classes:
        return Outcomes(len(truth), _errors(np.asarray(truth, dtype=np.float64), outputs))
    k = len(schema.classes)
    cells = encode(schema.classes, truth, outputs) * k + outputs.argmax(axis=1)
    table = np.bincount(cells, minlength=k * k).reshape(k, k).astype(np.float64)
    metrics = {
        "accuracy": float(np.trace(table) / table.sum()),
        "kl_divergence": kl_divergence(table.sum(axis=1), table.sum(axis=0)),
    }
    each = [_against_rest(table, position) for position in range(k)]
    if schema.task == "binary":
        return Outcomes(len(truth), metrics, binary=each[-1])
    commonest = np.argsort(-table.sum(axis=1), kind="stable")[:MOST_CLASSES]
    classes = {schema.classes[position]: each[position] for position in commonest}
    return Outcomes(len(truth), metrics, classes=classes, left_out=k - len(classes))


def kl_divergence(truth: Floats, said: Floats) -> float:
    """Return how far predicted classes' shares are from the true ones', in nats, at least 0.

    Args:
        truth: rows of each true class, shape (k,).
        said: rows of each predicted class, shape (k,); half a row is added to every count on
            both sides, so that a class that is never predicted leaves it finite.

    Source:
        Kullback and Leibler, On information and sufficiency (1951).

    >>> round(kl_divergence(np.array([50.0, 50.0]), np.array([50.0, 50.0])), 3)
    0.0
    >>> round(kl_divergence(np.array([50.0, 50.0]), np.array([100.0, 0.0])), 3)
    1.963
    """
    p, q = (side + 0.5 for side in (truth, said))
    p, q = p / p.sum(), q / q.sum()
    return max(0.0, float((p * np.log(p / q)).sum()))


def _against_rest(table: Floats, position: int) -> ClassCounts:
    hits = table[position, position]
    truth, said = table[position].sum(), table[:, position].sum()
    rest = table.sum() - truth - said + hits
    return ClassCounts(int(hits), int(said - hits), int(truth - hits), int(rest))


def _errors(truth: Floats, outputs: Outputs) -> dict[str, float]:
    with np.errstate(over="ignore", invalid="ignore"):
        errors = outputs - truth
        return {
            "mean_error": float(errors.mean()),
            "mean_absolute_error": float(np.abs(errors).mean()),
            "root_mean_squared_error": float(np.sqrt(np.mean(errors**2))),
        }
