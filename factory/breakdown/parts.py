"""Nouns for the parts of a window: segments, groups, what rows are worth and how they were sorted.

What a part's rows could not have shown is None, never False: a segment without power has no
alarm, and is not said to be fine.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from factory.nouns import Estimate, Signal

Place = str | float | None
"""What a part is in one column: a category or a bin, a number, or missing."""


@dataclass(frozen=True, slots=True)
class SegmentPerformance:
    """A segment's metric, and whether it fell.

    Attributes:
        reference: the metric on the reference's rows of the segment.
        realised: on the window's labelled ones.
        estimated: on all of the window's, where labels are too few.
        fall: relative loss, of the realised metric or of the estimated one; below 0 is a gain.
        p_value: chance of such a loss if the metric were no worse.
        detectable: the smallest relative loss that would be seen in about four of five windows.
        powered: whether that is no more than the loss that is accepted.
        alarm: None where there is none and power is lacking.
    """

    reference: float | None = None
    realised: Estimate | None = None
    estimated: Estimate | None = None
    fall: float | None = None
    p_value: float | None = None
    detectable: float | None = None
    powered: bool = False
    alarm: bool | None = None


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment of a window beside the same segment of the reference.

    Attributes:
        where: its place in each of the columns that part the rows.
        pooled: whether it holds all that is in no other segment.
        rows: the window's.
        labelled: rows that count for performance.
        share: of the window's rows.
        reference_rows: the reference's.
        drift: a signal per feature and detector, under the alarm budget of all segments.
        drift_powered: whether drift of the size that matters would have been seen.
        performance: the metric.
    """

    where: Mapping[str, Place]
    pooled: bool
    rows: int
    labelled: int
    share: float
    reference_rows: int
    drift: tuple[Signal, ...]
    drift_powered: bool
    performance: SegmentPerformance

    @property
    def drift_alarm(self) -> bool | None:
        """Whether a feature moved; None where none did and power is lacking."""
        if any(signal.alarm for signal in self.drift):
            return True
        return False if self.drift_powered else None

    @property
    def powered(self) -> bool:
        """Whether both a drift and a fall that matter would have been seen."""
        return self.drift_powered and self.performance.powered

    @property
    def alarm(self) -> bool | None:
        """Whether anything was found; None where nothing was and power is lacking."""
        return either(self.drift_alarm, self.performance.alarm)


@dataclass(frozen=True, slots=True)
class Gap:
    """A difference or ratio between groups, with its interval, and what it was on the reference."""

    value: float
    low: float
    high: float
    reference: float | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """How one group of people or things is treated.

    Attributes:
        where: its place in each of the columns that make groups.
        pooled: whether it holds all that is in no other group; it enters no gap.
        rows: the window's.
        labelled: rows whose label is known.
        metrics: each with its interval and the rows it rests on.
        gaps: per metric, how far the best group is ahead.
        detectable: the smallest relative shortfall against the best group that its rows show.
        powered: whether that is no more than the shortfall that is accepted.
    """

    where: Mapping[str, Place]
    pooled: bool
    rows: int
    labelled: int
    metrics: Mapping[str, Estimate]
    gaps: Mapping[str, Gap]
    detectable: float | None
    powered: bool


@dataclass(frozen=True, slots=True)
class Fairness:
    """How groups compare.

    Attributes:
        columns: what makes the groups.
        favourable: the class that is good to get; None for regressions and for accuracy alone.
        groups: the largest first.
        gaps: between the groups, by the field's names.
        impact_ratio: the least ratio of selection rates that is accepted.
        fair: whether the ratio keeps to it for certain; None where rows are too few to say.
        alarm: whether it is broken for certain and an alarm was asked for.
    """

    columns: tuple[str, ...]
    favourable: str | None
    groups: tuple[Group, ...]
    gaps: Mapping[str, Gap]
    impact_ratio: float
    fair: bool | None
    alarm: bool


@dataclass(frozen=True, slots=True)
class Value:
    """What the champion's predictions are worth.

    Attributes:
        unit: such as EUR.
        per_row: mean over the labelled rows, with its interval; None where there are too few.
        reference_per_row: mean over the reference.
        estimated_per_row: expected mean over all rows, told without labels.
    """

    unit: str
    per_row: Estimate | None
    reference_per_row: float
    estimated_per_row: float | None


@dataclass(frozen=True, slots=True)
class ClassCounts:
    """One class against the rest: counts, and the shares that follow; None where undefined."""

    tp: int
    fp: int
    fn: int
    tn: int

    @property
    def precision(self) -> float | None:
        """Share of the rows called positive that are."""
        return _share(self.tp, self.tp + self.fp)

    @property
    def recall(self) -> float | None:
        """Share of the positive rows that were called so."""
        return _share(self.tp, self.tp + self.fn)

    @property
    def specificity(self) -> float | None:
        """Share of the negative rows that were called so."""
        return _share(self.tn, self.tn + self.fp)


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What became of the labelled rows.

    Attributes:
        rows: labelled rows.
        metrics: accuracy and ``kl_divergence``, or a regression's errors.
        binary: the positive class against the other, in binary tasks.
        classes: each class against the rest, the commonest first, in multiclass tasks.
        left_out: classes beyond those.
    """

    rows: int
    metrics: Mapping[str, float]
    binary: ClassCounts | None = None
    classes: Mapping[str, ClassCounts] | None = None
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class Breakdown:
    """All that a check says of a window's parts; see the modules of the same names.

    ``lacking`` are columns beside the features of which no row of the window has a value, so that
    nothing is said of the segments and groups by them.
    """

    segments: tuple[Segment, ...] = ()
    fairness: tuple[Fairness, ...] = ()
    value: Value | None = None
    counts: Outcomes | None = None
    lacking: tuple[str, ...] = ()

    @property
    def alarm(self) -> bool:
        """Whether any segment or group was found to be in trouble."""
        return any(s.alarm is True for s in self.segments) or any(f.alarm for f in self.fairness)


def either(*alarms: bool | None) -> bool | None:
    """Return whether any alarmed; None where none did and one cannot tell.

    >>> either(True, None), either(False, None), either(False, False)
    (True, None, False)
    """
    if any(alarms):
        return True
    return None if None in alarms else False


def _share(some: int, of: int) -> float | None:
    return some / of if of else None
