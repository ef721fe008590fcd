"""Attacks: small changes of numbers after which a model says something else."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

from factory.errors import BadConfig
from factory.nouns import Floats, Outputs, Schema

NEAREST = 2_000
"""Known rows that the boundary is looked for toward, at most."""
HALVINGS = 20
STRIDE = 2.5
"""Steps of a projected attack reach so many times as far as it may go in all."""


@dataclass(frozen=True, eq=False)
class Ranges:
    """Where numbers lie.

    Attributes:
        names: features that are numbers.
        low: their least known values, shape (d,).
        high: their largest, shape (d,).
    """

    names: tuple[str, ...]
    low: Floats
    high: Floats

    @classmethod
    def of(cls, rows: pd.DataFrame, schema: Schema) -> Self:
        """Learn from canonical rows.

        >>> from factory.nouns import Column
        >>> schema = Schema((Column("a", "number"),), "y", "regression")
        >>> Ranges.of(pd.DataFrame({"a": [1.0, 3.0, np.nan]}), schema).high.tolist()
        [3.0]
        """
        names = tuple(column.name for column in schema.features if column.kind == "number")
        values = rows[list(names)].to_numpy(dtype=np.float64)
        known = np.isfinite(values)
        low = np.where(known, values, np.inf).min(axis=0, initial=np.inf)
        high = np.where(known, values, -np.inf).max(axis=0, initial=-np.inf)
        nothing = ~known.any(axis=0)
        return cls(names, np.where(nothing, 0.0, low), np.where(nothing, 0.0, high))

    def shares(self, rows: pd.DataFrame) -> Floats:
        """Return where in its range each number lies, shape (n, d)."""
        spread = np.where(self.high > self.low, self.high - self.low, 1.0)
        values = rows[list(self.names)].to_numpy(dtype=np.float64)
        return np.asarray((values - self.low) / spread)

    def placed(self, rows: pd.DataFrame, shares: Floats) -> pd.DataFrame:
        """Return the rows with their numbers at other places of their ranges.

        Those that have no range stay as they are.
        """
        values = self.low + shares * (self.high - self.low)
        told = zip(self.names, values.T, self.high > self.low, strict=True)
        return rows.assign(**{name: column for name, column, wide in told if wide})


def projected_gradient(
    pipeline: Pipeline,
    rows: pd.DataFrame,
    schema: Schema,
    ranges: Ranges,
    *,
    size: float,
    steps: int = 1,
    seed: int = 0,
) -> pd.DataFrame:
    """Move rows uphill in a network's own loss, by no more than a share of each number's range.

    One step is the fast gradient sign method; more begin at a random place, and each is taken
    back to what is allowed.

    Args:
        pipeline: whose last step is a ``factory.neural`` network that reads nothing but numbers.
        rows: canonical rows with the target.
        schema: features and target.
        ranges: of the numbers.
        size: largest change, as a share of the range.
        steps: of the attack.
        seed: of where it begins.

    Raises:
        BadConfig: the pipeline has no gradient, or encodes its features into others.

    Source:
        Goodfellow, Shlens and Szegedy, Explaining and harnessing adversarial examples (2015);
        Madry and others, Towards deep learning models resistant to adversarial attacks (2018).
    """
    network = pipeline.steps[-1][1]
    names = list(schema.names)
    if not hasattr(network, "slope") or len(ranges.names) < len(names):
        raise BadConfig(
            "The model has no gradient in its features.",
            hint="attack a network of numbers, or use the boundary attack",
        )
    encode = pipeline[:-1]
    ends = [encode.transform(ranges.placed(rows.head(1), np.full((1, len(names)), end))[names])
            for end in (0.0, 1.0)]  # fmt: skip
    scale = np.asarray(ends[1] - ends[0], dtype=np.float64)[0]
    if len(scale) != len(names):
        raise BadConfig("Features are encoded into others.", hint="attack a model of numbers alone")
    start = ranges.shares(rows)
    truth = rows[schema.target].to_numpy()
    # What lies out of its range already is not moved further out.
    low = np.minimum(start, np.maximum(start - size, 0))
    high = np.maximum(start, np.minimum(start + size, 1))
    rng = np.random.default_rng(seed)
    places = start if steps == 1 else rng.uniform(low, high)
    stride = size if steps == 1 else STRIDE * size / steps
    for _ in range(steps):
        X = np.asarray(encode.transform(ranges.placed(rows, places)[names]), dtype=np.float64)
        places = np.clip(places + stride * np.sign(network.slope(X, truth) * scale), low, high)
    return ranges.placed(rows, places)


def to_the_boundary(
    say: Callable[[pd.DataFrame], Outputs],
    rows: pd.DataFrame,
    known: pd.DataFrame,
    ranges: Ranges,
) -> pd.DataFrame:
    """Move each row toward the nearest one of another class, to just beyond where the class turns.

    It asks for nothing but the likeliest class, so that any classifier can be attacked; rows that
    no known row leads astray stay as they are.

    Args:
        say: the classifier's probabilities.
        rows: canonical rows.
        known: others to go toward; the first 2,000 count.
        ranges: of the numbers; all else stays the row's own.

    Source:
        The start of Brendel, Rauber and Bethge, Decision-based adversarial attacks (2018).

    >>> from factory.nouns import Column
    >>> schema = Schema((Column("a", "number"),), "y", "binary", classes=("n", "p"))
    >>> known = pd.DataFrame({"a": [0.0, 1.0]})
    >>> def say(rows):
    ...     return np.column_stack([rows["a"] < 0.3, rows["a"] >= 0.3]).astype(float)
    >>> moved = to_the_boundary(say, pd.DataFrame({"a": [0.9]}), known, Ranges.of(known, schema))
    >>> round(float(moved["a"].iloc[0]), 3)
    0.3
    """
    known = known.head(NEAREST)
    start, others = np.nan_to_num(ranges.shares(rows)), np.nan_to_num(ranges.shares(known))
    before, theirs = say(rows).argmax(axis=1), say(known).argmax(axis=1)
    goal = start.copy()
    for place, row in enumerate(start):
        other = others[theirs != before[place]]
        if len(other):
            goal[place] = other[((other - row) ** 2).sum(axis=1).argmin()]
    turned = _said(say, ranges, rows, goal) != before
    low, high = np.zeros(len(rows)), np.ones(len(rows))
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        beyond = _said(say, ranges, rows, start + middle[:, None] * (goal - start)) != before
        low, high = np.where(beyond, low, middle), np.where(beyond, middle, high)
    moved = start + high[:, None] * (goal - start)
    moved[~turned] = ranges.shares(rows)[~turned]
    return ranges.placed(rows, moved)


def _said(
    say: Callable[[pd.DataFrame], Outputs], ranges: Ranges, rows: pd.DataFrame, places: Floats
) -> NDArray[Any]:
    return np.asarray(say(ranges.placed(rows, places)).argmax(axis=1))
