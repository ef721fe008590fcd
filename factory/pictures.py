"""Pictures as cells of a table: each is a text that holds its pixels, whatever file it came from.

A cell is the base64 form of the picture's bytes: rows of pixels from the top, channels together,
0 is black and 255 is full. So a picture goes wherever a text goes: through tables, hashes, the
log and requests. Its size is the column's (see ``factory.nouns.Column``). Files are read in
``registry.pictures``.
"""

import binascii
from collections.abc import Iterable
from math import prod
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin

from factory.nouns import Bools, Floats

Pixels = NDArray[np.uint8]
"""Pictures of one size, shape (n, height, width, channels)."""
FULL = 255.0
Shape = tuple[int, ...]
"""Height, width and channels."""


def to_cells(pixels: Pixels) -> NDArray[np.object_]:
    """Return the cells of pictures, shape (n,).

    >>> to_cells(np.zeros((1, 1, 3, 1), np.uint8)).tolist()
    ['AAAA']
    """
    cells = [binascii.b2a_base64(one.tobytes(), newline=False).decode() for one in pixels]
    return np.array(cells, dtype=object)


def to_bytes(cell: object, shape: Shape) -> bytes | None:
    r"""Return the pixels that a cell holds, None where it is no picture of that size.

    >>> to_bytes("AAAA", (1, 3, 1)), to_bytes("AAAA", (2, 2, 1)), to_bytes("cat.png", (1, 3, 1))
    (b'\x00\x00\x00', None, None)
    """
    if not isinstance(cell, str):
        return None
    try:
        content = binascii.a2b_base64(cell, strict_mode=True)
    except (ValueError, binascii.Error):
        return None
    return content if len(content) == prod(shape) else None


def read_cells(cells: Iterable[object], shape: Shape) -> tuple[Pixels, Bools]:
    """Return the pixels of cells, and which cells hold none: those are black.

    Args:
        cells: n of them; what is no picture of the size counts as missing.
        shape: height, width and channels.

    Returns:
        Pixels of shape (n, height, width, channels), and a mask of shape (n,).

    >>> pixels, lost = read_cells(["AQID", None], (1, 3, 1))
    >>> pixels[0].ravel().tolist(), lost.tolist()
    ([1, 2, 3], [False, True])
    """
    found = [to_bytes(cell, shape) for cell in cells]
    lost = np.array([one is None for one in found], dtype=np.bool_)
    empty = bytes(prod(shape))
    content = b"".join(empty if one is None else one for one in found)
    return np.frombuffer(content, dtype=np.uint8).reshape(len(found), *shape), lost


class Pictures(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Turn a column of pictures into a number between 0 and 1 for each pixel and channel.

    What is no picture gives missing numbers.

    Args:
        shape: height, width and channels.

    >>> frame = pd.DataFrame({"file": ["AP+A", None]})
    >>> Pictures((1, 3, 1)).fit(frame).transform(frame).round(2).tolist()
    [[0.0, 1.0, 0.5], [nan, nan, nan]]
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape

    def fit(self, X: pd.DataFrame, y: object = None) -> Self:
        """Learn nothing."""
        del X, y
        return self

    def transform(self, X: pd.DataFrame) -> Floats:
        """Return numbers, shape (rows, height * width * channels)."""
        pixels, lost = read_cells(X.iloc[:, 0], self.shape)
        numbers = pixels.reshape(len(pixels), -1) / FULL
        numbers[lost] = np.nan
        return np.asarray(numbers)

    def __sklearn_is_fitted__(self) -> bool:
        return True


def resized(pixels: Pixels, height: int, width: int) -> Floats:
    """Return pictures at another size, each new pixel the mean of what it covers.

    Args:
        pixels: shape (n, rows, columns, channels).
        height: rows wanted.
        width: columns wanted.

    Returns:
        Values from 0 to 255, not rounded, shape (n, height, width, channels).

    >>> resized(np.array([[[[0], [100]]]], np.uint8), 1, 1).ravel().tolist()
    [50.0]
    """
    if pixels.shape[1:3] == (height, width):
        return pixels.astype(np.float64)
    down, across = _covers(pixels.shape[1], height), _covers(pixels.shape[2], width)
    return np.asarray(np.einsum("hr,nrkc,wk->nhwc", down, pixels, across, optimize=True))


def _covers(length: int, wanted: int) -> Floats:
    """Return how much of each pixel goes into each new one, shape (wanted, length)."""
    edges = np.arange(wanted + 1) * length / wanted
    starts, ends = edges[:-1, None], edges[1:, None]
    place = np.arange(length)
    covered = np.clip(np.minimum(ends, place + 1) - np.maximum(starts, place), 0, None)
    return np.asarray(covered / covered.sum(axis=1, keepdims=True))
