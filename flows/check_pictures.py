"""Which rows of an image the page of a check shows: usual ones, and the window's least usual."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from factory.bundle import Bundle
from factory.embedded import Embedded, unusual
from factory.nouns import Column, Outputs, Schema
from factory.pictures import read_cells
from flows.report.pictures import Strip

SHOWN = 12
"""Pictures of a strip."""


def images_of(schema: Schema) -> dict[str, Column]:
    """Return the features that are images, by name."""
    return {column.name: column for column in schema.features if column.kind == "image"}


def pictures_of(
    champion: Bundle, frame: pd.DataFrame, outputs: Outputs
) -> Mapping[str, tuple[Strip, ...]]:
    """Return a strip of the reference's pictures and one of the window's, for each image.

    The reference's are drawn evenly; the window's are those that lie farthest from the reference,
    the farthest first, with the row's number and what the champion says of it.

    Args:
        champion: whose reference it is.
        frame: the window's canonical rows.
        outputs: the champion's on them, shape (n,) or (n, k).
    """
    found = {}
    for name, column in images_of(champion.schema).items():
        before = champion.profile.features[name]
        now = Embedded.of(frame[name].to_numpy(dtype=object), column)
        if not isinstance(before, Embedded) or not len(before.cells) or not len(now.cells):
            continue
        some = np.linspace(0, len(before.cells) - 1, min(SHOWN, len(before.cells))).astype(int)
        order = np.argsort(-unusual(before, now), kind="stable")[:SHOWN]
        rows = np.flatnonzero(~now.lost)[order]
        found[name] = (
            Strip("Of the reference, drawn evenly", _pixels(before, some)),
            Strip(
                "Of this window, the least usual first: the row, and what the model says of it",
                _pixels(now, order),
                [f"{row + 1}: {_said(champion, outputs[row])}" for row in rows],
            ),
        )
    return found


def _pixels(feature: Embedded, rows: NDArray[np.intp]) -> NDArray[np.uint8]:
    return read_cells(feature.cells[rows], feature.column.shape)[0]


def _said(champion: Bundle, output: Outputs) -> str:
    classes = champion.schema.classes
    return f"{classes[output.argmax()]} ({output.max():.0%})" if classes else f"{output:.3g}"
