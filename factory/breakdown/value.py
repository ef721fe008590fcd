"""Business value: what the champion's predictions are worth, next to its technical metric."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from factory.bootstrap import block_length, ends, resample
from factory.breakdown.parts import Value
from factory.breakdown.rows import Rows
from factory.breakdown.worth import ValueConfig, value_slopes, value_table
from factory.confidence import ConfidenceModel
from factory.config import CheckConfig
from factory.losses import LossModel
from factory.metrics import encode
from factory.nouns import Estimate, Floats, Outputs, Schema

FEWEST = 10
"""Labelled rows below which nothing is said."""


def value(rows: Rows, config: CheckConfig, *, seed: int) -> Value | None:
    """Return what a window's predictions are worth; None where the config names no value.

    It is realised on labelled rows, and expected on all rows where that can be told without
    labels: from calibrated chances of the classes, or from the expected absolute error if an
    error is worth as much above the truth as below it.

    Args:
        rows: the window.
        config: the value, and confidence and number of resamples.
        seed: of the bootstrap.

    Raises:
        BadConfig: the value does not fit the model's task or classes.

    >>> from factory.bundle import Bundle
    >>> bundle = Bundle(
    ...     schema=Schema((), "y", "regression"), pipeline=None, family="", params={},
    ...     metric="mean_absolute_error", reference=pd.DataFrame({"y": np.zeros(9)}),
    ...     reference_outputs=np.ones(9), reference_score=1.0, importance={}, neutral={},
    ...     seen=np.array([], dtype=np.uint64),
    ... )
    >>> frame, some = pd.DataFrame({"y": np.zeros(10)}), np.ones(10, dtype=bool)
    >>> window = Rows(bundle, frame, frame["y"].to_numpy(), np.full(10, 2.0), some)
    >>> config = CheckConfig(value=ValueConfig(unit="EUR", over=-1, under=-4))
    >>> found = value(window, config, seed=0)
    >>> found.per_row.value, found.reference_per_row, found.unit
    (-2.0, -1.0, 'EUR')
    """
    if config.value is None:
        return None
    schema, bundle = rows.bundle.schema, rows.bundle
    target = bundle.reference[schema.target].to_numpy()
    known = ~pd.isna(target)
    before = row_values(config.value, schema, target[known], bundle.reference_outputs[known])
    judged = rows.labelled
    now = row_values(config.value, schema, rows.truth[judged], rows.outputs[judged])
    return Value(
        unit=config.value.unit,
        per_row=_realised(now, schema.timestamp is not None, config, seed),
        reference_per_row=float(before.mean()) if len(before) else float("nan"),
        estimated_per_row=_expected(rows, config.value),
    )


def row_values(
    config: ValueConfig, schema: Schema, truth: NDArray[Any], outputs: Outputs
) -> Floats:
    """Return what each prediction is worth, shape (n,).

    Args:
        config: the value.
        schema: the task and the classes.
        truth: true values of labelled rows, shape (n,).
        outputs: the model's, shape (n,) or (n, k); the most probable class is predicted.

    >>> schema = Schema((), "y", "binary", classes=("no", "yes"))
    >>> config = ValueConfig(classes={"yes": {"yes": 10, "no": -20}})
    >>> said = np.array([[0.2, 0.8], [0.9, 0.1]])
    >>> row_values(config, schema, np.array(["yes", "yes"]), said).tolist()
    [10.0, -20.0]
    """
    if schema.classes:
        table = value_table(config, schema)
        said = outputs.argmax(axis=1)
        return np.asarray(table[encode(schema.classes, truth, outputs), said], dtype=np.float64)
    over, under = value_slopes(config, schema)
    error = outputs - np.asarray(truth, dtype=np.float64)
    return np.asarray(np.where(error > 0, over, under) * np.abs(error), dtype=np.float64)


def _realised(values: Floats, ordered: bool, config: CheckConfig, seed: int) -> Estimate | None:
    if len(values) < FEWEST or not np.isfinite(values).all():
        return None
    # The mean absolute error against the least value is the mean value above it.
    least = values.min()
    block = block_length(values) if ordered else 1
    drawn = resample(
        "mean_absolute_error",
        (values,),
        (np.full(len(values), least),),
        resamples=config.resamples,
        seed=seed,
        block=block,
    )
    low, high = ends(least + drawn[0], config.confidence)
    return Estimate(float(values.mean()), low, high, len(values))


def _expected(rows: Rows, config: ValueConfig) -> float | None:
    estimator, schema = rows.bundle.estimator, rows.bundle.schema
    if len(rows.frame) < FEWEST or not np.isfinite(rows.outputs).all():
        return None
    if isinstance(estimator, ConfidenceModel):
        said = rows.outputs.argmax(axis=1)
        chances = estimator.probabilities(rows.outputs)
        expected = (chances * value_table(config, schema).T[said]).sum(axis=1).mean()
        return float(expected)
    if isinstance(estimator, LossModel) and estimator.loss == "mean_absolute_error":
        over, under = value_slopes(config, schema)
        if over == under:
            return over * estimator.expected(rows.frame, rows.outputs)
    return None
