"""Canonical features of few or many rows, kind by kind: what a compiled pipeline reads."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from factory.nouns import WORDED, Bools, Column, Floats, Kind

Dates = NDArray[np.datetime64]
Texts = Sequence[str | None]


@dataclass(frozen=True, slots=True)
class Rows:
    """Features of n rows.

    A table with a column a feature costs more to make than a compiled pipeline takes to predict.

    Attributes:
        numbers: the schema's numbers, in its order, missing as NaN, shape (n, numbers).
        categories: the schema's categories, texts and images, in its order, each with n strings,
            missing as None.
        dates: the schema's dates, in its order, datetime64[ns] in UTC, shape (n, dates).
    """

    numbers: Floats
    categories: tuple[Texts, ...]
    dates: Dates

    def __len__(self) -> int:
        return len(self.numbers)

    @classmethod
    def of(cls, frame: pd.DataFrame, layout: "Layout") -> Self:
        """Return a canonical table's features.

        >>> frame = pd.DataFrame({"a": [1.0, 2.0], "c": ["u", None]})
        >>> layout = Layout((Column("c", "category"), Column("a", "number")))
        >>> rows = Rows.of(frame, layout)
        >>> rows.numbers.tolist(), rows.categories, rows.dates.shape
        ([[1.0], [2.0]], (['u', None],), (2, 0))
        """
        numbers = [frame[name].to_numpy(np.float64) for name in layout.numbers]
        dates = [frame[name].to_numpy("datetime64[ns]") for name in layout.dates]
        return cls(
            np.column_stack(numbers) if numbers else np.empty((len(frame), 0)),
            tuple(frame[name].tolist() for name in layout.categories),
            np.column_stack(dates) if dates else np.empty((len(frame), 0), "datetime64[ns]"),
        )

    def frame(self, layout: "Layout") -> pd.DataFrame:
        """Return the rows as a canonical table, its columns in the schema's order.

        >>> layout = Layout((Column("c", "category"), Column("a", "number")))
        >>> rows = Rows(np.array([[1.0]]), (["u"],), np.empty((1, 0), "datetime64[ns]"))
        >>> rows.frame(layout).to_dict("list")
        {'c': ['u'], 'a': [1.0]}
        """
        columns: dict[str, object] = {}
        for column, place in layout.placed:
            match column.kind:
                case "number":
                    columns[column.name] = self.numbers[:, place]
                case "category" | "text" | "image":
                    columns[column.name] = np.asarray(self.categories[place], dtype=object)
                case "date":
                    columns[column.name] = self.dates[:, place]
        return pd.DataFrame(columns, index=range(len(self)))

    def where(self, kept: Bools) -> "Rows":
        """Return some of the rows.

        Args:
            kept: shape (n,).
        """
        places = np.flatnonzero(kept).tolist()
        texts = tuple([column[i] for i in places] for column in self.categories)
        return Rows(self.numbers[kept], texts, self.dates[kept])


@dataclass(frozen=True)
class Layout:
    """Where each feature stands in ``Rows``.

    Attributes:
        features: in the schema's order.
    """

    features: tuple[Column, ...]

    @cached_property
    def numbers(self) -> tuple[str, ...]:
        """Names of the numbers."""
        return self._of("number")

    @cached_property
    def categories(self) -> tuple[str, ...]:
        """Names of the categories, texts and images: of what is a string."""
        return self._of(*WORDED)

    @cached_property
    def dates(self) -> tuple[str, ...]:
        """Names of the dates."""
        return self._of("date")

    @cached_property
    def placed(self) -> tuple[tuple[Column, int], ...]:
        """Each feature with its place among those of its kind."""
        named = {"number": self.numbers, "date": self.dates}
        named |= dict.fromkeys(WORDED, self.categories)
        return tuple((column, named[column.kind].index(column.name)) for column in self.features)

    def _of(self, *kinds: Kind) -> tuple[str, ...]:
        return tuple(column.name for column in self.features if column.kind in kinds)
