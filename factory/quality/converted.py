"""Which known conversion explains how a window differs from its reference."""

from math import log
from typing import NamedTuple

from factory.quality.conversions import CONVERSIONS, Conversion
from factory.quality.pair import Pair
from factory.quality.scaling import Ratio

IMPOSSIBLE = 1e-6
"""Chance of so large a change below which conversions are looked at."""
LARGE = 10.0
"""Factor from which a conversion is large, so that little else can explain it."""
CLOSE, CLOSE_IF_LARGE, CLOSE_SHARE, CLOSE_SPREAD = 0.03, 0.3, 0.15, 0.15
"""Most that ratio and conversion may differ, and half the interval be wide, in logarithms: for
small factors; for large ones, and as a share of theirs; for the spreads' ratio where zero moves."""
ZERO, KELVIN = 0.4, 3.0
"""Times the spread of the values that zero must have moved by: from Celsius to Fahrenheit, and to
Kelvin. Of values far from zero it says nothing that it moved."""
FAR_ZERO = 100.0
"""Offset from which Kelvin is involved."""
BETTER = 3.0
"""Times that undoing a conversion brings the distributions closer than nothing or a shift does."""


class Change(NamedTuple):
    """A change of unit.

    Attributes:
        factor: that values were multiplied with.
        offset: that was added.
        measured: the measured ratio; None where it is not what tells the factor.
        words: from what to what, empty where it is not known.
        certain: whether nothing else looks like that.
    """

    factor: float
    offset: float = 0.0
    measured: Ratio | None = None
    words: str = ""
    certain: bool = True


def converted(pair: Pair) -> Change | None:
    """Return the known conversion whose undoing makes the window look like the reference.

    Where the interval of the ratio holds several, the ratio itself is told.
    """
    explained = []
    if pair.chance(pair.distance) < IMPOSSIBLE:
        explained = [c for c in CONVERSIONS if _is_close(pair, c) and _explains(pair, c)]
    if not explained:
        return None
    best = min(explained, key=lambda c: pair.remaining(c.factor, c.offset))
    if best.offset or pair.fitted is None:
        return Change(best.factor, best.offset, words=best.words)
    if sum(pair.fitted.holds(c.factor) for c in explained if not c.offset) > 1:
        return Change(pair.fitted.value, measured=pair.fitted)
    return Change(best.factor, measured=pair.fitted, words=best.words)


def moves_zero(pair: Pair, conversion: Conversion) -> bool:
    """Tell whether a conversion moves zero by enough to be seen."""
    least = KELVIN if abs(conversion.offset) > FAR_ZERO else ZERO
    return conversion.offset != 0 and abs(conversion.offset) >= least * pair.width


def _is_close(pair: Pair, conversion: Conversion) -> bool:
    measured = pair.spread if conversion.offset else pair.fitted
    if measured is None or (conversion.offset and not moves_zero(pair, conversion)):
        return False
    size = abs(log(conversion.factor))
    close = max(CLOSE_IF_LARGE, CLOSE_SHARE * size) if size >= log(LARGE) else CLOSE
    close = CLOSE_SPREAD if conversion.offset else close
    if measured.width > close or not 0 < measured.value < float("inf"):
        return False
    return abs(log(measured.value) - log(conversion.factor)) <= close


def _explains(pair: Pair, conversion: Conversion) -> bool:
    remaining = pair.remaining(conversion.factor, conversion.offset)
    if not pair.agrees(remaining):
        return False
    shifted = pair.distance if conversion.factor == 1 else pair.shifted
    return remaining * BETTER <= min(pair.distance, shifted)
