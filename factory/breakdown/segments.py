"""Segments: drift and performance within parts of a window, each against its own reference.

What moves in one segment only is diluted in the whole window. But the fewer rows, the less they
show, and the more segments, the more alarms by chance: all segments together share one part of
the alarm budget, and each says what it could have seen under it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pandas as pd

from factory.breakdown.fall import TESTED, fall, fall_estimated
from factory.breakdown.partition import Partition, partition
from factory.breakdown.parts import Place, Segment, SegmentPerformance
from factory.breakdown.rows import Rows
from factory.config import CheckConfig
from factory.detectors.features import OPTIONAL, Measured, judged, measure
from factory.estimate import estimate
from factory.metrics import metric_named
from factory.nouns import Counts, Estimate, Outputs, Signal
from factory.profile import Profile


@dataclass(frozen=True)
class Piece:
    """One segment's rows, by position, before anything is measured."""

    where: dict[str, Place]
    pooled: bool
    reference: Counts
    window: Counts


def segments(rows: Rows, config: CheckConfig, *, level: float, seed: int) -> tuple[Segment, ...]:
    """Measure every segment that the config names, those of one entry after the other.

    A segment alarms as a whole window does: where a feature's test is sure enough and its effect
    no trifle, or where the metric fell for certain and by more than the tolerance.

    Args:
        rows: the window.
        config: what parts it, how many segments there may be, and when they alarm.
        level: chance that any segment alarms where nothing changed; half of it is for drift.
        seed: of everything random.

    Returns:
        The rows of one entry's segments are all rows of the window. Each entry may add one
        segment, of all rows that are in no other, to the number that the config allows.

    Raises:
        BadConfig: a column is not there, or its cut does not suit what it holds.

    >>> import numpy as np
    >>> from factory.bundle import Bundle
    >>> from factory.nouns import Column, Schema
    >>> rng = np.random.default_rng(0)
    >>> frame = pd.DataFrame({"c": np.repeat(["u", "v"], 500), "y": rng.normal(size=1000)})
    >>> bundle = Bundle(
    ...     schema=Schema((Column("c", "category"),), "y", "regression"), pipeline=None, family="",
    ...     params={}, metric="mean_absolute_error", reference=frame.astype({"c": object}),
    ...     reference_outputs=np.zeros(1000), reference_score=0.8, importance={}, neutral={},
    ...     seen=np.array([], dtype=np.uint64),
    ... )
    >>> outputs = np.where(frame["c"] == "v", 9.0, 0.0)
    >>> truth = bundle.reference["y"].to_numpy()
    >>> window = Rows(bundle, bundle.reference, truth, outputs, np.ones(1000, dtype=bool))
    >>> found = segments(window, CheckConfig(segments=["c"]), level=0.02, seed=0)
    >>> [(s.where, s.rows, s.performance.alarm) for s in found]
    [({'c': 'u'}, 500, None), ({'c': 'v'}, 500, True)]
    """
    if not config.segments:
        return ()
    pieces = list(_pieces(rows, config))
    names = list(rows.bundle.schema.names)
    features = rows.bundle.reference[names], rows.frame[names]
    tests = [_drift(rows, features, piece, config) for piece in pieces]
    count = sum(len(found) for found in tests)
    threshold = rows.bundle.budget.threshold(level / 2, count)
    falls = sum(min(len(piece.reference), len(piece.window)) >= TESTED for piece in pieces)
    share = level / 2 / max(falls, 1)
    return tuple(
        _segment(rows, piece, found, config, (threshold, share), seed)
        for piece, found in zip(pieces, tests, strict=True)
    )


def segment_signals(found: Sequence[Segment]) -> tuple[Signal, ...]:
    """Return every test of every segment as one signal, named by the segment and the feature.

    A fall's effect is the relative loss; its kind is ``performance``.

    >>> told = SegmentPerformance(fall=0.2, p_value=0.001, alarm=True)
    >>> one = Segment({"c": "u"}, False, 9, 9, 1.0, 9, (), False, told)
    >>> [(s.feature, s.kind, s.p_value) for s in segment_signals([one])]
    [('c=u', 'performance', 0.001)]
    """
    named = []
    for segment in found:
        name = ", ".join(f"{column}={place}" for column, place in segment.where.items())
        for s in segment.drift:
            title = f"{name}: {s.feature}"
            numbers = s.statistic, s.p_value, s.effect
            named.append(Signal(title, s.kind, s.detector, *numbers, s.alarm, s.detectable))
        told = segment.performance
        if told.p_value is not None and told.fall is not None:
            numbers = told.fall, told.p_value, told.fall
            alarm = told.alarm is True
            named.append(Signal(name, "performance", "fall", *numbers, alarm, told.detectable))
    return tuple(named)


def _pieces(rows: Rows, config: CheckConfig) -> Iterator[Piece]:
    reference, schema, most = rows.bundle.reference, rows.bundle.whole, config.most_segments
    parted = [partition(reference, rows.frame, schema, one, most) for one in config.segments]
    allowed = _allowed([len(found.where) for found in parted], most)
    for grouping, found, few in zip(config.segments, parted, allowed, strict=True):
        if len(found.where) > few:
            yield from _split(partition(reference, rows.frame, schema, grouping, few))
        else:
            yield from _split(found)


def _split(found: Partition) -> Iterator[Piece]:
    for number, (before, now) in enumerate(found.rows()):
        yield Piece(dict(found.where[number]), number == found.pooled, before, now)


def _allowed(sizes: Sequence[int], most: int) -> list[int]:
    """Share out how many segments there may be: what the small leave goes to the large."""
    allowed = [0] * len(sizes)
    left = most
    for rank, entry in enumerate(sorted(range(len(sizes)), key=sizes.__getitem__)):
        allowed[entry] = min(sizes[entry], left // (len(sizes) - rank))
        left -= allowed[entry]
    return allowed


def _drift(
    rows: Rows, features: tuple[pd.DataFrame, pd.DataFrame], piece: Piece, config: CheckConfig
) -> list[Measured]:
    if min(len(piece.reference), len(piece.window)) == 0:
        return []
    schema = rows.bundle.schema
    before = Profile.of(features[0].take(piece.reference), schema)
    now = Profile.of(features[1].take(piece.window), schema)
    return measure(before, now, schema, config.detectors, rows.bundle.budget)


def _segment(
    rows: Rows,
    piece: Piece,
    tests: Sequence[Measured],
    config: CheckConfig,
    levels: tuple[float, float],
    seed: int,
) -> Segment:
    silent = rows.bundle.neutralised
    drift = judged(tests, levels[0], config, silent=silent)
    return Segment(
        where=piece.where,
        pooled=piece.pooled,
        rows=len(piece.window),
        labelled=int(rows.labelled[piece.window].sum()),
        share=len(piece.window) / max(len(rows.frame), 1),
        reference_rows=len(piece.reference),
        drift=drift,
        drift_powered=_powered(tests, drift, silent, config.segment_effect),
        performance=_performance(rows, piece, config, levels[1], seed),
    )


def _powered(
    tests: Sequence[Measured], drift: Sequence[Signal], silent: Sequence[str], effect: float
) -> bool:
    """Whether every feature would have shown a drift of that size.

    Features without a value on one side are none: that they lack values is a test of its own.
    """
    seen = [
        signal.detectable is not None and signal.detectable <= effect
        for one, signal in zip(tests, drift, strict=True)
        if signal.feature not in silent and (one.rows > 0 or one.kind in OPTIONAL)
    ]
    return bool(seen) and all(seen)


def _performance(
    rows: Rows, piece: Piece, config: CheckConfig, level: float, seed: int
) -> SegmentPerformance:
    bundle = rows.bundle
    metric = metric_named(bundle.metric, bundle.schema)
    target = bundle.reference[bundle.schema.target].to_numpy()[piece.reference]
    known = ~pd.isna(target)
    before = target[known], bundle.reference_outputs[piece.reference][known]
    judged_rows = piece.window[rows.labelled[piece.window]]
    now = rows.truth[judged_rows], rows.outputs[judged_rows]
    found = fall(metric, before, now, config, level=level, seed=seed)
    # What is known of a row's target cannot be estimated as if it were not.
    blind = not any(bundle.schema.target == column for column in piece.where)
    if found.realised is not None or not blind:
        return found
    now_estimated = _estimated(rows, rows.frame, rows.outputs, piece.window, config, seed)
    if now_estimated is None:
        return found
    told = bundle.reference, bundle.reference_outputs
    before_estimated = _estimated(rows, *told, piece.reference, config, seed)
    if found.reference is None or before_estimated is None:
        return SegmentPerformance(found.reference, estimated=now_estimated)
    pair = found.reference, before_estimated
    return fall_estimated(metric, pair, now_estimated, config, level=level)


def _estimated(
    rows: Rows,
    frame: pd.DataFrame,
    outputs: Outputs,
    where: Counts,
    config: CheckConfig,
    seed: int,
) -> Estimate | None:
    return estimate(
        rows.bundle.estimator,
        metric_named(rows.bundle.metric, rows.bundle.schema),
        frame.take(where),
        outputs[where],
        confidence=config.confidence,
        resamples=config.resamples,
        seed=seed,
    )
