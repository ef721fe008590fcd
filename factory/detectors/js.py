"""The Jensen-Shannon distance."""

import numpy as np
from scipy.special import rel_entr

from factory.detectors.cells import Feature, cells, p_value, shares
from factory.detectors.finding import NOTHING, Finding
from factory.nouns import Floats


def js(reference: Feature, window: Feature, deff: float = 1.0) -> Finding:
    """Compare two samples by how far their shares per cell are from the mean of both.

    The statistic is the root of the divergence in nats, at most the root of log 2; the effect
    is its share of that. The p-value is of the distance with half a count added to every cell,
    because rare cells would overstate it.

    Args:
        reference: the reference's values.
        window: the window's values.
        deff: design effect: for how many dependent rows there is one independent row.

    Source:
        Endres and Schindelin, A new metric for probability distributions (2003); equals
        ``scipy.spatial.distance.jensenshannon`` on the same cells.

    >>> from factory.profile import Categories
    >>> a, b = (Categories.of(np.array([name] * 50, dtype=object)) for name in "ab")
    >>> js(a, a).statistic, js(a, b).effect
    (0.0, 1.0)
    """
    table = cells(reference, window)
    if table.sum(axis=1).min() == 0:
        return NOTHING
    divergence = _divergence(shares(table))
    effect = min(1.0, float(np.sqrt(divergence / np.log(2))))
    tested = p_value(table, 8 * _divergence(shares(table, padding=0.5)), deff)
    return Finding(float(np.sqrt(divergence)), tested, effect)


def _divergence(pair: Floats) -> float:
    return max(0.0, float(rel_entr(pair, pair.mean(axis=0)).sum()) / 2)
