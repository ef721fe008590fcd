"""Strings to codes, by the addresses of the strings where few of them are many rows' values.

Readers give equal strings of a column one object. Then addresses tell values apart, and counting
those needs no hashing: a string is looked at once, not once a row.
"""

from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from factory.nouns import Counts

BUCKETS = 1 << 14
"""Places that addresses are spread over; objects are 16 bytes apart at least."""
LOOKED_AT, DIFFERENT = 1_024, 512
"""First rows that tell whether objects repeat, and objects among them from which they do not."""


def factorize(column: NDArray[Any]) -> tuple[Counts, NDArray[Any]]:
    """Return codes and values in order of appearance, -1 where missing: ``pandas.factorize``.

    >>> codes, names = factorize(np.array(["b", "a", None, "b"], dtype=object))
    >>> codes.tolist(), names.tolist()
    ([0, 1, -1, 0], ['b', 'a'])
    """
    found = _by_address(column) if column.dtype == object and column.ndim == 1 else None
    if found is None:
        return pd.factorize(column)
    objects, values = found
    of_values, names = pd.factorize(values)
    if len(names) == len(values):
        return objects, names
    return of_values.astype(np.int16).take(objects), names


def _by_address(column: NDArray[Any]) -> tuple[Counts, NDArray[Any]] | None:
    """Return codes of objects and the objects, in order of appearance; None where they are many."""
    rows = len(column)
    addresses = np.asarray(_Addresses(column))
    if rows < LOOKED_AT or len(np.unique(addresses[:LOOKED_AT])) > DIFFERENT:
        return None
    bucket = addresses >> 4
    bucket &= BUCKETS - 1
    first = np.full(BUCKETS, -1, dtype=np.int32)
    # Of equal positions the last one written stays: backwards, that is the first row.
    first[bucket[::-1]] = _backwards(rows)
    if (addresses[first].take(bucket) != addresses).any():
        return None
    filled = np.flatnonzero(first >= 0)
    filled = filled[np.argsort(first[filled])]
    values = column[first[filled]]
    codes = np.empty(BUCKETS, dtype=np.int16)
    codes[filled] = np.arange(len(filled))
    return codes.take(bucket), values


@lru_cache(maxsize=1)
def _backwards(rows: int) -> NDArray[np.int32]:
    return np.arange(rows - 1, -1, -1, dtype=np.int32)


class _Addresses:
    """The addresses in an array of objects, read without a copy while the array lives."""

    def __init__(self, column: NDArray[Any]) -> None:
        self.column = column
        self.__array_interface__ = {
            "version": 3,
            "shape": column.shape,
            "strides": column.strides,
            "typestr": np.dtype(np.intp).str,
            "data": (column.__array_interface__["data"][0], True),
        }
