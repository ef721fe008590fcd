"""Rates of groups: shares and means of rows, and what they are on resamples of the rows."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from factory.bootstrap import CELLS, block_length
from factory.bootstrap import FEWEST as FEWEST_RESAMPLES
from factory.nouns import Counts, Floats, Outputs, Schema

MOST = 1_000_000
"""Rows x resamples held in memory at once."""


@dataclass(frozen=True)
class Rate:
    """What a row adds to a rate: the sum of ``some`` over the sum of ``of``.

    Attributes:
        some: shape (n,); 0 or 1 for a share of rows, else a number.
        of: whether the row is one of those that the rate is about, 0 or 1, shape (n,).
    """

    some: Floats
    of: Floats

    @property
    def share(self) -> bool:
        """Whether it is a share of rows."""
        return bool(((self.some == 0) | (self.some == 1)).all())

    def by_group(self, codes: Counts, k: int) -> tuple[Floats, Floats]:
        """Return the rate of each of k groups, NaN without rows, and the rows it rests on.

        >>> rate = Rate(np.array([1.0, 0.0, 1.0]), np.ones(3))
        >>> [part.tolist() for part in rate.by_group(np.array([0, 0, 1]), 2)]
        [[0.5, 1.0], [2.0, 1.0]]
        """
        sums = (np.bincount(codes, part, minlength=k) for part in (self.some, self.of))
        some, of = (np.asarray(part, dtype=np.float64) for part in sums)
        return np.divide(some, of, out=np.full(k, np.nan), where=of > 0), of


def rates_of(
    schema: Schema, truth: NDArray[Any], outputs: Outputs, favourable: str | None
) -> dict[str, Rate]:
    """Return the rates by which groups are compared.

    Args:
        schema: the task and the classes.
        truth: the target, missing where it is not known, shape (n,).
        outputs: the model's, shape (n,) or (n, k); the most probable class is predicted.
        favourable: the class that is good to get. Without one, classes are compared by accuracy.

    >>> schema = Schema((), "y", "binary", classes=("no", "yes"))
    >>> truth = np.array(["yes", "no", None], dtype=object)
    >>> found = rates_of(schema, truth, np.array([[0.4, 0.6], [0.3, 0.7], [0.2, 0.8]]), "yes")
    >>> {name: (rate.some.sum(), rate.of.sum()) for name, rate in found.items()}["precision"]
    (1.0, 2.0)
    """
    known = ~np.asarray(pd.isna(truth))
    parts: dict[str, tuple[NDArray[Any], NDArray[Any]]]
    if not schema.classes:
        errors = np.zeros(len(truth))
        errors[known] = outputs[known] - np.asarray(truth[known], dtype=np.float64)
        parts = {"mean_error": (errors, known), "mean_absolute_error": (np.abs(errors), known)}
    elif favourable is None:
        names = np.array(schema.classes, dtype=object)[outputs.argmax(axis=1)]
        parts = {"accuracy": (known & (names == truth), known)}
    else:
        said = outputs.argmax(axis=1) == schema.classes.index(favourable)
        good = known & np.asarray(truth == favourable, dtype=bool)
        parts = {
            "selection_rate": (said, np.ones(len(truth))),
            "true_positive_rate": (said & good, good),
            "false_positive_rate": (said & known & ~good, known & ~good),
            "precision": (said & good, said & known),
            "accuracy": (known & (said == good), known),
        }
    return {
        name: Rate(np.asarray(some, dtype=np.float64), np.asarray(of, dtype=np.float64))
        for name, (some, of) in parts.items()
    }


def block_of(schema: Schema, rates: Mapping[str, Rate]) -> int:
    """Return how many neighbouring rows hang together, 1 where rows have no order."""
    if schema.timestamp is None:
        return 1
    return max(block_length(rate.some[rate.of > 0]) for rate in rates.values())


def draw(
    rates: Mapping[str, Rate], codes: Counts, k: int, *, resamples: int, seed: int, block: int
) -> dict[str, Floats]:
    """Return each rate of each group on resamples of the rows, shape (resamples, k).

    All rates see the same resampled rows. Where a share of a group is 0 or 1 a resample would
    always say so again; it is drawn from its distribution under Jeffreys' prior instead.

    Args:
        rates: what each row adds.
        codes: group of each row, 0 to k - 1, shape (n,).
        k: number of groups.
        resamples: cut, to 100 at least, so that no more than 4 million rows are visited.
        seed: of the resampling.
        block: rows that are drawn together.

    Source:
        Brown, Cai and DasGupta, Interval estimation for a binomial proportion (2001), for the
        prior.

    >>> rate = Rate(np.array([1.0, 1.0, 0.5]), np.ones(3))
    >>> drawn = draw({"r": rate}, np.array([0, 0, 1]), 2, resamples=9, seed=0, block=1)
    >>> drawn["r"].shape, np.nanmax(drawn["r"][:, 1])
    ((9, 2), 0.5)
    """
    rng = np.random.default_rng(seed)
    kinds, where = _kinds(rates, codes)
    groups = codes[kinds]
    order = np.argsort(groups, kind="stable")
    present, starts = np.unique(groups[order], return_index=True)
    parts = {name: (rate.some[kinds][order], rate.of[kinds][order]) for name, rate in rates.items()}
    affordable = resamples
    if block > 1 or len(kinds) == len(codes):
        affordable = min(resamples, max(FEWEST_RESAMPLES, CELLS // max(len(codes), 1)))
    drawn = {name: np.full((affordable, k), np.nan) for name in rates}
    row = 0
    for weights in _weights(where, len(kinds), affordable, block, rng):
        here = slice(row, row + len(weights))
        row += len(weights)
        ordered = weights[:, order]
        for name, part in parts.items():
            some, of = (np.add.reduceat(ordered * p, starts, axis=1) for p in part)
            rates_here = np.divide(some, of, out=np.full_like(some, np.nan), where=of > 0)
            drawn[name][here, present] = rates_here
    for name, rate in rates.items():
        if rate.share:
            _loosen(drawn[name], *rate.by_group(codes, k), rng)
    return drawn


def _loosen(drawn: Floats, values: Floats, of: Floats, rng: np.random.Generator) -> None:
    for group in np.flatnonzero((values == 0) | (values == 1)):
        some = values[group] * of[group]
        drawn[:, group] = rng.beta(some + 0.5, of[group] - some + 0.5, size=len(drawn))


def _kinds(rates: Mapping[str, Rate], codes: Counts) -> tuple[Counts, Counts]:
    """Return a row of each kind, and the kind of each row; equal rows are of one kind."""
    if not all(rate.share for rate in rates.values()):
        return np.arange(len(codes)), np.arange(len(codes))
    key = codes.astype(np.int64)
    for rate in rates.values():
        key = 4 * key + (2 * rate.some + rate.of).astype(np.int64)
    _, first, where = np.unique(key, return_index=True, return_inverse=True)
    return first, where


def _weights(
    where: Counts, kinds: int, resamples: int, block: int, rng: np.random.Generator
) -> Iterator[Floats]:
    """Yield how often each kind of row is drawn, shape (some resamples, kinds)."""
    rows = len(where)
    if rows == 0:
        return
    size = max(1, MOST // kinds)
    for start in range(0, resamples, size):
        some = min(size, resamples - start)
        if block == 1 and kinds < rows:
            counts = np.bincount(where, minlength=kinds)
            yield rng.multinomial(rows, counts / rows, size=some).astype(np.float64)
            continue
        starts = (rng.integers(rows, size=-(-rows // block)) for _ in range(some))
        picks = ((s[:, None] + np.arange(block)).ravel()[:rows] % rows for s in starts)
        yield np.stack([np.bincount(where[pick], minlength=kinds) for pick in picks]).astype(float)
