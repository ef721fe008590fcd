"""``schema``: the table has no column for a feature."""

import difflib
from collections.abc import Mapping

import numpy as np

from factory.nouns import Bools
from factory.quality.feature import Feature, Finding, listed

ALIKE = 0.6
"""Likeness of two names, on [0, 1], from which one may be the other's new name."""


def absent(feature: Feature, found: Mapping[str, Bools]) -> Finding | None:
    """Tell of a feature whose column is gone; one that is new may be its new name."""
    del found
    if feature.name not in feature.window.absent:
        return None
    rows = np.ones(len(feature.window.frame), dtype=np.bool_)
    return Finding(rows, f"column is gone{_new(feature.name, feature.window.extra)}")


def _new(name: str, extra: tuple[str, ...]) -> str:
    if not extra:
        return ""
    plain = {_plain(other): other for other in extra}
    near = difflib.get_close_matches(_plain(name), list(plain), n=1, cutoff=ALIKE)
    if near:
        return f"; {plain[near[0]]!r} is new: renamed?"
    return f"; new: {listed(list(extra))}"


def _plain(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter.isalnum())
