"""Rows out of place: how far a single row is from what the reference holds.

Two views of a row, each measured on the reference: how rare is its rarest value, feature by
feature, and how badly do its features hang together, which is what principal components leave
over. A row is as far out as the farther of the two says; at 1 and beyond it is an outlier.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from factory.detectors.joint import sample
from factory.detectors.pca import fit_components
from factory.nouns import Bools, Counts, Floats, Schema

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

    def view(self, column: "pd.Series[Any]") -> tuple[Floats, Floats]:
        """Return values in two ways.

        Returns:
            As columns of one scale, shape (n, k), what is missing at the middle; and how rare
            each value is, in nats, shape (n,), which grows on beyond what was seen.
        """
        least = 1 / (self.rows + 1)
        columns, share, lost, beyond = (
            self._numbers(column.to_numpy(np.float64))
            if self.known is None
            else self._texts(column)
        )
        share[lost] = self.missing
        beyond[lost] = 0.0
        return columns, beyond - np.log(np.clip(share, least, 1.0))

    def _texts(self, column: "pd.Series[Any]") -> tuple[Floats, Floats, Bools, Floats]:
        names, shares = self.known or (pd.Index([]), np.zeros(1))
        codes = names.get_indexer(pd.Index(column, dtype=object))
        unknown = codes < 0
        lost = np.zeros(len(column), dtype=bool)
        lost[unknown] = column[unknown].isna()
        common = len(self.common)
        columns = np.eye(common + 1)[np.where(unknown, common, np.minimum(codes, common))][:, :-1]
        return columns, shares[codes], lost, np.zeros(len(column))

    def _numbers(self, numbers: Floats) -> tuple[Floats, Floats, Bools, Floats]:
        lost = ~np.isfinite(numbers)
        if len(self.values) == 0:
            nothing = np.zeros(len(numbers))
            return nothing[:, None], nothing.copy(), lost, nothing.copy()
        there = np.where(lost, self.values[len(self.values) // 2], numbers)
        share, beyond = self._two_sided(there)
        middle = self.values[len(self.values) // 2]
        with np.errstate(over="ignore"):
            columns = np.clip((there - middle) / self.spread, -FARTHEST, FARTHEST)
        return columns[:, None], share, lost, beyond

    @cached_property
    def known(self) -> tuple[Any, Floats] | None:
        """The texts, and how rare each is, 0 for any other at the end; None for numbers."""
        if self.rarity is None:
            return None
        names = pd.Index(list(self.rarity), dtype=object)
        return names, np.array([*self.rarity.values(), 0.0])

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
        blocks = _seen(tails, learnt)[0]
        owners = np.repeat(np.arange(len(blocks)), [block.shape[1] for block in blocks])
        columns = np.hstack(blocks)
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
        columns, surprises = _seen(self.tails, rows)
        rest = self._rest(columns)
        return np.maximum.reduce(surprises), np.sqrt(np.einsum("ij,ij->i", rest, rest))

    def _views(self, rows: pd.DataFrame) -> tuple[Floats, Floats]:
        """Return each feature's surprise, and its part in the squared error, (n, features)."""
        columns, surprises = _seen(self.tails, rows)
        surprise, rest = np.column_stack(surprises), self._rest(columns) ** 2
        error = np.zeros(surprise.shape)
        for place, owner in enumerate(self.owners):
            error[:, owner] += rest[:, place]
        return surprise, error

    def _rest(self, columns: Sequence[Floats]) -> Floats:
        """Return what the components leave over of each column, shape (n, k)."""
        centred = np.hstack(columns)
        centred -= self.middle
        centred -= (centred @ self.components) @ self.components.T
        return centred


def _seen(
    tails: Mapping[str, Tail], rows: pd.DataFrame
) -> tuple[tuple[Floats, ...], tuple[Floats, ...]]:
    """Return each feature's columns, and how rare its values are."""
    columns, surprises = zip(*(tail.view(rows[name]) for name, tail in tails.items()), strict=True)
    return columns, surprises


def _limits(surprise: Floats, error: Floats, rate: float) -> tuple[float, float]:
    """Return limits that either alone passes alike, and that one or the other passes at a rate."""
    ranks = np.maximum(rankdata(surprise), rankdata(error)) / len(surprise)
    level = float(np.quantile(ranks, 1 - rate))
    one, other = (float(np.quantile(view, level, method="higher")) for view in (surprise, error))
    return max(one, MARGIN) * (1 + MARGIN), max(other, MARGIN) * (1 + MARGIN)
