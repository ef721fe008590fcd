"""Looks at a challenger on traffic: repeated while labels come, at one error rate for all.

Labels of what champion and challenger both predicted come in bit by bit, and a test at the full
level after every bit would in the end pass any challenger. Here each look spends a part of the
level, and the parts of all looks that there may ever be add up to it: by Bonferroni's inequality
the error rate holds whatever the looks have in common, and however many they become. A look is
taken when the rows have grown by half, so that their number stays small.
"""

from dataclasses import dataclass
from typing import Literal

from factory.gate.bar import Bar
from factory.paired import Paired

GROWTH = 1.5
"""Times the rows of the last look, after which the next is worth its part of the level."""

Finding = Literal["better", "hopeless", "open"]


@dataclass(frozen=True, slots=True)
class Look:
    """What one look found.

    Attributes:
        number: of the look, from 1.
        rows: that both predicted and whose label is known.
        level: that this look spends, on either error.
        gain: relative, of the challenger.
        low: the gain is above, but for a chance of ``level``.
        high: it is below, alike.
        finding: whether the gate may be asked, no gate will ever pass it, or more labels decide.
    """

    number: int
    rows: int
    level: float
    gain: float
    low: float
    high: float
    finding: Finding


def spent(number: int, level: float) -> float:
    """Return what a look spends of the level; all looks together spend no more than all of it.

    Args:
        number: of the look, from 1.
        level: for all looks together.

    >>> spent(1, 0.05), round(sum(spent(i, 0.05) for i in range(1, 10_000)), 4)
    (0.025, 0.05)
    """
    return level / (number * (number + 1))


def due(rows: int, before: int, minimum: int) -> bool:
    """Say whether there are enough rows for the next look.

    Args:
        rows: judged by a label now.
        before: as many as the last look had, 0 for none.
        minimum: fewer judge nobody.

    >>> due(50, 0, 50), due(70, 50, 50), due(75, 50, 50)
    (True, False, True)
    """
    return rows >= max(minimum, GROWTH * before)


def look(found: Paired, bar: Bar, number: int) -> Look:
    """Look at a challenger beside the champion.

    It is hopeless once it is certain that it gains less than is asked, or loses more than is
    allowed: a bad one within few rows, one that is no better once the rows would have shown it.

    Args:
        found: both on the rows known so far.
        bar: what the gate asks; its level is that of all looks together.
        number: of the look, from 1.

    >>> import numpy as np
    >>> from factory.metrics import Metric
    >>> metric = Metric("mean_absolute_error", False, "regression", ())
    >>> y = np.random.default_rng(0).normal(size=200)
    >>> look(Paired.of(metric, y, y + 1 + 0.1 * y, y + 2 + 0.1 * y), Bar(), 1).finding
    'hopeless'
    """
    level = spent(number, bar.level)
    asks_gain = bar.asks == "improvement"
    border, worth = (0.0, bar.gain) if asks_gain else (-bar.config.margin,) * 2
    low, high = found.bound(level), found.bound(level, upper=True)
    finding: Finding = "open"
    if high < worth:
        finding = "hopeless"
    elif found.p_value(border) <= level:
        finding = "better"
    return Look(number, found.rows, level, found.gain, low, high, finding)
