"""The steps in which values are told, such as tenths, which a change of unit scales as well."""

import numpy as np

from factory.nouns import Floats

DIGITS = range(7)
"""Decimal digits that are looked for."""
FEWEST = 20
"""Different values that it takes to know the step."""
LARGEST = 1e9
"""Steps that a value may be away from zero, so that floating point tells them apart."""
NEAR = 0.01
"""Share of a step by which a value may miss a multiple of it; chance hits 1 in 50."""
SHARE = 0.99
"""Share of the different values that must be multiples."""
HALF = 0.7
"""Share of multiples of the old step from which some values are only told more finely than it:
scaled by a fraction, at most every second one is such a multiple."""
ANCHORS = 3
"""Values from which factors are guessed."""
GUESSES = 10_000
"""Most factors that are guessed from one value."""
SAMPLE = 200
"""Different values of the window that are looked at."""


def step(values: Floats) -> float | None:
    """Return the largest decimal number of which all values are multiples.

    Args:
        values: ascending, shape (n,), finite.

    Returns:
        The step, or None where there is none of up to 6 digits, or too few different values.

    >>> step(np.arange(0.5, 20.0, 0.5)), step(np.sqrt(np.arange(2.0, 99.0)))
    (0.5, None)
    """
    different = np.unique(values)
    largest = max(abs(different[0]), abs(different[-1])) if len(different) else 0.0
    if len(different) < FEWEST or largest == 0:
        return None
    for digits in DIGITS:
        if largest * 10.0**digits > LARGEST:
            return None
        multiples = _multiples(different * 10.0**digits)
        if multiples.all():
            whole = np.rint(different * 10.0**digits).astype(np.int64)
            return float(np.gcd.reduce(whole)) / 10.0**digits
    return None


def fits(values: Floats, unit: float) -> bool:
    """Tell whether values are multiples of a step, and of no larger one.

    >>> even = np.arange(2.0, 99.0, 2.0)
    >>> fits(even, 2.0), fits(even, 1.0), fits(even, 3.0)
    (True, False, False)
    """
    scaled = values / unit
    if not np.abs(scaled).max(initial=0.0) <= LARGEST:
        return False
    good = _multiples(scaled)
    if good.mean() < SHARE:
        return False
    return int(np.gcd.reduce(np.rint(scaled[good]).astype(np.int64))) == 1


def scaled_by(before: Floats, now: Floats, low: float, high: float) -> float | None:
    """Return the factor by which the step of some values was scaled, if they show one.

    Args:
        before: ascending, shape (n,), finite.
        now: likewise, shape (m,).
        low: least factor that is asked about, above 0.
        high: largest factor that is asked about.

    >>> tenths = np.arange(10.0, 60.0, 0.1).round(1)
    >>> scaled_by(tenths, 1.1 * tenths, 1.05, 1.15), scaled_by(tenths, tenths + 3, 1.05, 1.15)
    (1.1, None)
    """
    known, different, earlier = step(before), thinned(now), thinned(before)
    if known is None or len(different) < FEWEST or fits(different, known):
        return None
    old = _multiples(different / known).mean()
    if HALF < old < SHARE:
        return None
    sizes = np.unique(np.abs(different[different != 0]))
    for anchor in sizes[:ANCHORS]:
        first, last = np.ceil(anchor / (known * high)), np.floor(anchor / (known * low))
        if not 0 <= last - first < GUESSES:
            continue
        units = anchor / np.arange(max(first, 1.0), last + 1)
        few = sizes[-FEWEST:, np.newaxis] / units
        for unit in units[_multiples(few).all(axis=0)].tolist():
            # Values that were multiples of the larger step all along have not been scaled to it.
            scaled = unit < known or _multiples(earlier / unit).mean() <= HALF
            if scaled and fits(different, unit):
                return _plain(unit / known)
    return None


def thinned(values: Floats) -> Floats:
    """Return some of the different values of a sorted sample, spread over it."""
    different = np.unique(values)
    chosen = np.linspace(0, len(different) - 1, min(len(different), SAMPLE))
    return different[chosen.astype(np.intp)]


def _multiples(scaled: Floats) -> "np.typing.NDArray[np.bool_]":
    """Mark numbers that are whole; below one half only zero is."""
    miss = np.abs(scaled - np.rint(scaled))
    return np.asarray(miss <= NEAR * np.minimum(np.abs(scaled), 1.0))


def _plain(factor: float) -> float:
    """Return a factor without the noise of floating point."""
    return float(f"{factor:.10g}")
