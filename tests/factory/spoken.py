"""Models that say what a column of the rows says, so that any pair of them can be made up."""

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator

from factory.bundle import Bundle, row_hashes
from factory.nouns import Column, Schema


class Says(BaseEstimator):
    def __init__(self, column, classes=None):
        self.column = column
        self.classes = classes

    def predict(self, X):
        return X[self.column].to_numpy()

    @property
    def classes_(self):
        return np.array(self.classes, dtype=object)

    def predict_proba(self, X):
        likely = X[self.column].to_numpy()
        return np.stack([1 - likely, likely], axis=1)


def schema_of(frame, task="regression", classes=()):
    kinds = {"O": "category", "M": "date"}
    read = [n for n in frame.columns if n not in {"y", "id", "at"}]
    features = tuple(Column(n, kinds.get(frame[n].dtype.kind, "number")) for n in read)
    at = "at" if "at" in frame else None
    return Schema(features, "y", task, timestamp=at, id="id", classes=classes)


def spoken(column, reference, *, metric="mean_absolute_error", classes=(), seen=None, parts=("s",)):
    """A bundle whose outputs are a column of whatever rows it is given."""
    task = "binary" if classes else "regression"
    schema = schema_of(reference, task, classes)
    model = Says(column, classes or None)
    return Bundle(
        schema=schema, pipeline=model, family="", params={}, metric=metric, reference=reference,
        reference_outputs=np.zeros(len(reference)), reference_score=1.0,
        importance=dict.fromkeys(parts, 0.5), neutral={},
        seen=np.array([], dtype=np.uint64) if seen is None else np.sort(row_hashes(seen, schema)),
    )  # fmt: skip


def numbers(rng, rows, *, before, after, share=0.25, first=0):
    """Rows of segments a to d, with champion and challenger that err so much in each.

    ``before`` and ``after`` are one size of error, or one a segment; ``share`` is that of d.
    """
    left = (1 - share) / 3
    s = rng.choice(4, size=rows, p=[left, left, left, share])
    y = rng.normal(scale=5, size=rows)
    sizes = [np.broadcast_to(np.asarray(size, dtype=float), 4)[s] for size in (before, after)]
    return pd.DataFrame(
        {
            "s": np.array(list("abcd"), dtype=object)[s],
            "champion": y + sizes[0] * rng.normal(size=rows),
            "challenger": y + sizes[1] * rng.normal(size=rows),
            "y": y,
            "id": np.arange(first, first + rows).astype(str).astype(object),
        }
    )
