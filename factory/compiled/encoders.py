"""Encoders of categories as one table a feature: from a text to its columns."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from factory.compiled.rows import Texts
from factory.nouns import Floats

UNKNOWN = "\x00unknown"
"""A category that nothing was fitted on."""


def tables(encoder: Any, names: list[str]) -> list[tuple[dict[str | None, int], Floats]]:
    """Return, per feature, the place of each known category and the columns of each place.

    The encoder is asked, so that rare categories, those without a column and the missing one come
    out as it has them. The last place is that of every category that it does not know.

    Args:
        encoder: a fitted OrdinalEncoder or OneHotEncoder.
        names: the features that it was fitted on.

    >>> from sklearn.preprocessing import OneHotEncoder
    >>> frame = pd.DataFrame({"c": ["u", "v"]})
    >>> fitted = OneHotEncoder(handle_unknown="ignore", sparse_output=False).fit(frame)
    >>> [(places, columns)] = tables(fitted, ["c"])
    >>> places["v"], columns.tolist()
    (1, [[1.0, 0.0], [0.0, 1.0], [0.0, 0.0], [0.0, 0.0]])
    """
    known = [[str(c) for c in found if isinstance(c, str)] for found in encoder.categories_]
    asked = [[*texts, None, UNKNOWN] for texts in known]
    most = max(map(len, asked))
    padded = {
        name: np.array(texts + [UNKNOWN] * (most - len(texts)), dtype=object)
        for name, texts in zip(names, asked, strict=True)
    }
    columns = np.asarray(encoder.transform(pd.DataFrame(padded)), dtype=np.float64)
    widths = [_width(encoder, i) for i in range(len(names))]
    ends = np.cumsum(widths)
    return [
        (
            {text: place for place, text in enumerate(texts[:-1])},
            columns[: len(texts), end - width : end],
        )
        for texts, end, width in zip(asked, ends, widths, strict=True)
    ]


def encode(
    columns: list[tuple[int, dict[str | None, int], Floats]],
) -> Callable[[tuple[Texts, ...]], Floats]:
    """Return what encodes categories.

    Args:
        columns: of each feature its place among the categories, and its table.
    """

    def run(categories: tuple[Texts, ...]) -> Floats:
        made = [
            table[[places.get(text, len(table) - 1) for text in categories[place]]]
            for place, places, table in columns
        ]
        return made[0] if len(made) == 1 else np.hstack(made)

    return run


def _width(encoder: Any, feature: int) -> int:
    if not hasattr(encoder, "drop_idx_"):
        return 1
    known = len(encoder.categories_[feature])
    rare = getattr(encoder, "infrequent_categories_", [None] * (feature + 1))[feature]
    return known - (0 if rare is None else len(rare) - 1)
