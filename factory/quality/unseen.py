"""``unseen``: categories that the reference does not make one expect."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from factory.detectors import shares
from factory.nouns import Bools
from factory.profile import Categories
from factory.quality.feature import Feature, Finding, listed

CERTAIN = 1e-5
"""Largest p-value at which a share counts as higher; a check looks at many features."""
UNSEEN, DAMAGED = 0.2, 0.5
"""Additional share of unseen categories that is a problem, and that breaks the rows."""


def unseen(feature: Feature, found: Mapping[str, Bools]) -> Finding | None:
    """Find more unseen categories than the reference makes one expect.

    More than a fifth of the values in excess of that are news, and damage from one half on.
    """
    del found
    reference, current = feature.reference, feature.current
    if not (isinstance(reference, Categories) and isinstance(current, Categories)):
        return None
    news = shares.unseen(reference, current)
    excess = min(news.effect, news.statistic - novelty(reference))
    if not (excess > UNSEEN and news.p_value < CERTAIN):
        return None
    values = pd.Series(feature.values)
    rows = (~values.isin(list(reference.counts)) & values.notna()).to_numpy()
    names = [name for name in current.counts if name not in reference.counts]
    return Finding(rows, f"such as {listed(names)}", harm=excess > DAMAGED)


def novelty(reference: Categories) -> float:
    """Return the share of the reference's later half that its earlier half does not hold.

    Where categories come and go with time, rows of one time are no measure of a later one.

    >>> novelty(Categories.of(np.array(["a", "b", "a", "c"], dtype=object)))
    0.5
    """
    earlier, later = np.array_split(reference.codes, 2)
    return float(1 - np.isin(later, earlier).mean()) if len(later) else 0.0
