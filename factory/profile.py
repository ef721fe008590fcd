"""Profiles: what a table's features look like, in the form that checks compare."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from factory.nouns import Floats, Schema


@dataclass(frozen=True)
class Summary:
    """What every feature has; all that is kept of a date.

    Attributes:
        rows: all rows.
        missing: rows without a value.
    """

    rows: int
    missing: int


@dataclass(frozen=True)
class Numbers(Summary):
    """A feature of numbers.

    Attributes:
        values: the finite values in ascending order.
        infinite: rows that hold an infinite value.
        longest_rest: most rows in a row, in the table's order, that repeat one value.
    """

    values: Floats
    infinite: int
    longest_rest: int

    @classmethod
    def of(cls, column: NDArray[Any]) -> Self:
        """Summarise values of shape (rows,), missing as NaN.

        >>> Numbers.of(np.array([2.0, np.nan, 1.0, 1.0]))
        Numbers(rows=4, missing=1, values=array([1., 1., 2.]), infinite=0, longest_rest=2)
        """
        column = np.asarray(column, dtype=np.float64)
        present = column[~np.isnan(column)]
        finite = present[np.isfinite(present)]
        rest = longest_rest(present)
        infinite = len(present) - len(finite)
        return cls(len(column), len(column) - len(present), np.sort(finite), infinite, rest)


@dataclass(frozen=True)
class Categories(Summary):
    """A feature of categories.

    Attributes:
        counts: rows per category, the commonest first.
        longest_rest: most rows in a row, in the table's order, that repeat one category.
    """

    counts: Mapping[str, int]
    longest_rest: int

    @classmethod
    def of(cls, column: NDArray[Any]) -> Self:
        """Summarise strings of shape (rows,), missing as None.

        >>> Categories.of(np.array(["b", "a", None, "b"], dtype=object))
        Categories(rows=4, missing=1, counts={'b': 2, 'a': 1}, longest_rest=1)
        """
        codes, names = pd.factorize(column)
        present = codes[codes >= 0]
        counts = np.bincount(present, minlength=len(names)).tolist()
        ranked = sorted(zip(names.tolist(), counts, strict=True), key=lambda pair: -pair[1])
        missing = len(column) - len(present)
        return cls(len(column), missing, dict(ranked), longest_rest(present))


@dataclass(frozen=True)
class Profile:
    """The features of one table.

    Attributes:
        rows: rows of the table.
        features: the summary of each feature, in the schema's order.
    """

    rows: int
    features: Mapping[str, Summary]

    @classmethod
    def of(cls, frame: pd.DataFrame, schema: Schema) -> Self:
        """Summarise a canonical table.

        >>> from factory.nouns import Column
        >>> schema = Schema((Column("a", "number"),), "y", "regression")
        >>> Profile.of(pd.DataFrame({"a": [3.0, 1.0]}), schema).features["a"].values.tolist()
        [1.0, 3.0]
        """
        features: dict[str, Summary] = {}
        for column in schema.features:
            values = frame[column.name].to_numpy()
            match column.kind:
                case "number":
                    features[column.name] = Numbers.of(values)
                case "category":
                    features[column.name] = Categories.of(values)
                case "date":
                    features[column.name] = Summary(len(values), int(pd.isna(values).sum()))
        return cls(len(frame), features)


def longest_rest(values: NDArray[Any]) -> int:
    """Return the length of the longest run of equal values.

    >>> longest_rest(np.array([1, 1, 2, 2, 2, 1])), longest_rest(np.array([]))
    (3, 0)
    """
    if len(values) == 0:
        return 0
    moves = np.flatnonzero(values[1:] != values[:-1]) + 1
    return int(np.diff(moves, prepend=0, append=len(values)).max())
