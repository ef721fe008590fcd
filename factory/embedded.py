"""Features of texts and images in a profile: they are compared where an embedding puts them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from typing import Any, NamedTuple, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from factory.nouns import Column, Floats, Kind
from factory.summary import Summary

Cells = NDArray[np.object_]
"""Texts, or images as text (see ``factory.pictures``); none is missing."""
Place = Callable[[Cells], Floats]
"""From n cells to points in few dimensions, shape (n, k), all finite."""
SPACES: Mapping[str, str] = {
    "lsa": "factory.embeddings:latent",
    "pca": "factory.embeddings:principal",
    "uae": "factory.embeddings:untrained",
}
"""Embeddings: each learns a place for any cell from some cells of a column, or from its shape."""
USUAL: Mapping[Kind, str] = {"text": "lsa", "image": "uae"}
"""The embedding that is used where nobody chose one."""
ROWS = 10_000
"""Cells of a feature that are compared, at most."""
SEED = 0


class Space(NamedTuple):
    """Where the cells of a feature lie.

    Attributes:
        place: puts any cells there.
        points: those of the feature itself, at most 10,000, shape (n, k).
    """

    place: Place
    points: Floats


@dataclass(frozen=True, eq=False)
class Embedded(Summary):
    """A feature of texts or images.

    Attributes:
        cells: the values that are not missing, in the table's order.
        column: the feature.
    """

    cells: Cells
    column: Column

    @classmethod
    def of(cls, values: NDArray[Any], column: Column) -> Self:
        """Summarise cells of shape (rows,), missing as None.

        >>> found = Embedded.of(np.array(["good", None], dtype=object), Column("a", "text"))
        >>> found.missing, found.cells.tolist()
        (1, ['good'])
        """
        lost = np.asarray(pd.isna(values))
        return cls(lost, values[~lost], column)

    @cached_property
    def drawn(self) -> Cells:
        """At most 10,000 of the cells, drawn by seed."""
        if len(self.cells) <= ROWS:
            return self.cells
        rows = np.random.default_rng(SEED).choice(len(self.cells), size=ROWS, replace=False)
        return self.cells[np.sort(rows)]

    @cached_property
    def _spaces(self) -> dict[str, Space]:
        return {}

    def space(self, name: str) -> Space:
        """Return the space that an embedding learns of these cells; learnt once.

        >>> cells = np.array(["a b", "b c", "c a"], dtype=object)
        >>> Embedded.of(cells, Column("a", "text")).space("lsa").points.shape[0]
        3
        """
        if name not in self._spaces:
            place = embedding(name)(self.drawn, self.column)
            self._spaces[name] = Space(place, place(self.drawn))
        return self._spaces[name]


def embedding(name: str) -> Callable[[Cells, Column], Place]:
    """Load an embedding of the table."""
    module, function = SPACES[name].split(":")
    loaded: Callable[[Cells, Column], Place] = getattr(import_module(module), function)
    return loaded


def placed(column: Column, known: "pd.Series[Any]", rows: "pd.Series[Any]") -> Floats:
    """Return where the usual embedding puts cells, shape (n, k); missing ones are NaN.

    Args:
        column: a feature of texts or images.
        known: canonical cells, of which the embedding learns.
        rows: canonical cells to place.

    >>> known = pd.Series(["a b", "b c", "c a"])
    >>> placed(Column("a", "text"), known, pd.Series([None, "a b"])).shape[0]
    2
    """
    learnt = Embedded.of(known.to_numpy(dtype=object), column)
    cells = rows.to_numpy(dtype=object)
    there = ~np.asarray(pd.isna(cells))
    place = embedding(USUAL[column.kind])(learnt.drawn, column)
    points = place(cells[there])
    found = np.full((len(cells), points.shape[1]), np.nan)
    found[there] = points
    return found


def unusual(reference: Embedded, window: Embedded) -> Floats:
    """Return how far each of the window's cells lies from the reference's, shape (n,).

    It is the Mahalanobis distance in the usual embedding's space.

    >>> column = Column("a", "text")
    >>> known = np.array(["good wine", "bad wine", "good bread"] * 9, dtype=object)
    >>> other = np.array(["good wine", "bread bread bread"], dtype=object)
    >>> np.argmax(unusual(Embedded.of(known, column), Embedded.of(other, column))).item()
    1
    """
    space = reference.space(USUAL[reference.column.kind])
    centred = space.place(window.cells) - space.points.mean(axis=0)
    spread = np.atleast_2d(np.cov(space.points, rowvar=False))
    squared = ((centred @ np.linalg.pinv(spread)) * centred).sum(axis=1)
    return np.asarray(np.sqrt(np.maximum(squared, 0)))
