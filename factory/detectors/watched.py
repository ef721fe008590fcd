"""What the alarm budget is learnt from: the columns that a check tests, on the reference's rows."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtri

from factory.detectors.words import WordCounts
from factory.embedded import placed
from factory.nouns import Column as Feature
from factory.nouns import Outputs, Schema
from factory.nulls import Column

CHUNKS = 8
"""Parts of the reference that the joint test compares with the rest."""
CHANCE = 3.0
"""Standard errors beyond which chunks that differ are not chance."""


def watched(frame: pd.DataFrame, schema: Schema, outputs: Outputs | None = None) -> list[Column]:
    """Return the columns of every test that a check of such rows may make.

    Args:
        frame: canonical rows.
        schema: features and target.
        outputs: the champion's on the rows, with which predictions and labels are tested too.

    >>> from factory.nouns import Column as Feature
    >>> schema = Schema((Feature("a", "number"),), "y", "regression")
    >>> [c.test for c in watched(pd.DataFrame({"a": [1.0, 2.0]}), schema)]
    ['number:a', 'missing:a']
    """
    columns = []
    for feature in schema.features:
        values: NDArray[Any] = frame[feature.name].to_numpy()
        if feature.embedded:
            columns += _placed(feature, frame[feature.name])
        elif feature.kind != "date":
            columns.append(Column.of(f"{feature.kind}:{feature.name}", values))
        columns.append(Column.of(f"missing:{feature.name}", np.asarray(pd.isna(values))))
    if outputs is not None:
        columns.append(Column.of("prediction:*", said(schema, outputs)))
        columns.append(Column.of(f"label:{schema.target}", frame[schema.target].to_numpy()))
    return columns


def _placed(feature: Feature, values: "pd.Series[Any]") -> list[Column]:
    """Return what tests of a text or an image look at; all dimensions are one test's."""
    test = f"{feature.kind}:{feature.name}"
    columns = [Column.of(test, points) for points in placed(feature, values, values).T]
    if feature.kind == "text":
        words = WordCounts.of(values)
        columns.append(Column.of(f"length:{feature.name}", words.lengths))
        columns.append(Column.of(f"new_words:{feature.name}", words.alone))
    return columns


def said(schema: Schema, outputs: Outputs) -> NDArray[Any]:
    """Return what a champion says: values, or the likeliest class, shape (rows,).

    >>> said(Schema((), "y", "binary", classes=("no", "yes")), np.array([[0.2, 0.8]])).tolist()
    ['yes']
    """
    if not schema.classes:
        return outputs
    names: NDArray[Any] = np.array(schema.classes, dtype=object)
    likeliest: NDArray[Any] = names[outputs.argmax(axis=1)]
    return likeliest


def joint_design_effect(
    detector: Callable[..., Any], frame: pd.DataFrame, schema: Schema, seed: int
) -> float:
    """Return by how much chunks in time order set a joint test off, beyond what chance may.

    Args:
        detector: of ``factory.detectors.joint``.
        frame: canonical rows in time order.
        schema: the features.
        seed: of the detector.

    Returns:
        The mean square of the normal scores of eight chunks against the other rows, 1 where it
        is no larger than chance may have it.
    """
    scores = []
    chunk = np.arange(len(frame)) * CHUNKS // len(frame)
    for number in range(CHUNKS):
        rest, part = frame.loc[chunk != number], frame.loc[chunk == number]
        found = detector(rest, part, schema, seed)
        scores.append(-float(ndtri(np.clip(found.p_value, np.finfo(float).tiny, 1 - 1e-9))))
    # What looks too alike is no sign of a difference.
    effect = float(np.mean(np.maximum(scores, 0.0) ** 2)) * 2
    return effect if effect > 1 + CHANCE * np.sqrt(5 / CHUNKS) else 1.0
