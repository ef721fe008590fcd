"""Rows out of place: how far a single row is from what the reference holds.

Two views of a row, each measured on the reference: how rare is its rarest value, feature by
feature, and how badly do its features hang together, which is what principal components leave
over. A row is as far out as the farther of the two says; at 1 and beyond it is an outlier.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from factory.detectors.joint import sample
from factory.detectors.pca import fit_components
from factory.nouns import Counts, Floats, Schema

ROWS = 10_000
"""Rows of the reference that are looked at."""
FEWEST = 40
"""Rows below which nothing is learnt."""
COMMONEST = 20
"""Categories of a feature that get a column of their own."""
FARTHEST = 5.0
"""Spreads from the middle at which a number stops to bear on the components; how rare it is
tells the rest."""
MARGIN = 1e-9
"""By which a limit lies above the value that it is taken from, and the least one."""


@dataclass(frozen=True)
class Tail:
    """One feature's values in the reference, and how rare each kind of value is.

    Attributes:
        values: finite numbers in ascending order; empty for categories.
        spread: between their quartiles, or their deviation where those are equal.
        rarity: per category, the share of rows whose category is as rare or rarer; None for
            numbers.
        missing: share of rows without a value, or with an infinite one.
        rows: of the reference.
        common: the categories that get a column of their own.
    """

    values: Floats
    spread: float
    rarity: Mapping[str, float] | None
    missing: float
    rows: int
    common: tuple[str, ...] = ()

    @classmethod
    def of_numbers(cls, column: Floats) -> Self:
        """Learn from values of shape (n,), missing as NaN."""
        values = np.sort(column[np.isfinite(column)])
        low, high = np.quantile(values, (0.25, 0.75)) if len(values) else (0.0, 0.0)
        spread = float(high - low) or float(values.std() if len(values) else 0.0) or 1.0
        return cls(values, spread, None, 1 - len(values) / len(column), len(column))

    @classmethod
    def of_texts(cls, column: "pd.Series[Any]") -> Self:
        """Learn from texts, missing as None."""
        shares = column.value_counts() / len(column)
        rarity = {str(name): float(shares[shares <= share].sum()) for name, share in shares.items()}
        lost = float(column.isna().mean())
        return cls(np.array([]), 1.0, rarity, lost, len(column), tuple(rarity)[:COMMONEST])

    def columns(self, column: "pd.Series[Any]") -> Floats:
        """Return values as columns of one scale, shape (n, k), what is missing at the middle."""
        if self.rarity is not None:
            codes = pd.Index(self.common).get_indexer(pd.Index(column))
            return np.eye(len(self.common) + 1)[codes][:, :-1]
        if len(self.values) == 0:
            return np.zeros((len(column), 1))
        numbers = column.to_numpy(np.float64)
        middle = self.values[len(self.values) // 2]
        with np.errstate(over="ignore", invalid="ignore"):
            scaled = np.clip((numbers - middle) / self.spread, -FARTHEST, FARTHEST)
        return np.where(np.isfinite(numbers), scaled, 0.0)[:, None]

    def surprise(self, column: "pd.Series[Any]") -> Floats:
        """Return how rare each value is, in nats, shape (n,); beyond what was seen it grows on."""
        least = 1 / (self.rows + 1)
        if self.rarity is not None:
            share = column.map(self.rarity).to_numpy(np.float64, na_value=0.0)
            lost, beyond = column.isna().to_numpy(), np.zeros(len(column))
        else:
            numbers = column.to_numpy(np.float64)
            lost = ~np.isfinite(numbers)
            share, beyond = self._two_sided(np.where(lost, 0.0, numbers))
        share = np.where(lost, self.missing, share)
        found: Floats = -np.log(np.clip(share, least, 1.0)) + np.where(lost, 0.0, beyond)
        return found

    def _shares(self, numbers: Floats) -> tuple[Floats, Floats]:
        """Return the shares of the values up to and below each of some numbers, shape (n,)."""
        distinct, counts = self.steps
        place = np.searchsorted(distinct, numbers, "right")
        upto = counts[place] / len(self.values)
        met = (place > 0) & (distinct[np.maximum(place - 1, 0)] == numbers)
        return upto, np.where(met, counts[np.maximum(place - 1, 0)] / len(self.values), upto)

    @cached_property
    def steps(self) -> tuple[Floats, Counts]:
        """The values, each once, and how many lie below each and below all that come after."""
        distinct, first = np.unique(self.values, return_index=True)
        return distinct, np.append(first, len(self.values)).astype(np.intp)

    def _two_sided(self, numbers: Floats) -> tuple[Floats, Floats]:
        if len(self.values) == 0:
            return np.zeros(len(numbers)), np.zeros(len(numbers))
        upto, below = self._shares(numbers)
        share: Floats = np.asarray(2 * np.minimum(upto, 1 - below), dtype=np.float64)
        with np.errstate(over="ignore"):
            out = np.maximum(self.values[0] - numbers, numbers - self.values[-1]) / self.spread
        return share, np.log1p(np.clip(out, 0, np.finfo(float).max), dtype=np.float64)


@dataclass(frozen=True)
class Outliers:
    """What is usual in a reference, and from where on a row is out of place.

    Attributes:
        tails: by feature; dates have none, since they always move on.
        middle: of all features' columns, shape (k,).
        components: that are kept, shape (k, fewer).
        owners: place of the feature that each column belongs to, shape (k,).
        limits: of the surprise and of the error, from which on each alone makes an outlier.
    """

    tails: Mapping[str, Tail]
    middle: Floats
    components: Floats
    owners: Counts
    limits: tuple[float, float] = (1.0, 1.0)

    @classmethod
    def fit(cls, reference: pd.DataFrame, schema: Schema, *, rate: float, seed: int) -> Self | None:
        """Learn from sound rows.

        What is usual is learnt from a random half of them, and the limits from the other, so
        that of rows like these about ``rate`` are called outliers.

        Args:
            reference: canonical rows, at most 10,000 of which are drawn.
            schema: features to look at.
            rate: share of sound rows that may be called outliers.
            seed: of the rows drawn and the half.

        Returns:
            None below 40 rows, or without a number or category to look at.

        Source:
            Jackson and Mudholkar, Control procedures for residuals associated with principal
            component analysis (1979); the tails are empirical p-values, two-sided.

        >>> from factory.nouns import Column
        >>> schema = Schema((Column("a", "number"), Column("b", "number")), "y", "regression")
        >>> a = np.random.default_rng(0).normal(size=2000)
        >>> found = Outliers.fit(pd.DataFrame({"a": a, "b": a}), schema, rate=0.01, seed=0)
        >>> rows = pd.DataFrame({"a": [0.5, 9.0, 1.5], "b": [0.5, 9.0, -1.5]})
        >>> (found.scores(rows) >= 1).tolist()
        [False, True, True]
        """
        kinds = {c.name: c.kind for c in schema.features if c.plain}
        if len(reference) < FEWEST or not kinds:
            return None
        rng = np.random.default_rng(seed)
        rows = reference.iloc[sample(len(reference), ROWS, rng)].reset_index(drop=True)
        half = np.zeros(len(rows), dtype=bool)
        half[sample(len(rows), len(rows) // 2, rng)] = True
        learnt, held = (rows.loc[mask].reset_index(drop=True) for mask in (half, ~half))
        tails = {
            name: Tail.of_numbers(learnt[name].to_numpy(np.float64))
            if kind == "number"
            else Tail.of_texts(learnt[name])
            for name, kind in kinds.items()
        }
        columns, owners = _columns(tails, learnt)
        middle, components = columns.mean(axis=0), np.zeros((columns.shape[1], 0))
        if columns.shape[1] > 1:
            middle, components = fit_components(columns)
        free = cls(tails, middle, components, owners)
        return replace(free, limits=_limits(*free._farthest(held), rate))

    def scores(self, rows: pd.DataFrame) -> Floats:
        """Return how far out each row is, shape (n,): from 1 on it is an outlier.

        Args:
            rows: canonical features.
        """
        surprise, error = self._farthest(rows)
        return np.maximum(surprise / self.limits[0], error / self.limits[1])

    def parts(self, rows: pd.DataFrame) -> dict[str, Floats]:
        """Return what each feature has to do with it, shape (n,) each.

        That is the larger of its own rarity and of its part in how badly the row hangs together,
        both in the unit of the score.

        Args:
            rows: canonical features.
        """
        surprise, error = self._views(rows)
        whole = np.maximum(error.sum(axis=1), np.finfo(float).tiny)[:, None]
        joint = error / whole * np.sqrt(whole) / self.limits[1]
        found = np.maximum(surprise / self.limits[0], joint)
        return {name: found[:, place] for place, name in enumerate(self.tails)}

    def _farthest(self, rows: pd.DataFrame) -> tuple[Floats, Floats]:
        surprise, error = self._views(rows)
        return surprise.max(axis=1), np.sqrt(error.sum(axis=1))

    def _views(self, rows: pd.DataFrame) -> tuple[Floats, Floats]:
        """Return each feature's surprise, and its part in the squared error, (n, features)."""
        surprise = np.column_stack([t.surprise(rows[name]) for name, t in self.tails.items()])
        centred = _columns(self.tails, rows)[0] - self.middle
        rest = (centred - (centred @ self.components) @ self.components.T) ** 2
        error = np.zeros(surprise.shape)
        for place, owner in enumerate(self.owners):
            error[:, owner] += rest[:, place]
        return surprise, error


def _columns(tails: Mapping[str, Tail], rows: pd.DataFrame) -> tuple[Floats, Counts]:
    blocks = [tail.columns(rows[name]) for name, tail in tails.items()]
    return np.hstack(blocks), np.repeat(np.arange(len(blocks)), [b.shape[1] for b in blocks])


def _limits(surprise: Floats, error: Floats, rate: float) -> tuple[float, float]:
    """Return limits that either alone passes alike, and that one or the other passes at a rate."""
    ranks = np.maximum(rankdata(surprise), rankdata(error)) / len(surprise)
    level = float(np.quantile(ranks, 1 - rate))
    one, other = (float(np.quantile(view, level, method="higher")) for view in (surprise, error))
    return max(one, MARGIN) * (1 + MARGIN), max(other, MARGIN) * (1 + MARGIN)
