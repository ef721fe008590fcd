"""Labels that are damaged rather than changed: the rules on features, asked of the target."""

from dataclasses import replace

import numpy as np
import pandas as pd

from factory.nouns import Bools, Column, Problem, Schema, Window
from factory.profile import Profile
from factory.quality import inspect


def inspect_labels(
    reference: pd.DataFrame, window: Window, schema: Schema
) -> tuple[tuple[Problem, ...], Bools]:
    """Find labels that stand still, came in another unit, are placeholders or out of range.

    A label that is missing is not known yet, and no damage. A change that growth could explain
    is none either.

    Args:
        reference: labelled rows, canonical.
        window: the rows, whose target may be absent or missing in part.
        schema: names the target.

    Returns:
        The problems, and which rows' labels must not be used, shape (rows,).

    >>> from factory.nouns import DataVersion
    >>> schema = Schema((), "y", "regression")
    >>> known = pd.DataFrame({"y": np.random.default_rng(0).normal(size=500)})
    >>> window = Window(pd.DataFrame({"y": [1.5] * 200}), DataVersion("0", 200))
    >>> problems, broken = inspect_labels(known, window, schema)
    >>> [(p.feature, p.problem, p.of_labels) for p in problems], int(broken.sum())
    ([('y', 'constant', True)], 200)
    """
    broken = np.zeros(len(window.frame), dtype=bool)
    if schema.target not in window.frame:
        return (), broken
    known = window.frame[schema.target].notna().to_numpy()
    if not known.any():
        return (), broken
    target = schema.reading(
        (Column(schema.target, "number" if schema.task == "regression" else "category"),)
    )
    labelled = Window(window.frame.loc[known].reset_index(drop=True), window.version)
    before, now = (Profile.of(rows, target) for rows in (reference, labelled.frame))
    problems, damaged = inspect(before, now, labelled, target)
    if schema.target not in damaged:
        return (), broken
    broken[known] = damaged[schema.target]
    share = float(broken.mean())
    return tuple(replace(p, of_labels=True, share=min(p.share, share)) for p in problems), broken
