"""Fits one model as one pipeline."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.dummy import DummyClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import Pipeline

from factory.config import FeaturesConfig
from factory.nouns import Floats, Schema
from training.family import Family, family_named
from training.features import feature_steps, with_shape
from training.space import Params
from training.split import Positions
from training.threads import one_thread


@one_thread()
def fit_pipeline(
    frame: pd.DataFrame,
    schema: Schema,
    features: FeaturesConfig,
    family_name: str,
    params: Params,
    loss: str,
    seed: int,
    weights: Floats | None = None,
) -> Pipeline:
    """Fit feature engineering and estimator together.

    A family with a row limit learns from a seeded sample of the rows. Classes with fewer rows
    than the family can learn from are left out; where one class is left, it is predicted always.

    Args:
        frame: labelled rows in canonical form.
        schema: their columns.
        features: how columns become numbers.
        family_name: model family.
        params: its hyperparameters.
        loss: one of the family's losses, not ``auto``.
        seed: of everything random.
        weights: how much each row counts, above 0, shape (rows,); only their ratios matter. A
            family that cannot weight rows draws them that often.
    """
    lesson = _lesson(frame, schema, features, family_name, params, loss, seed, weights)
    with _quiet():
        lesson.pipeline.fit(lesson.X, lesson.target, **lesson.counting)
    served, (*before, (name, model)) = family_named(family_name).served, lesson.pipeline.steps
    if served is None or isinstance(model, DummyClassifier):
        return lesson.pipeline
    return Pipeline([*before, (name, served(model))])


def growing_pipelines(
    frame: pd.DataFrame,
    schema: Schema,
    features: FeaturesConfig,
    family_name: str,
    params: Params,
    loss: str,
    seed: int,
    weights: Floats | None = None,
    *,
    stages: int,
) -> Iterator[tuple[Pipeline, bool]]:
    """Fit as ``fit_pipeline`` does, and yield the model as it grows.

    Args:
        frame: as of ``fit_pipeline``, and so all the following.
        schema: as there.
        features: as there.
        family_name: of a family that grows (see ``training.family.Family``).
        params: as there.
        loss: as there.
        seed: as there.
        weights: as there.
        stages: how often the model is yielded, at most; one object, which grows on.

    Yields:
        The pipeline, and whether it is whole.
    """
    lesson = _lesson(frame, schema, features, family_name, params, loss, seed, weights)
    grow = family_named(family_name).stages
    *before, (_, estimator) = lesson.pipeline.steps
    if grow is None or isinstance(estimator, DummyClassifier):
        with _quiet():
            lesson.pipeline.fit(lesson.X, lesson.target, **lesson.counting)
        yield lesson.pipeline, True
        return
    with _quiet():
        X = Pipeline(before).fit_transform(lesson.X, lesson.target)
    counts = lesson.counting.get("model__sample_weight")
    growth = grow(estimator, X, lesson.target, counts, stages)
    final = False
    while not final:
        with _quiet():
            final = next(growth)
        yield lesson.pipeline, final


class _Lesson(NamedTuple):
    """An unfitted pipeline and what it is fitted on."""

    pipeline: Pipeline
    X: pd.DataFrame
    target: NDArray[Any]
    counting: dict[str, Floats]


def _lesson(
    frame: pd.DataFrame,
    schema: Schema,
    features: FeaturesConfig,
    family_name: str,
    params: Params,
    loss: str,
    seed: int,
    weights: Floats | None,
) -> _Lesson:
    family = family_named(family_name)
    learned = learned_rows(frame, schema, family, loss, seed)
    counting: dict[str, Floats] = {}
    if weights is not None and family.weighted:
        counting = {"model__sample_weight": weights[learned] / weights[learned].mean()}
    elif weights is not None:
        learned = _drawn(learned, weights[learned], seed)
    used = frame.iloc[learned]
    target = used[schema.target].to_numpy()
    estimator: Any
    if schema.task != "regression" and len(np.unique(target)) == 1:
        estimator = DummyClassifier(strategy="prior")
    else:
        sized = with_shape(params, schema, features, family)
        estimator = family.build(sized, schema.task, loss, seed, len(used))
    steps = feature_steps(schema, features, family, seed)
    pipeline = Pipeline([*steps, ("model", estimator)])
    return _Lesson(pipeline, used[list(schema.names)], target, counting)


@contextmanager
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        # A model that stopped early is judged by its score like any other.
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("ignore", RuntimeWarning)
        yield


def learned_rows(
    frame: pd.DataFrame, schema: Schema, family: Family, loss: str, seed: int
) -> Positions:
    """Return the positions of the rows that a family is really fitted on, ascending."""
    rows = np.arange(len(frame))
    if family.row_limit is not None:
        rows = sampled(len(frame), family.row_limit, seed)
    if schema.task == "regression":
        return rows
    return rows[_common(frame[schema.target].to_numpy()[rows], family.class_rows.get(loss, 1))]


def sampled(rows: int, limit: int, seed: int) -> Positions:
    """Return at most ``limit`` of the positions 0 to rows - 1, drawn by seed, ascending.

    >>> sampled(3, 5, seed=0).tolist()
    [0, 1, 2]
    """
    if rows <= limit:
        return np.arange(rows)
    return np.sort(np.random.default_rng(seed).permutation(rows)[:limit])


def _drawn(rows: Positions, weights: Floats, seed: int) -> Positions:
    rng = np.random.default_rng(seed)
    return np.sort(rng.choice(rows, size=len(rows), p=weights / weights.sum()))


def _common(target: NDArray[Any], fewest: int) -> NDArray[np.bool_]:
    names, codes, counts = np.unique(target, return_inverse=True, return_counts=True)
    kept = counts >= fewest
    # With no class common enough the commonest alone is learned.
    kept |= (counts == counts.max()) & ~kept.any() & (np.arange(len(names)) == counts.argmax())
    return np.asarray(kept[codes], dtype=bool)
