"""Labelled rows that stand in for a window without labels: the reference made to look like it."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from factory.bundle import Bundle
from factory.nouns import ROWS, Bools, Problem
from factory.reweight import Coder, balance, effective, shares


def stand_in(
    bundle: Bundle,
    frame: pd.DataFrame,
    problems: tuple[Problem, ...],
    broken: Mapping[str, Bools],
    seed: int,
) -> pd.DataFrame:
    """Return rows of the reference as they would be had they come with this window.

    They are drawn so that sound features, and what the champion says where none is broken, have
    the window's shares (see ``factory.reweight``), and as few as the weights are worth, so that
    intervals are as wide as they have to be. Then they are damaged as the window is: a change of
    unit converts their own values, other damage replaces as large a share of them by the
    window's broken values. That the relation moved, no such row can show.

    Args:
        bundle: the champion, with its reference.
        frame: the window's canonical rows; labels are not looked at.
        problems: what is damaged.
        broken: per damaged feature, its rows, shape (rows,).
        seed: of the draws.

    >>> from sklearn.dummy import DummyRegressor
    >>> from sklearn.pipeline import make_pipeline
    >>> from factory.nouns import Column, Schema
    >>> schema = Schema((Column("a", "number"),), "y", "regression")
    >>> rows = pd.DataFrame({"a": np.arange(400.0), "y": np.arange(400.0)})
    >>> bundle = Bundle(
    ...     schema=schema, pipeline=make_pipeline(DummyRegressor()).fit(rows[["a"]], rows["y"]),
    ...     family="", params={}, metric="mean_absolute_error", reference=rows,
    ...     reference_outputs=np.zeros(400), reference_score=1.0, importance={}, neutral={},
    ...     seen=np.array([], dtype=np.uint64),
    ... )
    >>> drawn = stand_in(bundle, rows.iloc[300:], (), {}, seed=0)
    >>> len(drawn) < 400, bool(drawn["a"].mean() > 300)
    (True, True)
    >>> lost = rows.assign(a=np.nan)
    >>> drawn = stand_in(bundle, lost, (Problem("a", "missing", 1.0),), {"a": rows["a"] >= 0}, 0)
    >>> len(drawn), int(drawn["a"].isna().sum())
    (400, 400)
    """
    rng = np.random.default_rng(seed)
    units = {p.feature: p.unit for p in problems if p.unit and not p.handled}
    masks = {
        name: np.asarray(mask, dtype=bool)
        for name, mask in broken.items()
        if name in bundle.schema.names and name not in units and np.any(mask)
    }
    rows = _alike(bundle, frame, {*masks, *units}, rng)
    for name, unit in units.items():
        rows[name] = rows[name] * unit[0] + unit[1]
    for name, mask in masks.items():
        hit = rng.random(len(rows)) < mask.mean()
        values = frame[name].to_numpy()[mask]
        rows.loc[hit, name] = values[rng.integers(len(values), size=int(hit.sum()))]
    return rows


def _alike(
    bundle: Bundle, frame: pd.DataFrame, damaged: set[str], rng: np.random.Generator
) -> pd.DataFrame:
    schema = bundle.schema.without({*damaged, *bundle.neutralised, ROWS})
    outputs = np.zeros(len(bundle.reference)), np.zeros(len(frame))
    if not damaged:
        outputs = bundle.reference_outputs, bundle.outputs(frame)
    coder = Coder.fit(schema, bundle.reference, outputs[0])
    wanted = shares(coder.cells(frame, outputs[1]), coder.width)
    weights = balance(coder.cells(bundle.reference, outputs[0]), wanted)
    n = int(effective(weights))
    # Evenly spaced in the cumulated weights: no row comes more often than its weight says.
    steps = (np.arange(n) + rng.random()) / n * weights.sum()
    drawn = np.minimum(np.searchsorted(np.cumsum(weights), steps), len(weights) - 1)
    rows: pd.DataFrame = bundle.reference.iloc[drawn].reset_index(drop=True)
    return rows
