"""Masks of rows as short texts."""

import base64
import zlib

import numpy as np

from factory.nouns import Bools


def packed(mask: Bools) -> str:
    """Return a mask of shape (rows,) as text."""
    return base64.b64encode(zlib.compress(np.packbits(mask).tobytes())).decode()


def unpacked(text: str, rows: int) -> Bools:
    """Return the mask of shape (rows,) that a text tells of.

    >>> unpacked(packed(np.array([True, False, True])), 3).tolist()
    [True, False, True]
    """
    bits = np.frombuffer(zlib.decompress(base64.b64decode(text)), dtype=np.uint8)
    return np.unpackbits(bits, count=rows).astype(bool)
