"""Rows that are pictures, as pictures of a page."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from flows.report.markup import Markup, tag
from registry.pictures import encoded

LEAST = 56
"""Pixels of the screen that a picture's shorter side takes at least."""


@dataclass(frozen=True, eq=False)
class Strip:
    """Pictures side by side.

    Attributes:
        title: what they have in common.
        pixels: 0 to 255, shape (n, height, width) or (n, height, width, channels).
        captions: what stands below each; none at all where it is empty.
    """

    title: str
    pixels: NDArray[np.uint8]
    captions: Sequence[str] = field(default=())


def strip(shown: Strip) -> Markup:
    """Draw pictures in one row, each with its caption below; the page needs no other file.

    >>> drawn = strip(Strip("blank", np.zeros((1, 2, 2), np.uint8), ["row 1"]))
    >>> drawn.count("data:image/png;base64,"), "row 1" in drawn
    (1, True)
    """
    captions = [*shown.captions, *[""] * len(shown.pixels)]
    drawn = [
        tag("figure", picture(one, alt=shown.title), tag("figcaption", caption) if caption else "")
        for one, caption in zip(shown.pixels, captions, strict=False)
    ]
    return tag("div", tag("p", shown.title, class_="muted"), tag("div", *drawn), class_="strip")


def picture(pixels: NDArray[np.uint8], *, alt: str) -> Markup:
    """Draw one picture of shape (height, width) or (height, width, channels).

    Small ones are enlarged, pixel by pixel.
    """
    whole = pixels[..., None] if pixels.ndim == 2 else pixels  # noqa: PLR2004 - no channels
    height, width, _ = whole.shape
    factor = max(1, -(-LEAST // min(height, width)))
    address = f"data:image/png;base64,{base64.b64encode(encoded(whole)).decode()}"
    size = {"width": float(factor * width), "height": float(factor * height)}
    return tag("img", src=address, alt=alt, **size)
