"""Sketches: profiles of parts of a window, which merge into the profile of the whole.

Numbers are counted between and at the values of the reference. That is all that most detectors
ask of a window: the Kolmogorov-Smirnov distance and what is counted in cells come out exactly.
The Cramér-von Mises and Wasserstein distances take the rows between two neighbouring values of
the reference as if they lay at their mean. A sketch's size depends on the reference, not on the
rows.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np

from factory.counted import Counted, Tallied
from factory.nouns import Counts, Floats
from factory.profile import Categories, Numbers, Profile
from factory.summary import Summary

NEW = 10_000
"""Categories unknown to the reference that are counted one by one; further ones share one."""
REST = "(other)"


@dataclass(frozen=True, eq=False)
class NumberSketch:
    """Rows of a feature of numbers, counted at the k distinct values of the reference.

    Attributes:
        rows: all of them.
        missing: those without a value.
        at: rows that equal each value, shape (k,).
        between: finite rows below, between and above the values, shape (k + 1,).
        sums: of those rows' numbers, shape (k + 1,).
    """

    rows: int
    missing: int
    at: Counts
    between: Counts
    sums: Floats

    @classmethod
    def of(cls, part: Numbers, knots: Floats) -> Self:
        """Count a part's rows at ascending distinct values.

        >>> part = Numbers.of(np.array([0.0, 1.0, 1.0, 1.5, np.nan]))
        >>> found = NumberSketch.of(part, np.array([1.0, 2.0]))
        >>> found.at.tolist(), found.between.tolist(), found.missing
        ([2, 0], [1, 1, 0], 1)
        """
        bounds = np.empty(2 * len(knots) + 2, dtype=np.intp)
        bounds[0], bounds[-1] = 0, part.size
        bounds[1:-1:2], bounds[2:-1:2] = part.below(knots), part.upto(knots)
        rows = np.diff(bounds)
        sums = np.zeros(len(rows))
        with np.errstate(over="ignore", invalid="ignore"):
            sums[rows > 0] = np.add.reduceat(part.values, bounds[:-1][rows > 0])
        return cls(part.rows, part.missing, rows[1::2], rows[::2], sums[::2])

    def merge(self, other: Self) -> Self:
        """Return the sketch of both parts' rows."""
        with np.errstate(over="ignore", invalid="ignore"):
            return type(self)(
                self.rows + other.rows,
                self.missing + other.missing,
                self.at + other.at,
                self.between + other.between,
                self.sums + other.sums,
            )

    def summary(self, knots: Floats) -> Counted:
        """Return what detectors compare.

        >>> knots = np.array([1.0, 2.0])
        >>> part = Numbers.of(np.array([0.0, 1.25, 1.5, 2.0]))
        >>> NumberSketch.of(part, knots).summary(knots).values.tolist()
        [0.0, 1.375, 2.0]
        """
        low = np.append(-np.inf, knots)
        high = np.append(knots, np.inf)
        with np.errstate(all="ignore"):
            means = self.sums / self.between
            inner = np.nextafter(low, np.inf), np.nextafter(high, -np.inf)
        # Sums of huge numbers may have no mean, and rounding may move one to its neighbour.
        means = np.clip(np.where(np.isnan(means), inner[0], means), *inner)
        points = np.empty(2 * len(knots) + 1)
        rows = np.empty(len(points), dtype=np.intp)
        points[1::2], points[::2] = knots, means
        rows[1::2], rows[::2] = self.at, self.between
        there = rows > 0
        nothing = np.zeros(0)
        return Counted(
            lost=nothing.astype(bool),
            present=nothing,
            points=points[there],
            cumulative=np.cumsum(rows[there]),
            gone=self.missing,
            length=self.rows,
        )


@dataclass(frozen=True, eq=False)
class CategorySketch:
    """Rows of a feature of categories; of a date, only how many are missing.

    Attributes:
        rows: all of them.
        missing: those without a value.
        counts: rows per category.
    """

    rows: int
    missing: int
    counts: Mapping[str, int]

    @classmethod
    def of(cls, part: Summary) -> Self:
        """Count the rows of a summary of all of a part's rows."""
        counts = part.counts if isinstance(part, Categories) else {}
        return cls(part.rows, part.missing, counts)

    def merge(self, other: Self) -> Self:
        """Return the sketch of both parts' rows."""
        together = Counter(self.counts)
        together.update(other.counts)
        return type(self)(self.rows + other.rows, self.missing + other.missing, together)

    def bounded(self, known: Mapping[str, int]) -> Self:
        """Return this sketch with no more than 10,000 categories that the reference lacks."""
        new = [name for name in self.counts if name not in known and name != REST]
        if len(new) <= NEW:
            return self
        kept = Counter(self.counts)
        for name in sorted(new)[NEW:]:
            kept[REST] += kept.pop(name)
        return type(self)(self.rows, self.missing, kept)

    def summary(self) -> Tallied:
        """Return what detectors compare."""
        nothing = np.zeros(0, dtype=np.intp)
        return Tallied(nothing.astype(bool), nothing, (), self.counts, self.missing, self.rows)


@dataclass(frozen=True, eq=False)
class Sketch:
    """The features of a part of a window.

    Attributes:
        rows: rows of the part.
        features: the sketch of each feature, in the schema's order.
    """

    rows: int
    features: Mapping[str, NumberSketch | CategorySketch]

    @classmethod
    def of(cls, part: Profile, reference: Profile) -> Self:
        """Sketch a part, to be compared with a reference.

        >>> import pandas as pd
        >>> from factory.nouns import Column, Schema
        >>> schema = Schema((Column("a", "number"),), "y", "regression")
        >>> frames = [pd.DataFrame({"a": part}) for part in ([1.0, 4.0], [2.0, 3.0], [3.0, 9.0])]
        >>> reference, *parts = (Profile.of(frame, schema) for frame in frames)
        >>> one, other = (Sketch.of(part, reference) for part in parts)
        >>> one.merge(other, reference).profile(reference).features["a"].size
        4
        """
        found: dict[str, NumberSketch | CategorySketch] = {}
        for name, summary in part.features.items():
            before = reference.features[name]
            if isinstance(before, Numbers) and isinstance(summary, Numbers):
                found[name] = NumberSketch.of(summary, before.distinct)
            else:
                known = before.counts if isinstance(before, Categories) else {}
                found[name] = CategorySketch.of(summary).bounded(known)
        return cls(part.rows, found)

    def merge(self, other: "Sketch", reference: Profile) -> "Sketch":
        """Return the sketch of both parts' rows; in whatever order, it is the same."""
        found: dict[str, NumberSketch | CategorySketch] = {}
        for name, one in self.features.items():
            two, before = other.features[name], reference.features[name]
            if isinstance(one, NumberSketch) and isinstance(two, NumberSketch):
                found[name] = one.merge(two)
            elif isinstance(one, CategorySketch) and isinstance(two, CategorySketch):
                known = before.counts if isinstance(before, Categories) else {}
                found[name] = one.merge(two).bounded(known)
        return Sketch(self.rows + other.rows, found)

    def profile(self, reference: Profile) -> Profile:
        """Return the profile that detectors compare with the reference's."""
        found: dict[str, Summary] = {}
        for name, one in self.features.items():
            before = reference.features[name]
            if isinstance(one, NumberSketch) and isinstance(before, Numbers):
                found[name] = one.summary(before.distinct)
            elif isinstance(one, CategorySketch):
                found[name] = one.summary()
        return Profile(self.rows, found)
