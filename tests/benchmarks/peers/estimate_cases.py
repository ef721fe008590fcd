"""Champions, the rows they are known on, and later periods: what estimates are held against."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from factory.nouns import Column, Floats, Outputs, Schema

from .estimate_sets import Table, table

METRICS = {
    "binary": ("accuracy", "f1", "roc_auc"),
    "multiclass": ("accuracy", "f1_macro", "roc_auc_ovr"),
    "regression": ("mean_absolute_error", "root_mean_squared_error"),
}
TILTS = (0.7, 1.4, 2.5)
"""How many times likelier, as a power of e, a row is a standard deviation further on."""


@dataclass(frozen=True)
class Case:
    """One champion: rows it is known on, and rows of later periods."""

    schema: Schema
    known: tuple[pd.DataFrame, Outputs]
    windows: tuple[tuple[pd.DataFrame, Outputs], ...]


def tilted(name: str, seed: int, *, train: int, known: int, window: int, windows: int) -> Case:
    """Draw rows at random to train and to know; and windows unevenly, along one feature each.

    Where a row is drawn from depends on its features alone, so that only they shift. Sizes are
    cut to 35, 40 and 12 per cent of a small table.
    """
    rows = table(name)
    rng = np.random.default_rng(seed)
    order, n = rng.permutation(len(rows.frame)), len(rows.frame)
    train, known = min(train, int(0.35 * n)), min(known, int(0.4 * n))
    pool = order[train + known : train + known + 60_000]
    say, schema = _champion(rows, order[:train], seed, ordered=False)
    parts = [order[train : train + known]]
    for _ in range(windows):
        chances = np.exp(_slope(rows, pool, rng))
        size = min(window, int(0.12 * n))
        parts.append(rng.choice(pool, size=size, replace=False, p=chances / chances.sum()))
    first, *rest = (_told(rows, say, part) for part in parts)
    return Case(schema, first, tuple(rest))


def in_time(name: str, start: int, seed: int, *, train: int, known: int, window: int) -> Case:
    """Take rows in their own order: those to train, those to know, and twelve windows."""
    rows = table(name)
    say, schema = _champion(rows, np.arange(start, start + train), seed, ordered=True)
    at = start + train
    bounds = [at, at + known]
    while bounds[-1] + window <= len(rows.frame) and len(bounds) < 14:
        bounds.append(bounds[-1] + window)
    parts = [np.arange(*pair) for pair in pairwise(bounds)]
    first, *rest = (_told(rows, say, part) for part in parts)
    return Case(schema, first, tuple(rest))


def cases(name: str, seeds: int, **sizes: int) -> Iterator[Case]:
    """Return one case a seed."""
    return (tilted(name, seed, **sizes) for seed in range(seeds))


def _told(rows: Table, say: Any, part: Any) -> tuple[pd.DataFrame, Outputs]:
    frame = rows.frame.iloc[part].reset_index(drop=True)
    frame["moment"] = pd.Timestamp("2000-01-01") + pd.to_timedelta(np.arange(len(frame)), unit="s")
    return frame, say(frame)


def _slope(rows: Table, pool: Any, rng: np.random.Generator) -> Floats:
    """Return the logarithm of how likely each row of the pool is drawn."""
    feature = rng.choice(rows.features)
    tilt = rng.choice(TILTS) * rng.choice([-1, 1])
    values = rows.frame[feature].iloc[pool]
    if feature in rows.categories:
        names = list(dict.fromkeys(values.astype(str)))
        heights = dict(zip(names, rng.normal(size=len(names)), strict=True))
        return tilt * values.astype(str).map(heights).to_numpy()
    ranks = values.rank(pct=True).fillna(0.5).to_numpy()
    return tilt * (ranks - 0.5) * np.sqrt(12)


def _champion(rows: Table, train: Any, seed: int, *, ordered: bool) -> tuple[Any, Schema]:
    """Fit boosted trees or a linear model by turns."""
    numbers, categories = list(rows.numbers), list(rows.categories)
    frame, regression = rows.frame.iloc[train], rows.task == "regression"
    if seed % 2:
        columns = make_column_transformer(
            (make_pipeline(SimpleImputer(), StandardScaler()), numbers),
            (OneHotEncoder(handle_unknown="ignore", min_frequency=5), categories),
        )
        model: Any = Ridge() if regression else LogisticRegression(max_iter=500)
    else:
        ordinal = OrdinalEncoder(
            handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-2
        )
        columns = make_column_transformer((ordinal, categories), ("passthrough", numbers))
        boosting = HistGradientBoostingRegressor if regression else HistGradientBoostingClassifier
        model = boosting(max_iter=60, early_stopping=False, random_state=seed)
    fitted = make_pipeline(columns, model).fit(frame[rows.features], frame["y"])
    features = [Column(name, "number") for name in numbers]
    features += [Column(name, "category") for name in categories]
    schema = Schema(
        tuple(features),
        "y",
        rows.task,
        timestamp="moment" if ordered else None,
        classes=() if regression else tuple(str(name) for name in fitted.classes_),
    )
    say = fitted.predict if regression else fitted.predict_proba
    return (lambda part: say(part[rows.features])), schema
