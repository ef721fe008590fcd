"""What detectors of all features together share: their form, rows drawn, columns as numbers."""

from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from factory.detectors import JOINT, JOINT_PLUGINS
from factory.embedded import placed
from factory.nouns import Floats, Schema

COMMONEST = 20
"""Categories of a feature that get a column of their own; the others share one."""
FARTHEST = 1_000.0
"""Spreads from the middle at which a number is cut off, so that sums of squares stay finite."""


class Joint(Protocol):
    """What a joint detector returns; every number is finite."""

    @property
    def statistic(self) -> float:
        """The detector's own measure."""

    @property
    def p_value(self) -> float:
        """Chance of such a statistic if nothing had changed."""

    @property
    def effect(self) -> float:
        """Size of the change on [0, 1], comparable between window sizes."""


JointDetector = Callable[[pd.DataFrame, pd.DataFrame, Schema, int], Joint]


@cache
def joint(name: str) -> JointDetector:
    """Load a joint detector of the table.

    >>> joint("mmd").__name__
    'mmd'
    """
    module, function = {**JOINT, **JOINT_PLUGINS}[name].split(":")
    loaded: JointDetector = getattr(import_module(module), function)
    return loaded


def sample(rows: int, most: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Return the positions of at most that many rows, in order, drawn without repetition.

    >>> sample(3, 5, np.random.default_rng(0)).tolist()
    [0, 1, 2]
    """
    if rows <= most:
        return np.arange(rows)
    return np.sort(rng.choice(rows, size=most, replace=False))


def encode(reference: pd.DataFrame, window: pd.DataFrame, schema: Schema) -> tuple[Floats, Floats]:
    """Turn the features of two canonical tables into numbers of one scale.

    Numbers are measured from the reference's median in its spread; categories get a column
    each, the rarer ones share one. What is missing or infinite is at the median, and marked in
    a column of its own. Texts and images are where their usual embedding puts them, a column a
    dimension. Dates are left out, because they always tell.

    Returns:
        The two tables, shapes (rows, k); k is 0 where there is no feature to encode.

    >>> from factory.nouns import Column
    >>> schema = Schema((Column("c", "category"),), "y", "regression")
    >>> before, now = (pd.DataFrame({"c": [*names]}, dtype=object) for names in ("aab", "c"))
    >>> [table.tolist() for table in encode(before, now, schema)]
    [[[1.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]], [[0.0, 0.0, 1.0]]]
    """
    blocks = [np.empty((len(reference) + len(window), 0))]
    for column in schema.features:
        pair = reference[column.name], window[column.name]
        if column.kind == "number":
            blocks.append(_measured(*(side.to_numpy(dtype=np.float64) for side in pair)))
        elif column.kind == "category":
            blocks.append(_marked(*pair))
        elif column.embedded:
            points = placed(column, pair[0], pd.concat(pair))
            blocks += [_measured(p[: len(reference)], p[len(reference) :]) for p in points.T]
    both = np.hstack(blocks)
    return both[: len(reference)], both[len(reference) :]


def _measured(before: Floats, now: Floats) -> Floats:
    known = np.sort(before[np.isfinite(before)])
    both = np.concatenate((before, now))
    lost = ~np.isfinite(both)
    if len(known) == 0:
        return lost[:, None].astype(np.float64)
    peak = float(np.abs(known).max()) or 1.0
    last = len(known) - 1
    middle, quartiles = known[last // 2], (known[3 * last // 4] / peak - known[last // 4] / peak)
    # Where most rows repeat one value the quartiles are equal, and the deviation tells more.
    spread = quartiles / 1.349 or float((known / peak).std()) or 1.0
    with np.errstate(over="ignore", invalid="ignore"):
        scaled = np.clip((both / peak - middle / peak) / spread, -FARTHEST, FARTHEST)
    scaled[lost] = 0.0
    return np.column_stack([scaled, lost]) if lost.any() else scaled[:, None]


def _marked(before: "pd.Series[Any]", now: "pd.Series[Any]") -> Floats:
    names = before.value_counts().index[:COMMONEST]
    both = pd.concat([before, now])
    codes = names.get_indexer(both)
    codes[(codes < 0) & both.notna().to_numpy()] = len(names)
    # Missing rows have code -1, the last column.
    marks = np.eye(len(names) + 2)[codes]
    return marks[:, marks.any(axis=0)]
