"""The Hellinger distance."""

import numpy as np

from factory.detectors.cells import Feature, cells, p_value, shares
from factory.detectors.finding import NOTHING, Finding
from factory.nouns import Floats


def hellinger(reference: Feature, window: Feature, deff: float = 1.0) -> Finding:
    """Compare two samples by the distance of the roots of their shares per cell.

    The statistic, from 0 to 1, is the effect as well. The p-value is of the distance with
    half a count added to every cell, because rare cells would overstate it.

    Args:
        reference: the reference's values.
        window: the window's values.
        deff: design effect: for how many dependent rows there is one independent row.

    Source:
        Hellinger, Neue Begründung der Theorie quadratischer Formen (1909).

    >>> from factory.profile import Categories
    >>> a, b = (Categories.of(np.array([name] * 50, dtype=object)) for name in "ab")
    >>> hellinger(a, a).statistic, hellinger(a, b).statistic
    (0.0, 1.0)
    """
    table = cells(reference, window)
    if table.sum(axis=1).min() == 0:
        return NOTHING
    distance = min(1.0, float(np.sqrt(_squared(shares(table)))))
    tested = p_value(table, 8 * _squared(shares(table, padding=0.5)), deff)
    return Finding(distance, tested, distance)


def _squared(pair: Floats) -> float:
    before, now = np.sqrt(pair)
    return float(((before - now) ** 2).sum()) / 2
