"""The step that converts inputs back to the unit that a model learnt from."""

from collections.abc import Mapping
from typing import Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin

from factory.nouns import Floats

DIGITS = 12
"""Significant digits kept of a converted value: it was told in fewer, and more are noise."""
EXACT = 22
"""Places up to which a power of ten is exact."""
WIDENED = 0.5
"""Share of its own width by which the known range is widened on either side."""


class Convert(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Convert features that are told in another unit back to the one that was learnt from.

    A value stays as it is where it lies in the feature's known range and its conversion does not
    even come near: the source then tells the old unit again.

    Args:
        units: feature name to factor and offset: a value is the factor times what it was, plus
            the offset.
        ranges: feature name to the least and largest value known, in the old unit.

    >>> frame = pd.DataFrame({"a": [152.4, 177.8, 65.0, np.nan]})
    >>> Convert({"a": (2.54, 0.0)}, {"a": (50.0, 80.0)}).transform(frame)["a"].tolist()
    [60.0, 70.0, 65.0, nan]
    """

    def __init__(
        self, units: Mapping[str, tuple[float, float]], ranges: Mapping[str, tuple[float, float]]
    ) -> None:
        self.units = units
        self.ranges = ranges

    def fit(self, X: pd.DataFrame, y: object = None) -> Self:
        """Learn nothing."""
        del X, y
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return a copy of X with the features converted."""
        known = [name for name in self.units if name in X]
        return X.assign(**{name: self.converted(name, X[name].to_numpy(float)) for name in known})

    def converted(self, name: str, values: Floats) -> Floats:
        """Return one feature's values in the unit that was learnt from, shape (rows,)."""
        factor, offset = self.units[name]
        low, high = self.ranges[name]
        room = WIDENED * (high - low)
        with np.errstate(invalid="ignore", over="ignore"):
            back = rounded((values - offset) / factor)
            as_it_was = (values >= low) & (values <= high)
            as_it_was &= (back < low - room) | (back > high + room)
        return np.where(as_it_was, values, back)

    def __sklearn_is_fitted__(self) -> bool:
        return True


def rounded(values: Floats) -> Floats:
    """Round to 12 significant digits, so that what was told in fewer comes back exactly.

    >>> rounded(np.array([2.54 * 60.1 / 2.54 * (1 + 1e-16), 0.0, -np.inf])).tolist()
    [60.1, 0.0, -inf]
    """
    sizes = np.abs(values)
    usual = np.isfinite(sizes) & (sizes > 0)
    places = DIGITS - np.ceil(np.log10(sizes, out=np.zeros_like(sizes), where=usual))
    # Smaller or larger values keep what digits they have.
    usual &= (places >= -DIGITS) & (places <= EXACT)
    scale = 10.0 ** np.where(usual, np.abs(places), 0)
    fine = np.where(places < 0, np.rint(values / scale) * scale, np.rint(values * scale) / scale)
    return np.where(usual, fine, values)
