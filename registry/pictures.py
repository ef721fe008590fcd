"""Files of pictures: what a table names becomes cells that hold the pixels.

A PNG or JPEG file is brought to the size and the channels that the schema wants (averaged, if it
is larger); the array of a .npy file must have the size, as whole numbers up to 255 or as numbers
from 0 to 1. A name is taken from the folder that the table lies in, and may not lead out of it.
"""

import base64
import binascii
import io
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from factory.nouns import Column
from factory.pictures import FULL, Pixels, Shape, to_bytes, to_cells
from registry.columns import categories, cells

ENDINGS = (".png", ".jpg", ".jpeg", ".npy")
FORMATS = ("PNG", "JPEG")
STARTS = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")
MODES: Mapping[int, str] = {1: "L", 3: "RGB", 4: "RGBA"}
"""Channels, and what Pillow calls them."""
LARGEST = 32_000_000
"""Pixels of the largest file that is read: a small file can unfold to fill any memory."""


def with_pictures(raw: pd.DataFrame, columns: Iterable[Column], location: str) -> pd.DataFrame:
    """Return a raw table whose names of files are replaced by what the files hold.

    A file that is not there, or is none of a picture, leaves its name, which is no picture.

    Args:
        raw: the table.
        columns: features; those that are no images are left alone.
        location: of the table.
    """
    wanted = [c for c in columns if c.kind == "image" and c.name in raw.columns]
    if not wanted:
        return raw
    folder = None if "://" in location else _folder(Path(location).resolve())
    return raw.assign(**{c.name: _read(raw[c.name], c.shape, folder) for c in wanted})


def _folder(table: Path) -> Path:
    """Return where names start: beside the file, or beside the Delta table that it is part of."""
    delta = (path for path in (table, *table.parents) if (path / "_delta_log").is_dir())
    return next(delta, table).parent


def _read(column: pd.Series, shape: Shape, folder: Path | None) -> Any:
    told = categories(cells(column))
    found = [None if cell is None else _cell(cell, shape, folder) for cell in told]
    return pd.Series(found, index=column.index, dtype=object)


def _cell(told: str, shape: Shape, folder: Path | None) -> str:
    if not told.lower().endswith(ENDINGS):
        return picture_cell(told, shape) or told
    if folder is None:
        return told
    try:
        path = (folder / told).resolve()
        # Links are followed first: neither may lead out of the folder.
        if not path.is_relative_to(folder):
            return told
        if path.suffix.lower() == ".npy":
            pixels = _array(path, shape)
        else:
            pixels = decoded(path.read_bytes(), shape)
    except (OSError, ValueError):
        return told
    return told if pixels is None else str(to_cells(pixels[None])[0])


def picture_cell(told: str, shape: Shape) -> str | None:
    """Return the cell of what a request or a table says instead of a file's name.

    Args:
        told: a cell, or a PNG or JPEG file in base64, also as a ``data:`` address.
        shape: height, width and channels.

    Returns:
        None where it is no picture.
    """
    if told.startswith("data:"):
        told = told.partition(",")[2]
    if to_bytes(told, shape) is not None:
        return told
    try:
        content = base64.b64decode(told, validate=True)
    except (ValueError, binascii.Error):
        return None
    pixels = decoded(content, shape)
    return None if pixels is None else str(to_cells(pixels[None])[0])


def decoded(content: bytes, shape: Shape) -> Pixels | None:
    """Return the pixels of a PNG or JPEG file at the size wanted, None where it is none.

    Args:
        content: the file's.
        shape: height, width and channels.
    """
    if not content.startswith(STARTS):
        return None
    height, width, channels = shape
    try:
        with warnings.catch_warnings(), Image.open(io.BytesIO(content), formats=FORMATS) as opened:
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            if opened.width * opened.height > LARGEST:
                return None
            plain = opened.convert(MODES[channels])
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, UserWarning):
        return None
    if plain.size != (width, height):
        plain = plain.resize((width, height), Image.Resampling.BOX)
    return np.asarray(plain, dtype=np.uint8).reshape(shape)


def encoded(pixels: Pixels) -> bytes:
    """Return a picture of shape (height, width, channels) as a PNG file.

    >>> encoded(np.zeros((2, 2, 1), np.uint8)).startswith(STARTS[0])
    True
    """
    file = io.BytesIO()
    plain = pixels[..., 0] if pixels.shape[-1] == 1 else pixels
    Image.fromarray(np.ascontiguousarray(plain)).save(file, "PNG")
    return file.getvalue()


def from_numbers(values: Any, shape: Shape) -> Pixels | None:
    """Return an array of the size as a picture, None where it is none.

    Args:
        values: whole numbers from 0 to 255, or numbers from 0 to 1; a single channel may have no
            axis of its own.
        shape: height, width and channels.

    >>> from_numbers([[0.0, 1.0]], (1, 2, 1)).ravel().tolist()
    [0, 255]
    """
    array = np.asarray(values)
    if array.dtype.kind not in "uif" or array.size != np.prod(shape):
        return None
    if array.shape not in {shape, shape[:-1]} or not np.isfinite(array).all():
        return None
    scale = FULL if array.dtype.kind == "f" else 1.0
    scaled = np.rint(array * scale)
    if scaled.min() < 0 or scaled.max() > FULL:
        return None
    return np.asarray(scaled, dtype=np.uint8).reshape(shape)


def _array(path: Path, shape: Shape) -> Pixels | None:
    return from_numbers(np.load(path, allow_pickle=False, mmap_mode="r"), shape)
