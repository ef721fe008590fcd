"""Which of a schema's features each number that an estimator reads came from."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder

from factory.nouns import Floats
from factory.transformers import Budget


@dataclass(frozen=True)
class Encoded:
    """A pipeline taken apart at the estimator.

    Attributes:
        estimator: the last step.
        features: names of the schema's features, in order.
        origin: for each column that the estimator reads, its feature's place, shape (columns,).
        before: the steps before the estimator.
    """

    estimator: Any
    features: tuple[str, ...]
    origin: NDArray[np.intp]
    before: Pipeline

    @classmethod
    def of(cls, pipeline: Any, features: tuple[str, ...]) -> Self | None:
        """Take a fitted pipeline apart; None where columns cannot be traced to features.

        >>> from sklearn.linear_model import Ridge
        >>> from sklearn.pipeline import make_pipeline
        >>> onehot = ColumnTransformer([("c", OneHotEncoder(), ["c"]), ("a", "passthrough", ["a"])])
        >>> frame = pd.DataFrame({"a": [1.0, 2.0], "c": ["u", "v"]})
        >>> fitted = make_pipeline(onehot, Ridge()).fit(frame, [0.0, 1.0])
        >>> Encoded.of(fitted, ("a", "c")).origin.tolist()
        [1, 1, 0]
        """
        steps = [step for _, step in pipeline.steps[:-1]]
        places = [i for i, step in enumerate(steps) if isinstance(step, ColumnTransformer)]
        if len(places) != 1:
            return None
        names = _origins(steps[places[0]])
        for step in steps[places[0] + 1 :]:
            if not isinstance(step, Budget):
                return None
            names = [names[kept] for kept in step.kept_]
        if not set(names) <= set(features):
            return None
        origin = np.array([features.index(name) for name in names], dtype=np.intp)
        return cls(pipeline.steps[-1][1], features, origin, pipeline[:-1])

    def columns(self, frame: pd.DataFrame) -> Floats:
        """Return what the estimator reads of rows, shape (n, columns)."""
        return np.asarray(self.before.transform(frame[list(self.features)]), dtype=np.float64)

    def together(self, values: Floats) -> Floats:
        """Add up a feature's columns along the last axis, shape (..., features)."""
        total = np.zeros((*values.shape[:-1], len(self.features)))
        for column, feature in enumerate(self.origin):
            total[..., feature] += values[..., column]
        return total


def _origins(transformer: ColumnTransformer) -> list[str]:
    """Name the feature of each column that a transformer returns."""
    width = max((where.stop for where in transformer.output_indices_.values()), default=0)
    names = [""] * width
    for block, fitted, columns in transformer.transformers_:
        where = transformer.output_indices_[block]
        if where.stop <= where.start:
            continue
        read = [c if isinstance(c, str) else str(transformer.feature_names_in_[c]) for c in columns]
        last = fitted.steps[-1][1] if isinstance(fitted, Pipeline) and fitted.steps else fitted
        if isinstance(last, OneHotEncoder):
            sizes = _sizes(last)
        else:
            sizes = [(where.stop - where.start) // len(read)] * len(read)
        names[where] = [name for name, size in zip(read, sizes, strict=True) for _ in range(size)]
    return names


def _sizes(encoder: OneHotEncoder) -> list[int]:
    """Return how many columns each feature has; its rare categories share one."""
    rare: list[Any] = [None] * len(encoder.categories_)
    if hasattr(encoder, "infrequent_categories_"):
        rare = encoder.infrequent_categories_
    return [
        len(known) - (0 if few is None else len(few) - 1)
        for known, few in zip(encoder.categories_, rare, strict=True)
    ]
