"""The population stability index."""

import numpy as np
from scipy.special import erf

from factory.detectors.cells import Feature, cells, p_value, shares
from factory.detectors.finding import NOTHING, Finding


def psi(reference: Feature, window: Feature, deff: float = 1.0) -> Finding:
    """Compare two samples by the divergence of their shares per cell.

    Half a count is added to every cell, so an empty one stays finite. The statistic is in nats.
    A normal distribution that moves by d standard deviations has an index of d squared; the
    effect is the Kolmogorov-Smirnov distance that it would then have moved by.

    Args:
        reference: the reference's values.
        window: the window's values.
        deff: design effect: for how many dependent rows there is one independent row.

    Source:
        Siddiqi, Credit risk scorecards (2006); it is Jeffreys' divergence of the cells.

    >>> from factory.profile import Numbers
    >>> low, high = Numbers.of(np.arange(100.0)), Numbers.of(np.arange(50.0, 150.0))
    >>> psi(low, low).statistic, psi(low, high).statistic > 0.25
    (0.0, True)
    """
    table = cells(reference, window)
    if table.sum(axis=1).min() == 0:
        return NOTHING
    before, now = shares(table, padding=0.5)
    statistic = float(((before - now) * np.log(before / now)).sum())
    return Finding(statistic, p_value(table, statistic, deff), float(erf(np.sqrt(statistic / 8))))
