"""Data quality: what is damaged rather than changed, and the rows no model should learn from.

The rules and their limits:

* ``missing``: the share of missing values is certainly higher than the reference's. It exceeds
  the share in the worst stretch of the reference, as long as the window or a fifth of it, by
  more than 5 points and by more than that stretch exceeded the whole; or, of a feature that is
  mostly present, nine tenths of what is usually present are gone. A feature that is missing in
  long spells by nature has to be lost for longer than those.
* ``constant``: a feature that varied stands still for the whole window, far longer than it ever
  rested in the reference's own row order. What rests by nature is spared: a month, snow in
  summer. So is a feature that stands still in a part of the window only.
* ``out_of_range``: infinite where the reference was finite, or more than three reference ranges
  outside the reference's range, and that either farther than its tail reaches or with too many
  different values to be chance. Where more than half of the values are, the rest is not trusted
  either. What rises or falls all through the reference, such as a counter, may go on for thirty
  ranges. A unit error that stays within the limit is drift to this rule, a trend that leaves it
  is damage, and a constant reference has no range.
* ``placeholder``: 0, -1 or nothing but nines, where and as often as it never was before (see
  ``factory.placeholders``).
* ``unseen``: more than a fifth of the values are categories that the reference does not make
  one expect. They are news up to one half, and damage from there on.
* ``type``: at least 1 % of the values could not be read as the feature's kind.
"""

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import gammaln

from factory.detectors import shares
from factory.nouns import Bools, Floats, Problem, Schema, Window
from factory.placeholders import placeholders
from factory.profile import Categories, Numbers, Profile, Summary

CERTAIN = 1e-3
"""Largest p-value at which a share counts as higher."""
MISSING = 0.05
"""Additional share of missing values that is a problem."""
GONE, MOSTLY = 0.9, 0.5
"""Share of what is usually present whose loss is a problem, where this much is present."""
UNREADABLE = 0.01
"""Share of values of the wrong kind that is a problem; those cells are missing in any case."""
UNSEEN, DAMAGED = 0.2, 0.5
"""Additional share of unseen categories that is a problem, and that breaks the rows."""
STILL = 30
"""Rows that a constant needs."""
RESTS = 10
"""Times the reference's longest rest that a constant must last."""
RANGES, TREND_RANGES = 3.0, 30.0
"""Reference ranges that a value may lie outside the reference's range, and with a trend."""
TREND = 0.8
"""Steadiness from which a reference that rises or falls may go on."""
STRETCHES = 5
"""Stretches of the reference in which missing values are compared, at least."""
IMPOSSIBLE = 1e-6
"""Chance below which something does not happen by itself."""
TAIL, FEWEST = 0.02, 5
"""Share of the reference, and number of values, that tell how far its tail reaches."""
REACH = 7.0
"""Mean tail steps that a value may lie beyond the extreme; exp(-7) is 1 in 1,000."""
UNKNOWN_REACH = 100.0
"""Ranges beyond the extreme that a value may lie where too few values make a tail."""

Rule = Literal["missing", "constant", "out_of_range", "placeholder", "unseen", "type"]
Damage = tuple[Rule, Bools, Bools]
"""A rule, the rows it found, and those of them that must not be trained on."""


def inspect(
    reference: Profile, current: Profile, window: Window, schema: Schema
) -> tuple[tuple[Problem, ...], dict[str, Bools]]:
    """Find damaged features.

    Args:
        reference: profile of the reference.
        current: profile of the window.
        window: the rows themselves.
        schema: features and their kinds.

    Returns:
        The problems in the order of the features, and per damaged feature the rows, shape
        (rows,), that must not be trained on.

    >>> from factory.nouns import Column, DataVersion
    >>> schema = Schema((Column("a", "number"),), "y", "regression")
    >>> good = Profile.of(pd.DataFrame({"a": np.arange(100.0)}), schema)
    >>> frame = pd.DataFrame({"a": [*np.arange(98.0), 999999.0, np.inf]})
    >>> window = Window(frame, DataVersion("0", 100))
    >>> problems, broken = inspect(good, Profile.of(frame, schema), window, schema)
    >>> [(p.feature, p.problem, p.share) for p in problems]
    [('a', 'out_of_range', 0.02)]
    >>> np.flatnonzero(broken["a"]).tolist()
    [98, 99]
    """
    if len(window.frame) == 0:
        return (), {}
    problems: list[Problem] = []
    broken: dict[str, Bools] = {}
    for name in schema.names:
        values = window.frame[name].to_numpy()
        unreadable = window.unreadable.get(name, np.zeros(len(values), dtype=np.bool_))
        pair = reference.features[name], current.features[name]
        for rule, found, damaged in _damages(*pair, values, unreadable):
            problems.append(Problem(name, rule, float(found.mean())))
            if damaged.any():
                broken[name] = broken.get(name, np.zeros_like(damaged)) | damaged
    return tuple(problems), broken


def out_of_range(reference: Numbers, values: Floats) -> Bools:
    """Mark impossible values, shape (rows,); see the module's text for the rule.

    >>> reference = Numbers.of(np.linspace(20, 60, 500))
    >>> out_of_range(reference, np.array([95.0, -5.0, 9999.0, np.nan, -np.inf])).tolist()
    [False, False, True, False, True]
    """
    values = np.asarray(values, dtype=np.float64)
    infinite = np.isinf(values) & (reference.infinite == 0)
    finite = np.where(np.isfinite(values), values, np.nan)
    ranges = TREND_RANGES if abs(reference.trend) >= TREND else RANGES
    with np.errstate(over="ignore"):
        high = _above(reference.values, finite, ranges)
        low = _above(-np.flip(reference.values), -finite, ranges)
    return np.asarray(infinite | high | low, dtype=np.bool_)


def stands_still(reference: Numbers | Categories, window: Numbers | Categories) -> bool:
    """Tell whether a feature that used to vary is stuck at one value.

    >>> reference = Numbers.of(np.random.default_rng(0).normal(size=500))
    >>> stands_still(reference, Numbers.of(np.zeros(200)))
    True
    >>> stands_still(Numbers.of(np.repeat([1.0, 2.0], 250)), Numbers.of(np.zeros(200)))
    False
    """
    before, now = _occurrences(reference), _occurrences(window)
    if len(before) < 2 or len(now) != 1 or now.sum() < STILL:  # noqa: PLR2004 to vary takes two
        return False
    commonest = float(before.max() / before.sum())
    by_chance = commonest ** float(now.sum() - 1)
    return bool(by_chance < IMPOSSIBLE and now.sum() > RESTS * reference.longest_rest)


def _damages(
    reference: Summary, current: Summary, values: NDArray[Any], unreadable: Bools
) -> Iterator[Damage]:
    if unreadable.mean() >= UNREADABLE:
        yield "type", unreadable, unreadable
    lost = current.lost & ~unreadable
    certain = shares.missing(reference, Summary(lost)).p_value < CERTAIN
    if certain and lost.mean() > _most_missing(reference, len(values)):
        yield "missing", lost, lost
    match reference, current:
        case Numbers(), Numbers():
            yield from _still(reference, current, len(values))
            outside = out_of_range(reference, values)
            if outside.any():
                yield "out_of_range", outside, outside | (outside.mean() > DAMAGED)
            blank = placeholders(reference, values) & ~outside
            if blank.any() and not stands_still(reference, current):
                yield "placeholder", blank, blank
        case Categories(), Categories():
            yield from _still(reference, current, len(values))
            news = shares.unseen(reference, current)
            if news.effect > UNSEEN and news.p_value < CERTAIN:
                known = pd.Series(values).isin(list(reference.counts)).to_numpy()
                new = ~known & ~pd.isna(values)
                yield "unseen", new, new & (news.effect > DAMAGED)


def _most_missing(reference: Summary, rows: int) -> float:
    worst = reference.most_missing(min(rows, reference.rows // STRETCHES))
    usual = reference.missing / max(reference.rows, 1)
    limit = worst + max(MISSING, worst - usual)
    gone = usual + GONE * (1 - usual)
    return min(limit, max(worst, gone)) if usual < MOSTLY else limit


def _still(
    reference: Numbers | Categories, current: Numbers | Categories, rows: int
) -> Iterator[Damage]:
    if stands_still(reference, current):
        everything = np.ones(rows, dtype=np.bool_)
        yield "constant", everything, everything


def _occurrences(summary: Numbers | Categories) -> NDArray[np.int64]:
    match summary:
        case Numbers(values=values):
            starts = np.flatnonzero(values[1:] != values[:-1]) + 1
            return np.diff(starts, prepend=0, append=len(values)) if len(values) else starts
        case Categories(counts=counts):
            return np.array(list(counts.values()), dtype=np.int64)


def _above(reference: Floats, values: Floats, ranges: float) -> Bools:
    """Mark values impossibly far above the sorted reference."""
    if len(reference) == 0 or reference[0] == reference[-1]:
        return np.zeros(len(values), dtype=np.bool_)
    far = np.asarray(values > reference[-1] + ranges * (reference[-1] - reference[0]))
    # Rows that share a value, such as one weather report, are one event and count once.
    hits, rows, n = len(np.unique(values[far])), np.isfinite(values).sum(), len(reference)
    # If all rows were exchangeable, the top `hits` of both samples would all lie in the window
    # with this chance; that many beyond the maximum, let alone beyond the limit, is rarer still.
    chance = gammaln(rows + 1) - gammaln(rows - hits + 1)
    chance -= gammaln(n + rows + 1) - gammaln(n + rows - hits + 1)
    if hits == 0 or chance < np.log(IMPOSSIBLE):
        return far
    return np.asarray(far & (values > _reach(reference)), dtype=np.bool_)


def _reach(reference: Floats) -> float:
    """Return how far the upper tail of a sorted sample reaches.

    A power tail is straight in logarithms: the mean step there (Hill's estimate) says by which
    factor the extreme may grow. A lighter tail is overestimated, which only makes the rule
    milder. The step is enlarged by its own uncertainty.
    """
    median, highest = reference[len(reference) // 2], reference[-1]
    excess = reference[reference > median] - median
    if np.count_nonzero(reference != median) < FEWEST:
        return float("inf")
    k = min(max(FEWEST, int(TAIL * len(reference))), len(excess) - 1)
    if k < FEWEST:
        return float(highest + UNKNOWN_REACH * (highest - reference[0]))
    step = float(np.log(excess[-k:] / excess[-k - 1]).mean())
    step = (step + 1 / k) * (1 + 2 / np.sqrt(k))
    return float(median + (highest - median) * np.exp(REACH * step))
