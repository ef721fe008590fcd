"""``unit``: the whole window is told in another unit, or by a miscalibrated instrument.

Growth and seasons are changes of scale too. What tells a change of unit from them, in falling
order of certainty:

1. The *steps* in which values are told are scaled by the same factor as the values are: prices in
   cents come in multiples of 1.1 cents, temperatures in tenths of a degree Celsius come as
   multiples of 0.18 above 32. No drift does that, so that any factor is believed, also where the
   values drifted as well.
2. A *known conversion* explains the change: its factor lies in a narrow interval of the measured
   ratio, and once it is undone the distribution is the reference's again, which a shift does not
   achieve.
3. The *shape*: without steps and without a known conversion, a ratio is told only where it
   explains the change completely, of values of one sign and on thousands of rows. Growth can look
   like that, so it is reported but the rows are not called damaged.

A window of which only a part changed its unit is drift to this rule. So is a conversion whose
result was rounded and that comes with other drift at the same time.
"""

from collections.abc import Mapping

import numpy as np

from factory.nouns import Bools, Floats
from factory.profile import Numbers
from factory.quality.conversions import CONVERSIONS
from factory.quality.converted import Change, converted, moves_zero
from factory.quality.feature import Feature, Finding
from factory.quality.pair import Pair
from factory.quality.steps import fits, scaled_by, thinned

FEWEST, DIFFERENT = 20, 5
"""Rows, and different values, that both samples need."""
LIKELY = 1e-2
"""Chance of so large a change below which it is looked at."""
ASTRAY = 0.25
"""How far, in logarithms, drift may have moved the measured ratio away from that of the steps."""
SAME = 1e-6
"""Relative difference of two factors that are the same: conversions are written with 7 digits."""
PERFECT, FULLY, EXACT, LEAST = 0.02, 0.1, 0.01, 0.03
"""For a ratio told by shape: the largest distance that remains, the least p-value of that, and in
logarithms the interval's largest half width and the smallest change."""
BETTER, SHIFTED = 2.0, 1e-4
"""Times that undoing such a ratio brings the distributions closer than a shift does, and the
chance of what a shift leaves below which it is none."""
ONE_SIGN = 0.999
"""Share of values of one sign from which zero means something."""


def unit(feature: Feature, found: Mapping[str, Bools]) -> Finding | None:
    """Find a change of unit of the whole window, with its fitted factor and offset."""
    del found
    if not (isinstance(feature.reference, Numbers) and isinstance(feature.current, Numbers)):
        return None
    change = changed_unit(feature.reference, feature.current)
    if change is None:
        return None
    rows, fitted = ~feature.current.lost, (change.factor, change.offset)
    return Finding(rows, _detail(change), harm=change.certain, unit=fitted)


def changed_unit(reference: Numbers, current: Numbers) -> Change | None:
    """Return the change of unit between two samples, if there is one.

    >>> inches = np.random.default_rng(0).normal(60, 5, 2000).round(1)
    >>> found = changed_unit(Numbers.of(inches[:1000]), Numbers.of(2.54 * inches[1000:]))
    >>> found.factor, found.words
    (2.54, 'inches to centimetres')
    >>> changed_unit(Numbers.of(inches[:1000]), Numbers.of(inches[1000:] + 9))
    """
    pair = Pair(reference, current)
    if min(reference.size, current.size) < FEWEST:
        return None
    with np.errstate(all="ignore"):
        if pair.chance(pair.distance) >= LIKELY:
            return None
        if min(_different(pair.before), _different(pair.now)) < DIFFERENT:
            return None
        return _by_steps(pair) or converted(pair) or _by_shape(pair)


def _by_steps(pair: Pair) -> Change | None:
    known = pair.step
    if known is None:
        return None
    now = thinned(pair.now)
    for conversion in CONVERSIONS:
        factor, offset, words = conversion
        if not moves_zero(pair, conversion) or fits(now, known):
            continue
        if fits((now - offset) / factor, known):
            return _if_closer(pair, Change(factor, offset, words=words))
    if pair.fitted is None:
        return None
    bounds = pair.fitted.low * np.exp(-ASTRAY), pair.fitted.high * np.exp(ASTRAY)
    found = scaled_by(pair.before, pair.now, *bounds)
    return None if found is None else _if_closer(pair, _named(found, pair))


def _if_closer(pair: Pair, change: Change) -> Change | None:
    return change if pair.remaining(change.factor, change.offset) < pair.distance else None


def _named(factor: float, pair: Pair) -> Change:
    words = (c.words for c in CONVERSIONS if not c.offset and abs(c.factor / factor - 1) < SAME)
    fitted = pair.fitted
    clear = fitted is not None and fitted.is_certain and fitted.holds(factor)
    return Change(factor, measured=fitted if clear else None, words=next(words, ""))


def _by_shape(pair: Pair) -> Change | None:
    fitted = pair.fitted
    if fitted is None or fitted.width > EXACT or abs(np.log(fitted.value)) < LEAST:
        return None
    if pair.step is not None or not (_one_sign(pair.before) and _one_sign(pair.now)):
        return None
    remaining = pair.remaining(fitted.value, 0.0)
    if remaining > PERFECT or pair.chance(remaining) < FULLY:
        return None
    if remaining * BETTER > pair.shifted or pair.chance(pair.shifted) >= SHIFTED:
        return None
    return Change(fitted.value, measured=fitted, certain=False)


def _different(values: Floats) -> int:
    return int(np.count_nonzero(values[1:] != values[:-1])) + 1


def _one_sign(values: Floats) -> bool:
    return max(float(np.mean(values >= 0)), float(np.mean(values <= 0))) >= ONE_SIGN


def _detail(change: Change) -> str:
    plus = ""
    if change.offset:
        plus = f" {'plus' if change.offset > 0 else 'less'} {abs(change.offset):.5g}"
    between = ", and so are their steps"
    if change.measured is not None:
        between = f" ({change.measured.low:.4g} to {change.measured.high:.4g})"
    elif change.offset:
        between = ""
    asked = f": {change.words}?" if change.words else ""
    said = f"values are {change.factor:.5g} times the reference's{plus}{between}{asked}"
    return said if change.certain else f"{said}: a miscalibration, or growth"
