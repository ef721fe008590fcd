"""Parts of the rows in which a challenger must not get worse: segments of now, slices of before.

A segment is judged on the newest rows. An older slice is judged only where it has a say: where
the newest rows hold too few of its kind to speak for themselves, and where the relation has not
moved since. After a concept drift a model *must* get worse on old rows: they tell what was
true. Whether the relation moved shows in the champion: where its own loss changed from old to new
on rows alike, segment by segment so that a mere shift of the rows does not count, old rows are
no longer evidence and forgetting is not judged. A class that has become rare moves the relation
in every segment and nothing in any class: it is judged by rank, and unless the champion's loss
changed within classes.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtr

from factory.breakdown.bins import Bin, Grouping
from factory.breakdown.partition import Partition, partition
from factory.bundle import Bundle
from factory.calibrate import dependence
from factory.gate.bar import Bar
from factory.metrics import Metric, metric_named, row_losses
from factory.nouns import Counts, Floats, GateTest, Outputs, Schema
from factory.paired import Paired

TESTED = 30
"""Rows below which nothing is tested."""
FEATURES = 3
"""Most important features that part rows where no segments are named."""
BINS = 10


@dataclass(frozen=True)
class Pair:
    """Two models on the same labelled rows: canonical rows, true values, outputs of both."""

    frame: pd.DataFrame
    truth: NDArray[Any]
    champion: Outputs
    challenger: Outputs

    def take(self, rows: Counts) -> "Pair":
        """Return some of the rows, by position."""
        return Pair(
            self.frame.take(rows), self.truth[rows], self.champion[rows], self.challenger[rows]
        )


@dataclass(frozen=True)
class Judged:
    """A part of the rows, and how the two models compare there."""

    name: str
    found: Paired


def segment_test(champion: Bundle, metric: Metric, now: Pair, bar: Bar) -> GateTest:
    """Look for a segment in which the challenger is worse: certainly, and by more than a trifle.

    All segments together blame a challenger that is as good everywhere with half the gate's
    error rate. A segment that neither would have shown such a loss nor shows that there is none
    has no power; it is counted, and its silence is not taken as consent.

    Args:
        champion: whose reference says how rows are parted.
        metric: the champion's.
        now: both models on the newest rows.
        bar: segments, their accepted loss, error rate.
    """
    accepted = bar.config.segment_loss or 0.0
    parts = []
    for grouping in groupings(champion, bar, now.frame):
        parted = _parted(champion.reference, now.frame, champion.whole, grouping, bar)
        for where, (_, rows) in zip(parted.where, parted.rows(), strict=True):
            if len(rows) >= TESTED:
                parts.append(Judged(_name(where), _paired(metric, now.take(rows))))
    return _test("segments", "segments", parts, accepted, bar.level / 2)


def forgetting_test(
    champion: Bundle, metric: Metric, now: Pair, before: Pair, bar: Bar
) -> GateTest:
    """Look for a slice of older rows that the challenger has forgotten.

    Slices are the segments, and classes; see the module for which of them are judged. A class
    is judged by how well its rows are told from all others, since its share may rightly have
    changed. Half the gate's error rate is for all slices together.

    Args:
        champion: whose important features part rows where no segments are named.
        metric: the champion's.
        now: both models on the newest rows.
        before: both on older rows, which neither was trained on.
        bar: segments, accepted loss, error rate.
    """
    accepted = bar.config.forgetting or 0.0
    if len(before.truth) < TESTED:
        said = f"Only {len(before.truth)} older rows are new to both models"
        return GateTest("forgetting", None, said)
    schema, kept = champion.schema, champion.whole
    parted = [
        _parted(before.frame, now.frame, kept, grouping, bar)
        for grouping in groupings(champion, bar, now.frame)
    ]
    parts = []
    moved = _moved(schema, parted, before, now, bar)
    if not moved:
        for one in parted:
            for where, (old, new) in zip(one.where, one.rows(), strict=True):
                spoken = len(new) >= TESTED and _powered(
                    _paired(metric, now.take(new)), accepted, bar.level
                )
                if len(old) >= TESTED and not spoken:
                    parts.append(Judged(_name(where), _paired(metric, before.take(old))))
    if schema.classes:
        cut = (Bin(column=schema.target),)
        by_class = partition(before.frame, now.frame, kept, cut, len(schema.classes))
        if not _moved(schema, [by_class], before, now, bar):
            parts += _classes(schema, before, now)
    if moved and not parts:
        return GateTest("forgetting", None, moved)
    return _test("forgetting", "older slices", parts, accepted, bar.level / 2)


def groupings(champion: Bundle, bar: Bar, frame: pd.DataFrame) -> tuple[Grouping, ...]:
    """Return what parts the rows: the segments asked for, else the most important features.

    Columns that the rows or the champion's reference lack part nothing, nor do texts and images.
    """
    asked = bar.segments
    if not asked:
        worth, whole = champion.importance, {c.name for c in champion.schema.features if c.embedded}
        silent = {*bar.silent, *whole}
        weights = {name: value for name, value in worth.items() if value > 0 and name not in silent}
        first = sorted(weights, key=lambda name: -weights[name])[:FEATURES]
        asked = tuple((Bin(column=name),) for name in first)
    known = set(frame.columns) & set(champion.reference.columns)
    return tuple(one for one in asked if {cut.column for cut in one} <= known)


def _parted(
    reference: pd.DataFrame, window: pd.DataFrame, schema: Schema, grouping: Grouping, bar: Bar
) -> Partition:
    most = bar.most_segments if bar.segments else min(BINS, bar.most_segments)
    return partition(reference, window, schema, grouping, most)


def _paired(metric: Metric, rows: Pair) -> Paired:
    return Paired.of(metric, rows.truth, rows.champion, rows.challenger)


def _powered(found: Paired, accepted: float, level: float) -> bool:
    """Whether a loss of that size would have shown, or certainly is not there."""
    return bool(found.detectable(level) <= accepted or found.p_value(-accepted) <= level)


def _test(name: str, parts_of: str, parts: list[Judged], accepted: float, level: float) -> GateTest:
    """Blame the part that is worst of those that are certainly worse by more than accepted."""
    judged = [p for p in parts if np.isfinite(p.found.p_value(worse=True))]
    share = level / max(len(judged), 1)
    silent = [p.name for p in judged if not _powered(p.found, accepted, share)]
    powered = len(judged) - len(silent)
    worse = [
        p for p in judged
        if p.found.gain < -accepted and p.found.p_value(worse=True) <= share
    ]  # fmt: skip
    worst = min(worse or judged, key=lambda p: p.found.gain, default=None)
    figures: dict[str, float | int | str | None] = {"judged": len(judged), "powered": powered}
    if worst is None:
        return GateTest(name, None, f"No {parts_of} with enough rows", figures)
    said = (
        f"{worst.found.metric.name} {worst.found.gain:+.1%} where {worst.name} "
        f"({worst.found.rows:,} rows)"
    )
    figures |= {
        "without_power": "; ".join(silent), "worst": worst.name, "gain": worst.found.gain,
        "rows": worst.found.rows, "p_value": worst.found.p_value(worse=True),
    }  # fmt: skip
    if worse:
        return GateTest(name, passed=False, because=f"The challenger is worse in {len(worse)} of "
                        f"{len(judged)} {parts_of}: {said}", figures=figures)  # fmt: skip
    because = f"No certain loss in {len(judged)} {parts_of}, {powered} of them with power: {said}"
    return GateTest(name, None if silent else True, because, figures)


def _moved(
    schema: Schema, parted: list[Partition], before: Pair, now: Pair, bar: Bar
) -> str | None:
    """Say whether the champion's loss changed on rows alike, parted in any of the ways."""
    losses = [row_losses(schema, side.truth, side.champion) for side in (before, now)]
    slow = [1.0, 1.0]
    if schema.timestamp is not None:
        slow = [dependence(loss - loss.mean()) for loss in losses]
    for one in parted:
        usual, grown, error = _growth(one, losses, slow)
        if not (usual > 0 and error > 0):
            continue
        certain = 2 * float(ndtr(-abs(grown) / error)) <= bar.level / len(parted)
        if certain and abs(grown) > bar.config.margin * usual:
            return (
                f"The relation has moved: the champion's loss is {grown / usual:+.1%} on rows "
                f"alike ({', '.join(one.columns)}), so older rows do not judge"
            )
    return None


def _growth(parted: Partition, losses: list[Floats], slow: list[float]) -> tuple[float, ...]:
    """Return the old loss on segments that both sides hold, its growth, and that's error."""
    terms = [
        (len(old) * len(new) / (len(old) + len(new)),
         losses[0][old].mean(),
         losses[1][new].mean() - losses[0][old].mean(),
         slow[0] * losses[0][old].var() / len(old) + slow[1] * losses[1][new].var() / len(new))
        for old, new in parted.rows()
        if min(len(old), len(new)) >= TESTED
    ]  # fmt: skip
    if not terms:
        return 0.0, 0.0, 0.0
    weights, usual, grown, variance = np.array(terms).T
    weights /= weights.sum()
    return (
        float(weights @ usual), float(weights @ grown), float(np.sqrt(weights**2 @ variance))
    )  # fmt: skip


def _classes(schema: Schema, before: Pair, now: Pair) -> Iterator[Judged]:
    """Compare how well classes that have become rare are told from the others."""
    pair = Schema((), schema.target, "binary", schema.timestamp, classes=("other", "this"))
    ranks = metric_named("roc_auc", pair)
    for code, label in enumerate(schema.classes):
        this, rare = before.truth == label, (now.truth == label).sum() < TESTED
        if not rare or min(this.sum(), (~this).sum()) < TESTED:
            continue
        sides = [np.stack([1 - o[:, code], o[:, code]], axis=1)
                 for o in (before.champion, before.challenger)]  # fmt: skip
        truth = np.where(this, "this", "other").astype(object)
        yield Judged(f"{schema.target}={label}", Paired.of(ranks, truth, *sides))


def _name(where: Mapping[str, Any]) -> str:
    return ", ".join(f"{column}={place}" for column, place in where.items())
