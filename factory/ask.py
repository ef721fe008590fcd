"""Which rows to ask labels for: those that teach most, where the window moved, and unlike others.

How many are needed is told by ``factory.labels.labels_needed``.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata

from factory.bundle import Bundle
from factory.calibrate import judged
from factory.losses import LossModel
from factory.nouns import Floats, Outputs, Signal

EDGES = np.array([0, 0.01, *np.arange(0.05, 0.96, 0.05), 0.99, 1])
"""Quantiles of the reference that part a number's cells; those beyond its range are two more."""
STRATA, COARSE = 5, 4
"""Columns that say which rows are alike, and how many of their cells make one for that."""
SHARE = 10
"""Of rows that are alike at most one in so many is taken while there are others."""
MOVED = 10
"""Features that moved most, which are looked at."""
SAID = "*"
"""Stands for what the champion says, as in a signal of prediction drift."""
HALF = 0.5
"""Rows that every cell is given, so that an empty one has a share."""


def rows_to_label(
    bundle: Bundle,
    frame: pd.DataFrame,
    outputs: Outputs,
    signals: Sequence[Signal],
    *,
    count: int,
    seed: int,
) -> NDArray[np.intp]:
    """Choose the most informative rows.

    There are two reasons to ask for a row: the champion is unsure of it, or values like its own
    have become commoner in the features that moved. Where both are known, half of the rows are
    chosen for each; where the window moved, how sure an outdated champion is counts for nothing. Of
    rows that are alike in what moved, what matters most and what the champion says, at most a
    tenth of what is asked for is taken while there are others.

    Args:
        bundle: the champion.
        frame: canonical rows without a label.
        outputs: the champion's on them, shape (n,) or (n, k).
        signals: of drift; those that alarm say what moved.
        count: how many rows to choose.
        seed: of the choice between equals.

    Returns:
        Positions in ``frame``, ascending, as many as asked for or all.

    Source:
        Settles, Active Learning Literature Survey (2009), for margins, expected error and the
        weight of what is representative.

    >>> from sklearn.dummy import DummyClassifier
    >>> from sklearn.pipeline import Pipeline
    >>> from factory.nouns import Column, Schema
    >>> schema = Schema((Column("a", "number"),), "y", "binary", classes=("n", "p"))
    >>> before = pd.DataFrame({"a": np.arange(100.0), "y": ["n", "p"] * 50})
    >>> pipeline = Pipeline([("model", DummyClassifier())]).fit(before[["a"]], before["y"])
    >>> champion = Bundle(
    ...     schema=schema, pipeline=pipeline, family="", params={}, metric="accuracy",
    ...     reference=before, reference_outputs=np.full((100, 2), 0.5), reference_score=0.5,
    ...     importance={}, neutral={}, seen=np.array([], dtype=np.uint64),
    ... )
    >>> moved = Signal("a", "number", "ks", 0.1, 0.0, 0.1, alarm=True)
    >>> frame = pd.DataFrame({"a": [*np.arange(0.0, 96.0, 4.0), *np.full(6, 99.0)]})
    >>> said = champion.outputs(frame)
    >>> bool(rows_to_label(champion, frame, said, [moved], count=1, seed=0)[0] >= 24)
    True
    """
    n = len(frame)
    if count >= n:
        return np.arange(n)
    moved = _moved(bundle, signals)
    matter = sorted(bundle.importance, key=lambda name: -bundle.importance[name])
    names = [name for name in dict.fromkeys((*moved, SAID, *matter)) if _has_cells(bundle, name)]
    columns = {name: _cells(bundle, frame, outputs, name) for name in (*names[:STRATA], *moved)}
    grown = sum((_grown(*columns[name]) for name in moved), np.zeros(n))
    reasons = [part for part in (_unsure(bundle, frame, outputs), grown) if np.ptp(part) > 0]
    ranks = [rankdata(part) / n for part in reasons] or [np.ones(n)]
    lots = np.random.default_rng(seed).random(n)
    coarse = np.column_stack([columns[name][1] // COARSE for name in names[:STRATA]])
    alike = np.unique(coarse, axis=0, return_inverse=True)[1].ravel()
    left = np.ones(n, dtype=bool)
    for number, rank in enumerate(ranks):
        quota = (count - int((~left).sum())) // (len(ranks) - number)
        left[_different(np.flatnonzero(left), rank, lots, alike, quota)] = False
    return np.flatnonzero(~left)


def _different(
    rows: NDArray[np.intp], rank: Floats, lots: Floats, alike: NDArray[np.intp], quota: int
) -> NDArray[np.intp]:
    """Choose rows that rank highest, of those alike not too many while there are others.

    Args:
        rows: positions to choose from.
        rank: of every row, shape (n,).
        lots: what tells equal ranks apart, shape (n,).
        alike: equal for rows that are alike, shape (n,).
        quota: how many to choose.
    """
    order = rows[np.lexsort((lots[rows], -rank[rows]))]
    spare = _earlier(alike[order]) >= max(1, quota // SHARE)
    first: NDArray[np.intp] = np.concatenate([order[~spare], order[spare]])[:quota]
    return first


def _unsure(bundle: Bundle, frame: pd.DataFrame, outputs: Outputs) -> Floats:
    """Return how unsure the champion is of each row: by its margin, or by its expected loss."""
    if outputs.ndim > 1:
        best = np.sort(outputs, axis=1)
        return np.asarray(best[:, -2] - best[:, -1])
    if isinstance(bundle.estimator, LossModel):
        return bundle.estimator.guesses(frame, outputs)
    return np.zeros(len(frame))


def _moved(bundle: Bundle, signals: Sequence[Signal]) -> list[str]:
    """Return what moved, the largest effect first."""
    alarms = sorted((s for s in signals if s.alarm), key=lambda each: -each.effect)
    names = [n for s in alarms for n in (s.tells if s.kind == "joint" else (s.feature,))]
    return [name for name in dict.fromkeys(names) if _has_cells(bundle, name)][:MOVED]


def _has_cells(bundle: Bundle, name: str) -> bool:
    """Tell whether values are comparable: dates always move, and the target is not known."""
    return name == SAID or name in {c.name for c in bundle.schema.features if c.plain}


def _cells(
    bundle: Bundle, frame: pd.DataFrame, outputs: Outputs, name: str
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the cell of each row of the reference, and of each row of the frame."""
    if name == SAID:
        label = judged(outputs.shape[1])[0] if outputs.ndim > 1 else ...
        return _parted(bundle.reference_outputs.T[label], outputs.T[label])
    before, now = bundle.reference[name], frame[name]
    if pd.api.types.is_numeric_dtype(before):
        return _parted(before.to_numpy(np.float64), now.to_numpy(np.float64))
    codes = pd.factorize(pd.concat([before, now]))[0] + 1
    return codes[: len(before)], codes[len(before) :]


def _parted(before: Floats, now: Floats) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Part numbers at quantiles of the former; those that are missing are in cell 0."""
    finite = before[np.isfinite(before)]
    edges = np.unique(np.quantile(finite, EDGES)) if len(finite) else np.empty(0)
    sides = (
        np.searchsorted(edges[:-1], values, "right") + (values > edges[-1:].max(initial=-np.inf))
        for values in (before, now)
    )
    first, second = (
        np.where(np.isfinite(values), cells + 1, 0)
        for values, cells in zip((before, now), sides, strict=True)
    )
    return first, second


def _grown(before: NDArray[np.intp], now: NDArray[np.intp]) -> Floats:
    """Return the logarithm of how the share of each row's cell grew."""
    width = int(max(before.max(initial=0), now.max(initial=0))) + 1
    ratios = [
        np.log((np.bincount(cells, minlength=width) + HALF) / len(cells)) for cells in (before, now)
    ]
    return np.asarray((ratios[1] - ratios[0])[now])


def _earlier(groups: NDArray[np.intp]) -> NDArray[np.intp]:
    """Count, for each entry, the equal ones before it.

    >>> _earlier(np.array([5, 3, 5, 5])).tolist()
    [0, 0, 1, 2]
    """
    order = np.argsort(groups, kind="stable")
    ordered = groups[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    sizes = np.diff(np.r_[starts, len(groups)])
    counts = np.empty(len(groups), dtype=np.intp)
    counts[order] = np.arange(len(groups)) - np.repeat(starts, sizes)
    return counts
