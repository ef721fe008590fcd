"""One column of a copula: its values by their shares, and what its rows tell of the latent normal.

The value of a row says between which two points its latent normal lies: the shares of rows below
and up to it. A row's *score* is the mean of the normal between the two. Ties, categories and
missing values thus need no jitter, and what ties hide of a correlation is put back by the
expansion of the score in Hermite polynomials (see ``factory.replay.correlation``).
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from factory.nouns import Bools, Floats, Kind

MOST = 1_000
"""Values of a column that are kept, at most."""
TIED = 4
"""Rows per value from which values are kept as they are, with their shares."""
DEGREES = 20
"""Hermite polynomials that a score is told by."""


@dataclass(frozen=True, eq=False)
class Marginal:
    """What values a column has, and how often.

    Attributes:
        levels: either all its values, or as many evenly spaced quantiles; shape (k,), text for a
            category, nanoseconds for a date.
        ends: share of the rows up to each value, shape (k,); empty where they are quantiles.
        missing: share of all rows that have none.
        whole: whether all numbers are whole ones.
    """

    levels: NDArray[Any]
    ends: Floats
    missing: float
    whole: bool

    @classmethod
    def of(cls, column: NDArray[Any], kind: Kind, order: tuple[str, ...] = ()) -> Self:
        """Summarise a canonical column, shape (rows,).

        Of numbers with few ties half as many quantiles are kept as there are rows, so that single
        values are not, but for the least and the largest.

        Args:
            column: its values; infinite ones count as missing.
            kind: of the column.
            order: a category's values, from one end of the latent normal to the other.

        >>> letters = np.array(["b", "a", "b", None], dtype=object)
        >>> found = Marginal.of(letters, "category", ("b", "a"))
        >>> found.missing, found.at(np.array([0.1, 0.9])).tolist()
        (0.25, ['b', 'a'])
        """
        codes, values = coded(column, kind, order)
        if kind == "date":
            values = values.view(np.int64)
        counts = np.bincount(codes[codes >= 0], minlength=len(values)).astype(np.float64)
        rows = int(counts.sum())
        missing = 1 - rows / max(len(codes), 1)
        whole = kind != "number" or bool(np.all(values == np.round(values)))
        if kind == "category" or len(values) <= min(MOST, rows / TIED):
            used = counts > 0
            return cls(values[used], np.cumsum(counts[used]) / max(rows, 1), missing, whole)
        present = np.repeat(values, counts.astype(np.intp))
        steps = np.linspace(0, rows - 1, int(np.clip(rows // 2, 2, MOST)))
        return cls(_between(present, steps, whole=whole), np.empty(0), missing, whole)

    def at(self, shares: Floats) -> NDArray[Any]:
        """Return the value up to which such a share of the rows lies, shape of ``shares``."""
        if len(self.ends):
            found = np.searchsorted(self.ends, shares)
            values: NDArray[Any] = self.levels[np.minimum(found, len(self.ends) - 1)]
            return values
        return _between(self.levels, shares * (len(self.levels) - 1), whole=self.whole)


@dataclass(frozen=True, eq=False)
class Latent:
    """What rows tell of a standard normal that stands behind a column.

    Attributes:
        scores: mean of the normal given the row's value, NaN where nothing is told, shape (n,).
        terms: coefficients of that function in normalised Hermite polynomials, of degree 1 on.
    """

    scores: Floats
    terms: Floats

    @classmethod
    def of(cls, codes: NDArray[np.intp]) -> Self:
        """Read rows' places in order, -1 for none, shape (n,).

        >>> Latent.of(np.array([0, 1])).scores.round(3).tolist()
        [-0.798, 0.798]
        """
        known = codes >= 0
        counts = np.bincount(codes[known])
        ends = ndtri(np.concatenate([[0.0], np.cumsum(counts) / max(counts.sum(), 1)]))
        ends[-1] = np.inf
        density = np.exp(-(ends**2) / 2) / np.sqrt(2 * np.pi)
        shares = np.maximum(np.diff(ndtr(ends)), np.finfo(float).tiny)
        means = (density[:-1] - density[1:]) / shares
        scores = np.full(len(codes), np.nan)
        scores[known] = means[codes[known]]
        return cls(scores, _hermite(means, ends, density))


def coded(
    column: NDArray[Any], kind: Kind, order: tuple[str, ...] = ()
) -> tuple[NDArray[np.intp], NDArray[Any]]:
    """Return each row's place in a column's order, -1 where it has no value, and the values.

    >>> codes, values = coded(np.array([3.0, np.nan, 1.0]), "number")
    >>> codes.tolist(), values.tolist()
    ([1, -1, 0], [1.0, 3.0])
    """
    if kind == "category":
        places = {name: place for place, name in enumerate(order)}
        codes = np.array([places.get(value, -1) for value in column], dtype=np.intp)
        return codes, np.array(order, dtype=object)
    known: Bools = ~np.isnat(column) if kind == "date" else np.isfinite(column)
    values, places_of = np.unique(column[known], return_inverse=True)
    codes = np.full(len(column), -1, dtype=np.intp)
    codes[known] = places_of
    return codes, values


def _between(levels: NDArray[Any], places: Floats, *, whole: bool) -> NDArray[Any]:
    """Return the values at places among increasing ones; those between two are interpolated."""
    below = np.minimum(places.astype(np.intp), max(len(levels) - 2, 0))
    ends = levels[below], levels[np.minimum(below + 1, len(levels) - 1)]
    share = places - below
    if levels.dtype.kind == "i":
        between = ends[0] + ((ends[1] - ends[0]) * share).astype(levels.dtype)
    else:
        between = ends[0] * (1 - share) + ends[1] * share
        between = np.round(between) if whole else between
    within: NDArray[Any] = np.clip(between, *ends)
    return within


def _hermite(means: Floats, ends: Floats, density: Floats) -> Floats:
    """Expand the step function; a polynomial's integral over an interval is known in its ends."""
    flat = np.where(np.isfinite(ends), ends, 0.0)
    before, last = np.zeros_like(flat), density
    terms = np.empty(DEGREES)
    for degree in range(DEGREES):
        # Here ``last`` is the polynomial of this degree, normalised, times the density.
        terms[degree] = means @ (last[:-1] - last[1:]) / np.sqrt(degree + 1)
        following = (flat * last - np.sqrt(degree) * before) / np.sqrt(degree + 1)
        before, last = last, following
    return terms
