"""Feature squeezing: a row that was made to fool a model does not when it is told more coarsely."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
import pandas as pd
from scipy.ndimage import median_filter

from factory.adversarial.attacks import Ranges
from factory.nouns import Bools, Floats, Outputs, Schema

LEVELS = (2, 4, 8, 16, 32, 64)
"""Numbers of levels that are tried, the coarsest first."""
AGREES = 0.95
"""Share of known rows whose answer the levels that are taken do not change."""
SPREADS = 0.1
"""Change of a value, in spreads of the model's values, that is another answer."""
MEDIAN = 3
"""Side of the square of pixels whose median a pixel becomes."""
ROWS = 5_000

Say = Callable[[pd.DataFrame], Outputs]


@dataclass(frozen=True, eq=False)
class Squeezing:
    """How far a model's answers change when rows are told more coarsely.

    Attributes:
        names: features that are numbers.
        low: their least known values, shape (d,).
        high: their largest, shape (d,).
        levels: that each number's range is told in; 0 where even the finest changes answers.
        shape: height and width, where the numbers are an image's pixels; empty elsewhere.
        scale: of the model's values; 1 for probabilities.
        threshold: the largest change that counts as known.
    """

    names: tuple[str, ...]
    low: Floats
    high: Floats
    levels: int
    shape: tuple[int, ...]
    scale: float
    threshold: float = float("inf")

    @classmethod
    def fit(
        cls, say: Say, schema: Schema, known: pd.DataFrame, *, rate: float,
        shape: tuple[int, ...] = (),
    ) -> Self:  # fmt: skip
        """Take the coarsest levels under which answers stay, and the change known rows keep below.

        Args:
            say: the model's outputs on canonical rows.
            schema: its features.
            known: rows that it was not trained on, the first 5,000 of which count.
            rate: share of such rows that counts as known.
            shape: height and width of an image; pixels are then smoothed by their medians, too.

        Source:
            Xu, Evans and Qi, Feature squeezing: detecting adversarial examples in deep neural
            networks (2018).

        >>> from factory.nouns import Column
        >>> schema = Schema((Column("a", "number"),), "y", "binary", classes=("n", "p"))
        >>> rows = pd.DataFrame({"a": np.repeat([0.0, 1.0], 50)})
        >>> def say(rows):
        ...     p = 1 / (1 + np.exp(-9 * (rows["a"].to_numpy() - 0.4)))
        ...     return np.column_stack([1 - p, p])
        >>> found = Squeezing.fit(say, schema, rows, rate=0.95)
        >>> found.levels, found.strange(say, pd.DataFrame({"a": [0.0, 0.45]})).tolist()
        (2, [False, True])
        """
        known = known.head(ROWS)
        ranges = Ranges.of(known, schema)
        outputs = say(known)
        scale = 1.0 if schema.classes else float(outputs.std()) or 1.0
        if len(shape) != 2 or int(np.prod(shape)) != len(ranges.names):  # noqa: PLR2004
            shape = ()
        free = cls(ranges.names, ranges.low, ranges.high, 0, shape, scale)
        for levels in LEVELS:
            coarse = say(free.coarse(known, levels))
            if _same(outputs, coarse, scale) >= AGREES:
                free = cls(ranges.names, ranges.low, ranges.high, levels, shape, scale)
                break
        scores = free.scores(say, known)
        limit = float(np.quantile(scores, rate, method="higher")) if len(scores) else np.inf
        return cls(**{**vars(free), "threshold": limit})

    def scores(self, say: Say, rows: pd.DataFrame) -> Floats:
        """Return the largest change of each row's answer, shape (n,); larger is stranger."""
        outputs = say(rows)
        found = np.zeros(len(rows))
        squeezed = [self.coarse(rows, self.levels)] if self.levels else []
        squeezed += [self.smooth(rows)] if self.shape else []
        for changed in squeezed:
            found = np.maximum(found, _apart(outputs, say(changed), self.scale))
        return found

    def strange(self, say: Say, rows: pd.DataFrame) -> Bools:
        """Mark the rows whose answer changes more than those of known rows do, shape (n,)."""
        return np.asarray(self.scores(say, rows) > self.threshold)

    def coarse(self, rows: pd.DataFrame, levels: int) -> pd.DataFrame:
        """Return the rows with each number at the nearest of so many levels of its range."""
        ranges = Ranges(self.names, self.low, self.high)
        return ranges.placed(rows, np.round(ranges.shares(rows) * (levels - 1)) / (levels - 1))

    def smooth(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return images with each pixel at the median of those around it."""
        images = rows[list(self.names)].to_numpy(dtype=np.float64).reshape(-1, *self.shape)
        smoothed = median_filter(images, size=(1, MEDIAN, MEDIAN), mode="nearest")
        return rows.assign(**dict(zip(self.names, smoothed.reshape(len(rows), -1).T, strict=True)))

    def to_values(self) -> dict[str, Any]:
        """Return arrays and plain values, to be kept with the version."""
        return {one.name: getattr(self, one.name) for one in fields(self)}

    @classmethod
    def of_values(cls, values: Mapping[str, Any]) -> Self:
        """Return what ``to_values`` was called on."""
        return cls(**values)


def _apart(one: Outputs, other: Outputs, scale: float) -> Floats:
    gaps = np.abs(one - other)
    return np.asarray(gaps.sum(axis=1) if gaps.ndim > 1 else gaps / scale)


def _same(one: Outputs, other: Outputs, scale: float) -> float:
    if one.ndim > 1:
        return float((one.argmax(axis=1) == other.argmax(axis=1)).mean())
    return float((_apart(one, other, scale) <= SPREADS).mean())
