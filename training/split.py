"""Which rows train, which calibrate, and which judge: disjoint, and together all of them."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from factory.config import SplitConfig
from factory.errors import BadConfig, BadData
from factory.nouns import Schema

Positions = NDArray[np.int64]

FEWEST_ROWS = 30
FEWEST_TRAINING_ROWS = 10


@dataclass(frozen=True, slots=True)
class Split:
    """Row positions of the three parts, each in ascending order."""

    train: Positions
    calibration: Positions
    reference: Positions


def split(frame: pd.DataFrame, schema: Schema, config: SplitConfig, seed: int) -> Split:
    """Part rows into those that train, those that calibrate and those that judge.

    With a timestamp the newest rows are the reference, those before them calibrate, and rows of
    one instant stay together where that leaves each part at least half its size. Without one,
    classes are spread evenly over the parts and each class trains with at least one row.

    Raises:
        BadData: there are too few rows.
        BadConfig: the shares leave nothing to train on.

    >>> from factory.nouns import Column
    >>> frame = pd.DataFrame({"a": range(100), "y": 0.5})
    >>> parts = split(
    ...     frame, Schema((Column("a", "number"),), "y", "regression"), SplitConfig(), seed=0
    ... )
    >>> len(parts.train), len(parts.calibration), len(parts.reference)
    (70, 10, 20)
    """
    rows = len(frame)
    if rows < FEWEST_ROWS:
        raise BadData(
            f"{rows} labelled rows are too few to train and judge a model.",
            hint=f"give at least {FEWEST_ROWS}",
        )
    calibration = max(1, round(rows * config.calibration))
    reference = max(1, round(rows * config.reference))
    if rows - calibration - reference < FEWEST_TRAINING_ROWS:
        held = f"{config.calibration:g} + {config.reference:g}"
        raise BadConfig(
            f"split: calibration and reference of {held} leave "
            f"{max(0, rows - calibration - reference)} of {rows} rows to train on.",
            hint="lower split.reference",
        )
    if schema.timestamp is None:
        return _spread(_classes(frame, schema), calibration, reference, seed)
    return _in_time(_instants(frame, schema.timestamp), calibration, reference)


def folds(
    frame: pd.DataFrame, schema: Schema, count: int, seed: int
) -> tuple[tuple[Positions, Positions], ...]:
    """Part training rows for cross-validation: pairs of rows to fit on and rows to score on.

    With a timestamp the newest half is cut into ``count`` parts, and each is predicted from all
    that came before it. Without one, each row is predicted once, classes spread evenly.

    >>> frame = pd.DataFrame({"y": [1.0] * 12, "t": pd.date_range("2024-01-01", periods=12)})
    >>> schema = Schema((), "y", "regression", timestamp="t")
    >>> [(len(fit), len(score)) for fit, score in folds(frame, schema, 3, seed=0)]
    [(6, 2), (8, 2), (10, 2)]
    """
    rows = len(frame)
    if schema.timestamp is not None:
        return _expanding(_instants(frame, schema.timestamp), count)
    fold = np.empty(rows, dtype=np.int64)
    fold[_by_class(_classes(frame, schema), seed)] = np.arange(rows) % count
    every = range(min(count, rows))
    return tuple((np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in every)


def _classes(frame: pd.DataFrame, schema: Schema) -> Positions:
    if schema.task == "regression":
        return np.zeros(len(frame), dtype=np.int64)
    codes, _ = pd.factorize(frame[schema.target], sort=True)
    return np.asarray(codes, dtype=np.int64)


def _instants(frame: pd.DataFrame, timestamp: str) -> Positions:
    # A missing time is the smallest integer, so an undated row counts as the oldest.
    return np.asarray(frame[timestamp].to_numpy("datetime64[ns]").astype(np.int64))


def _by_class(classes: Positions, seed: int) -> Positions:
    shuffled = np.random.default_rng(seed).permutation(len(classes))
    return np.asarray(shuffled[np.argsort(classes[shuffled], kind="stable")], dtype=np.int64)


def _spread(classes: Positions, calibration: int, reference: int, seed: int) -> Split:
    order = _by_class(classes, seed)
    first = np.r_[True, np.diff(classes[order]) != 0]
    rest = order[~first]
    held = calibration + reference
    if held > len(rest):
        raise BadData(
            f"{int(first.sum())} classes in {len(order)} rows are too many to hold rows out.",
            hint="give more rows per class, or a number as target",
        )
    # Evenly spaced picks from rows sorted by class keep every class's share.
    picked = rest[((np.arange(held) + 0.5) * len(rest) / held).astype(np.int64)]
    steps = np.arange(held + 1) * reference // held
    judges = np.diff(steps) > 0
    train = np.setdiff1d(order, picked)
    return Split(train, np.sort(picked[~judges]), np.sort(picked[judges]))


def _in_time(instants: Positions, calibration: int, reference: int) -> Split:
    order = np.argsort(instants, kind="stable")
    times = instants[order]
    train = len(times) - calibration - reference
    first = _border(times, train, train - train // 2, train + calibration // 4)
    newest = train + calibration
    second = _border(times, newest, newest - calibration // 4, newest + reference // 2)
    parts = np.split(order, [first, second])
    return Split(*(np.sort(part) for part in parts))


def _expanding(instants: Positions, count: int) -> tuple[tuple[Positions, Positions], ...]:
    order = np.argsort(instants, kind="stable")
    times = instants[order]
    rows = len(times)
    count = min(count, rows // 2)
    size = (rows - rows // 2) / count
    wanted = [round(rows - size * (count - k)) for k in range(count)]
    slack = int(size // 4)
    borders = [_border(times, at, at - slack, at + slack) for at in wanted]
    ends = [*borders[1:], rows]
    return tuple(
        (np.sort(order[:start]), np.sort(order[start:end]))
        for start, end in zip(borders, ends, strict=True)
    )


def _border(times: Positions, at: int, low: int, high: int) -> int:
    """Move a border to the nearest change of time within bounds; leave it where there is none."""
    changes = np.flatnonzero(np.diff(times)) + 1
    near = changes[(changes >= low) & (changes <= high)]
    if not len(near):
        return at
    return int(near[np.argmin(np.abs(near - at))])
