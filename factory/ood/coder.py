"""Coders: models that rebuild rows from fewer numbers; what they cannot rebuild is strange."""

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import Any, NamedTuple, Protocol, Self

import numpy as np

from factory.nouns import Floats
from factory.ood import CODERS
from factory.ood.made import moments

Shape = tuple[int, ...]


class Wish(NamedTuple):
    """What a coder is to be like.

    Attributes:
        kind: its name in the table.
        loss: it is trained with: mse, mae or bce.
        shape: height, width and channels of a row as an image; () for a plain vector.
        epochs: passes over the rows.
        seed: of weights, order and noise.
    """

    kind: str
    loss: str
    shape: Shape
    epochs: int
    seed: int


class Coder(Protocol):
    """What is fitted to sound rows of shape (n, d), scaled to [0, 1] where they lie."""

    @classmethod
    def fit(cls, X: Floats, wish: Wish) -> Self:
        """Learn to rebuild rows."""

    @classmethod
    def of_values(cls, values: Mapping[str, Any]) -> Self:
        """Return what ``to_values`` was called on."""

    def rebuilt(self, X: Floats) -> Floats:
        """Return rows as they are rebuilt, shape (n, d)."""

    def latent(self, X: Floats) -> Floats | None:
        """Return how unlikely the places are that rows are coded to, shape (n,), if it can."""

    def to_values(self) -> dict[str, Any]:
        """Return arrays and plain values, to be kept with the version."""


class Frame(NamedTuple):
    """Where known rows lie, column by column.

    Attributes:
        low: least value, shape (d,).
        span: to the largest, 1 where that is the same, shape (d,).
        fill: what stands in for a missing value, shape (d,).
    """

    low: Floats
    span: Floats
    fill: Floats

    @classmethod
    def of(cls, X: Floats, *, alike: bool = False) -> Self:
        """Learn from rows of shape (n, d); columns that are ``alike``, as pixels, share a range.

        >>> frame = Frame.of(np.array([[1.0], [3.0], [np.nan]]))
        >>> frame.scaled(np.array([[2.0], [np.nan]])).tolist()
        [[0.5], [0.5]]
        """
        fill = moments(X)[0]
        known = np.where(np.isfinite(X), X, fill)
        low, high = known.min(axis=0), known.max(axis=0)
        if alike:
            low, high = np.full(low.shape, low.min()), np.full(high.shape, high.max())
        return cls(low, np.where(high > low, high - low, 1.0), fill)

    def scaled(self, X: Floats) -> Floats:
        """Return rows on the scale of the known ones, of which none lies outside [0, 1]."""
        return np.asarray((np.where(np.isnan(X), self.fill, X) - self.low) / self.span)

    def back(self, X: Floats) -> Floats:
        """Return rows in their own units."""
        return np.asarray(X * self.span + self.low)


def windows(X: Floats, length: int) -> Floats:
    """Return each row together with those right before it, shape (n, length x d).

    Before the first row stands the first row again.

    Args:
        X: rows in time order, shape (n, d).
        length: rows of a window.

    >>> windows(np.array([[1.0], [2.0], [3.0]]), 2).tolist()
    [[1.0, 1.0], [1.0, 2.0], [2.0, 3.0]]
    """
    places = np.arange(len(X))[:, None] + np.arange(1 - length, 1)
    return np.asarray(X[np.maximum(places, 0)].reshape(len(X), -1))


@cache
def coder(name: str) -> type[Coder]:
    """Load a coder of the table.

    Raises:
        Unavailable: the library that it needs is not installed.
    """
    module, kind = CODERS[name].split(":")
    loaded: type[Coder] = getattr(import_module(module), kind)
    return loaded
