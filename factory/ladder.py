"""The corruption ladder: pictures broken in known ways, at five severities each.

It answers whether a detector would see a camera that ages: noise, motion, light, resolution.
"""

from collections.abc import Callable, Mapping

import numpy as np

from factory.nouns import Floats
from factory.pictures import FULL, Pixels, resized

SEVERITIES = (1, 2, 3, 4, 5)
NOISE = (0.08, 0.12, 0.18, 0.26, 0.38)
LIGHT = (0.1, 0.2, 0.3, 0.4, 0.5)
COARSE = (0.6, 0.5, 0.4, 0.3, 0.25)
MOTION = (0.08, 0.13, 0.18, 0.25, 0.33)
"""Share of the picture's width over which a point is smeared; two pixels at least, and one more
with each severity."""

Corruption = Callable[[Floats, int, np.random.Generator], Floats]
"""Breaks pictures of values from 0 to 1, shape (n, height, width, channels)."""


def climbed(pixels: Pixels, corruption: str, severity: int, rng: np.random.Generator) -> Pixels:
    """Return pictures broken in one way.

    Args:
        pixels: shape (n, height, width, channels).
        corruption: one of ``LADDER``.
        severity: from 1 to 5.
        rng: draws noise.

    Source:
        Hendrycks and Dietterich, Benchmarking Neural Network Robustness to Common Corruptions
        and Perturbations (2019), whose severities of noise, light and resolution these are;
        their motion is told in pixels of larger pictures.

    >>> blank = np.zeros((1, 4, 4, 1), np.uint8)
    >>> climbed(blank, "brightness", 5, np.random.default_rng(0)).max().item()
    128
    """
    broken = LADDER[corruption](pixels / FULL, severity - 1, rng)
    return np.asarray(np.rint(np.clip(broken, 0, 1) * FULL), dtype=np.uint8)


def _gaussian_noise(pictures: Floats, step: int, rng: np.random.Generator) -> Floats:
    return pictures + rng.normal(0, NOISE[step], size=pictures.shape)


def _motion_blur(pictures: Floats, step: int, rng: np.random.Generator) -> Floats:
    del rng
    width = pictures.shape[2]
    length = min(width, max(2 + step, round(MOTION[step] * width)))
    before = length // 2
    spread = ((0, 0), (0, 0), (before, length - 1 - before), (0, 0))
    padded = np.pad(pictures, spread, mode="edge")
    return np.asarray(sum(padded[:, :, at : at + width] for at in range(length)) / length)


def _brightness(pictures: Floats, step: int, rng: np.random.Generator) -> Floats:
    del rng
    return pictures + LIGHT[step]


def _pixelate(pictures: Floats, step: int, rng: np.random.Generator) -> Floats:
    del rng
    height, width = pictures.shape[1:3]
    rows, columns = (max(1, int(side * COARSE[step])) for side in (height, width))
    coarse = resized(np.asarray(pictures * FULL), rows, columns) / FULL
    back = np.arange(height) * rows // height, np.arange(width) * columns // width
    return np.asarray(coarse[:, back[0]][:, :, back[1]])


LADDER: Mapping[str, Corruption] = {
    "gaussian_noise": _gaussian_noise,
    "motion_blur": _motion_blur,
    "brightness": _brightness,
    "pixelate": _pixelate,
}
