"""Transformers of canonical columns that scikit-learn lacks.

They hold public attributes of plain types only, so that skops can store and load them.
"""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.feature_selection import mutual_info_classif, mutual_info_regression

from factory.nouns import Floats

REACH = 1e37
"""Largest magnitude kept: trees compute in 32 bits, and a square must stay finite in 64."""

SELECTION_ROWS = 2_000
"""Mutual information is estimated on at most this many rows."""

FEW_VALUES = 20
"""A column with at most this many distinct values is taken as discrete."""


CYCLE_DAYS = {"month": 366, "day": 31, "weekday": 7, "hour": 1}
"""After so many days a date's part has taken all its values."""


class DateParts(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Turn dates into numbers such as the month; a missing date gives missing numbers.

    A part that comes round again is 0 throughout unless the training dates saw it come round: two
    months of rows teach nothing of the third, and a model that learns the month from them
    extrapolates a trend.

    Args:
        parts: attributes of a pandas timestamp: year, month, day, weekday, hour.

    >>> frame = pd.DataFrame({"t": pd.to_datetime(["2024-02-03 10:00", "2024-02-05 00:00", None])})
    >>> DateParts(("month", "hour")).fit(frame).transform(frame).tolist()
    [[0.0, 10.0], [0.0, 0.0], [0.0, nan]]
    """

    learned_: NDArray[np.bool_]

    def __init__(self, parts: tuple[str, ...]) -> None:
        self.parts = parts

    def fit(self, X: pd.DataFrame, y: object = None) -> Self:
        """Learn which parts of which date came round."""
        del y
        unlearned = [unlearned_parts(X[name], self.parts) for name in X.columns]
        self.learned_ = np.array([[p not in some for p in self.parts] for some in unlearned])
        return self

    def transform(self, X: pd.DataFrame) -> Floats:
        """Return parts of shape (rows, dates x parts), date by date."""
        dates = [X[name].dt for name in X.columns]
        columns = [
            getattr(date, part).to_numpy(np.float64) for date in dates for part in self.parts
        ]
        return np.where(self.learned_.ravel(), np.column_stack(columns), 0.0)


def unlearned_parts(dates: "pd.Series[pd.Timestamp]", parts: tuple[str, ...]) -> tuple[str, ...]:
    """Return the parts whose cycle is longer than the time between the oldest and newest date.

    >>> unlearned_parts(pd.Series(pd.to_datetime(["2024-01-01", "2024-01-09"])), ("day", "weekday"))
    ('day',)
    """
    span = dates.max() - dates.min()
    days = 0.0 if pd.isna(span) else span / pd.Timedelta(days=1)
    return tuple(part for part in parts if days < CYCLE_DAYS.get(part, 0))


class Finite(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Make numbers safe to learn from: infinite is missing, huge is clipped.

    A column without any value in training says nothing later either: it is 0 throughout.

    >>> Finite().fit_transform(pd.DataFrame({"a": [1.0, np.inf], "b": [np.nan, np.nan]})).tolist()
    [[1.0, 0.0], [nan, 0.0]]
    """

    empty_: NDArray[np.bool_]

    def fit(self, X: pd.DataFrame | Floats, y: object = None) -> Self:
        """Learn which columns hold no value."""
        del y
        self.empty_ = ~np.isfinite(np.asarray(X, dtype=np.float64)).any(axis=0)
        return self

    def transform(self, X: pd.DataFrame | Floats) -> Floats:
        """Return a copy of X, shape (rows, columns), with no infinite value."""
        return made_finite(np.array(X, dtype=np.float64), self.empty_)


def made_finite(values: Floats, empty: NDArray[np.bool_]) -> Floats:
    """Make numbers safe in place, as ``Finite``.

    Args:
        values: shape (rows, columns).
        empty: columns that hold no value, shape (columns,).
    """
    values[np.isinf(values)] = np.nan
    values[:, empty] = 0.0
    return np.clip(values, -REACH, REACH, out=values)


class Budget(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Keep the encoded columns that share most information with the target.

    Args:
        columns: how many are kept.
        regression: whether the target is a number.
        seed: of the rows that are looked at, and of the estimate's noise.

    Source:
        Ross, Mutual Information between Discrete and Continuous Data Sets (2014), as
        scikit-learn has it.

    >>> X = np.random.default_rng(0).normal(size=(200, 3))
    >>> Budget(1, regression=True, seed=0).fit(X, X[:, 1]).kept_.tolist()
    [1]
    """

    kept_: NDArray[np.int64]

    def __init__(self, columns: int, *, regression: bool, seed: int) -> None:
        self.columns = columns
        self.regression = regression
        self.seed = seed

    def fit(self, X: Floats, y: NDArray[np.generic]) -> Self:
        """Learn which columns to keep; missing values count as the column's median."""
        rng = np.random.default_rng(self.seed)
        rows = np.sort(rng.permutation(len(X))[:SELECTION_ROWS])
        sample = X[rows]
        missing = np.isnan(sample)
        middle = np.nanmedian(np.where(missing.all(axis=0), 0, sample), axis=0)
        sample = np.where(missing, middle, sample)
        codes = [np.unique(column, return_inverse=True)[1] for column in sample.T]
        discrete = np.array([code.max() < FEW_VALUES for code in codes])
        sample[:, discrete] = np.column_stack(codes)[:, discrete]
        score = mutual_info_regression if self.regression else mutual_info_classif
        target = y[rows] if self.regression else pd.factorize(y[rows], sort=True)[0]
        information = score(sample, target, discrete_features=discrete, random_state=self.seed)
        self.kept_ = np.sort(np.argsort(-information, kind="stable")[: self.columns])
        return self

    def transform(self, X: Floats) -> Floats:
        """Return the kept columns, in their order."""
        return X[:, self.kept_]


class Neutralise(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Replace features by one constant each, so that a broken feature cannot speak.

    Args:
        constants: feature name to what replaces it, typically the training median or mode.

    >>> frame = pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]})
    >>> Neutralise({"a": 0.0}).transform(frame)["a"].tolist()
    [0.0, 0.0]
    """

    def __init__(self, constants: Mapping[str, Any]) -> None:
        self.constants = constants

    def fit(self, X: pd.DataFrame, y: object = None) -> Self:
        """Learn nothing."""
        del X, y
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return a copy of X with the constants in place."""
        return X.assign(**{name: value for name, value in self.constants.items() if name in X})

    def __sklearn_is_fitted__(self) -> bool:
        return True
