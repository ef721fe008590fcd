"""Feature squeezing: a row made to fool a model does not when it is told with less detail.

It is told in two ways, each the plainest under which answers to known rows stay: each number at one
of few levels of its range, and all numbers together by few principal components of known rows.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Self

import numpy as np
import pandas as pd

from factory.adversarial.attacks import Ranges
from factory.nouns import Bools, Floats, Outputs, Schema

LEVELS = (2, 4, 8, 16, 32, 64)
"""Numbers of levels that are tried, the coarsest first; as many components as well."""
AGREES = 0.95
"""Share of known rows whose answer what is taken does not change."""
SPREADS = 0.1
"""Change of a value, in spreads of the model's values, that is another answer."""
ROWS = 5_000
LEAST = 1e-9

Say = Callable[[pd.DataFrame], Outputs]


@dataclass(frozen=True, eq=False)
class Squeezing:
    """How far a model's answers change when rows are told with less detail.

    Attributes:
        names: features that are numbers.
        low: their least known values, shape (d,).
        high: their largest, shape (d,).
        scale: of the model's values; 1 for probabilities.
        levels: that each number's range is told in; 0 where even the finest changes answers.
        middle: mean place of known rows in their ranges, shape (d,).
        components: that rows are told by, shape (k, d); none where even many change answers.
        usual: change that known rows keep below at the rate, one of each way.
        threshold: the largest change that counts as known, in what is usual.
    """

    names: tuple[str, ...]
    low: Floats
    high: Floats
    scale: float
    levels: int = 0
    middle: Floats = field(default_factory=lambda: np.zeros(0))
    components: Floats = field(default_factory=lambda: np.zeros((0, 0)))
    usual: tuple[float, ...] = ()
    threshold: float = float("inf")

    @classmethod
    def fit(cls, say: Say, schema: Schema, known: pd.DataFrame, *, rate: float) -> Self:
        """Take the least detail under which answers stay, and the change known rows keep below.

        Args:
            say: the model's outputs on canonical rows.
            schema: its features.
            known: rows that it was not trained on, the first 5,000 of which count.
            rate: share of such rows that counts as known.

        Source:
            Xu, Evans and Qi, Feature squeezing: detecting adversarial examples in deep neural
            networks (2018); the components are the linear case of Meng and Chen, MagNet: a
            two-pronged defense against adversarial examples (2017).

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
        free = cls(ranges.names, ranges.low, ranges.high, scale)
        if len(known) == 0 or not ranges.names:
            return free

        def stays(made: Self) -> bool:
            return all(_same(outputs, say(rows), scale) >= AGREES for rows in made.squeezed(known))

        levels = next((n for n in LEVELS if stays(replace(free, levels=n))), 0)
        places = ranges.shares(known)
        known_places = np.isfinite(places)
        sums = np.where(known_places, places, 0.0).sum(axis=0)
        middle = sums / np.maximum(known_places.sum(axis=0), 1)
        centred = np.where(known_places, places, middle) - middle
        axes = np.linalg.svd(centred, full_matrices=False)[2]
        free = replace(free, middle=middle)
        tried = (axes[:n] for n in LEVELS if n < len(axes))
        components = next((c for c in tried if stays(replace(free, components=c))), axes[:0])
        made = replace(free, levels=levels, components=components)
        gaps = made.changes(say, known)
        limits = [float(np.quantile(gap, rate, method="higher")) for gap in gaps]
        made = replace(made, usual=tuple(max(limit, LEAST) for limit in limits))
        limit = float(np.quantile(made.scores(say, known), rate, method="higher"))
        return replace(made, threshold=limit)

    def scores(self, say: Say, rows: pd.DataFrame) -> Floats:
        """Return the largest change of each row's answer, in what is usual, shape (n,)."""
        found = np.zeros(len(rows))
        for gap, usual in zip(self.changes(say, rows), self.usual, strict=True):
            found = np.maximum(found, gap / usual)
        return found

    def strange(self, say: Say, rows: pd.DataFrame) -> Bools:
        """Mark the rows whose answer changes more than those of known rows do, shape (n,)."""
        return np.asarray(self.scores(say, rows) > self.threshold)

    def changes(self, say: Say, rows: pd.DataFrame) -> list[Floats]:
        """Return by how much each way of telling changes each row's answer, shapes (n,)."""
        outputs = say(rows)
        return [_apart(outputs, say(changed), self.scale) for changed in self.squeezed(rows)]

    def squeezed(self, rows: pd.DataFrame) -> Iterator[pd.DataFrame]:
        """Yield the rows as each way tells them; what is missing stays so."""
        ranges = Ranges(self.names, self.low, self.high)
        places = ranges.shares(rows)
        if self.levels:
            steps = self.levels - 1
            yield ranges.placed(rows, np.round(places * steps) / steps)
        if len(self.components):
            lost = ~np.isfinite(places)
            centred = np.where(lost, 0.0, places - self.middle)
            rebuilt = self.middle + centred @ self.components.T @ self.components
            yield ranges.placed(rows, np.where(lost, places, rebuilt))

    def to_values(self) -> dict[str, Any]:
        """Return arrays and plain values, to be kept with a version."""
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
