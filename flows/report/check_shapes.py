"""Distributions, small enough to draw: a histogram or shares of both sides, whatever the rows."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from factory.nouns import Floats, Schema

BINS, BARS, MOST_ROWS = 36, 8, 200_000
"""Bins of numbers, bars of categories, and rows of a side that are looked at, evenly spread."""
FEW_VALUES = 16
"""So many different numbers at most are a bar each."""
BULK = (0.005, 0.995)
"""Quantiles between which bins lie; the outermost two hold all that is beyond."""
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)

Pair = tuple[float, float]


@dataclass(frozen=True)
class Shape:
    """What is known of any feature on both sides, the reference first.

    Attributes:
        rows: that were looked at.
        missing: share of them without a value.
    """

    rows: tuple[int, int]
    missing: Pair


@dataclass(frozen=True)
class Numeric(Shape):
    """A feature of numbers.

    Attributes:
        edges: of the bins, ascending, shape (k + 1,); the outermost bins hold all beyond.
            Where there are few different values it is those, shape (k,).
        few: whether that is so.
        shares: of the finite values of each side in each bin, shape (2, k).
        quantiles: of each side, shape (2, 5), NaN where a side has no value.
        infinite: share of the rows with a value, of each side, in which it is infinite.
    """

    edges: Floats
    few: bool
    shares: Floats
    quantiles: Floats
    infinite: Pair


@dataclass(frozen=True)
class Shares(Shape):
    """A feature of categories.

    Attributes:
        names: the commonest categories of either side.
        shares: of the values of each side in each of them, shape (2, k).
        others: number of all other categories.
        other_shares: share of the values of each side in those.
    """

    names: tuple[str, ...]
    shares: Floats
    others: int
    other_shares: Pair


def shapes_of(
    reference: pd.DataFrame, window: pd.DataFrame, schema: Schema, names: Iterable[str]
) -> dict[str, Shape]:
    """Summarise some features of two canonical tables; what either lacks is left out.

    >>> from factory.nouns import Column
    >>> schema = Schema((Column("a", "number"),), "y", "regression")
    >>> tables = (pd.DataFrame({"a": [0.0, 0.0, 1.0]}), pd.DataFrame({"a": [1.0, np.nan]}))
    >>> found = shapes_of(*tables, schema, ["a", "b"])["a"]
    >>> found.shares.round(2).tolist(), found.missing
    ([[0.67, 0.33], [0.0, 1.0]], (0.0, 0.5))
    """
    kinds = {column.name: column.kind for column in schema.features}
    found: dict[str, Shape] = {}
    for name in names:
        if name in kinds and name in reference and name in window:
            found[name] = shape(kinds[name], reference[name].to_numpy(), window[name].to_numpy())
    return found


def shape(kind: str, reference: NDArray[Any], window: NDArray[Any]) -> Shape:
    """Summarise one column of two tables.

    Args:
        kind: number, category or date.
        reference: values of shape (n,), missing as NaN, None or NaT.
        window: values of shape (m,).
    """
    sides = [_spread(side) for side in (reference, window)]
    lost = [np.asarray(pd.isna(side), dtype=bool) for side in sides]
    rows, missing = _pair(map(len, sides), int), _pair(map(_share, lost), float)
    present = [side[~none] for side, none in zip(sides, lost, strict=True)]
    if kind == "number":
        return _numeric(present, rows, missing)
    if kind == "category":
        return _categories(present, rows, missing)
    return Shape(rows, missing)


def _spread(values: NDArray[Any]) -> NDArray[Any]:
    step = -(-len(values) // MOST_ROWS) or 1
    return values[::step]


def _share(mask: NDArray[Any]) -> float:
    return float(mask.mean()) if len(mask) else 0.0


def _pair(values: Iterable[Any], kind: type) -> Any:
    first, second = values
    return kind(first), kind(second)


def _numeric(present: list[NDArray[Any]], rows: tuple[int, int], missing: Pair) -> Numeric:
    sides = [side.astype(np.float64) for side in present]
    finite = [side[np.isfinite(side)] for side in sides]
    pairs = zip(finite, sides, strict=True)
    infinite = _pair((1 - len(f) / len(s) if len(s) else 0.0 for f, s in pairs), float)
    points = _few_values(finite)
    edges = _edges(finite) if points is None else points
    inner = edges[1:-1] if points is None else edges[1:]
    binned = [np.searchsorted(inner, f, "right") for f in finite]
    counts = [np.bincount(b, minlength=len(inner) + 1) for b in binned]
    shares = np.array([c / max(c.sum(), 1) for c in counts])
    quantiles = np.array(
        [
            np.quantile(f, QUANTILES, method="nearest")
            if len(f)
            else np.full(len(QUANTILES), np.nan)
            for f in finite
        ]
    )
    return Numeric(rows, missing, edges, points is not None, shares, quantiles, infinite)


def _few_values(finite: list[Floats]) -> Floats | None:
    """Return the different values of both sides where they are few, also where there are none."""
    seen: Floats = np.array([])
    for side in finite:
        if len(np.unique(side[:1_000])) > FEW_VALUES:
            return None
        seen = np.unique(np.concatenate([seen, np.unique(side)]))
    return seen if len(seen) <= FEW_VALUES else None


def _edges(finite: list[Floats]) -> Floats:
    """Lay edges evenly over the bulk of both sides, which have more than a few values."""
    filled = [f for f in finite if len(f)]
    first, last = min(float(f.min()) for f in filled), max(float(f.max()) for f in filled)
    low = min(float(np.quantile(f, BULK[0], method="nearest")) for f in filled)
    high = max(float(np.quantile(f, BULK[1], method="nearest")) for f in filled)
    if low == high:
        low, high = first, last
    # Quarters, because the span of the largest numbers is no number.
    first, last, low, high = first / 4, last / 4, low / 4, high / 4
    step = (high - low) / BINS
    return np.linspace(max(first, low - step), min(last, high + step), BINS + 1) * 4


def _categories(present: list[NDArray[Any]], rows: tuple[int, int], missing: Pair) -> Shares:
    counts = [pd.Series(side, dtype=object).astype(str).value_counts() for side in present]
    table = pd.concat(counts, axis=1, keys=(0, 1)).fillna(0.0) if any(map(len, counts)) else None
    if table is None:
        return Shares(rows, missing, (), np.zeros((2, 0)), 0, (0.0, 0.0))
    shares = table.to_numpy().T / np.maximum(table.to_numpy().sum(axis=0), 1)[:, None]
    order = np.argsort(-shares.max(axis=0), kind="stable")
    kept, rest = order[:BARS], order[BARS:]
    others = _pair(shares[:, rest].sum(axis=1), float)
    names = tuple(str(table.index[i]) for i in kept)
    return Shares(rows, missing, names, shares[:, kept], len(rest), others)
