"""The total variation distance of categories."""

from factory.detectors.chi2 import chi2
from factory.detectors.finding import Finding
from factory.profile import Categories


def tv(reference: Categories, window: Categories) -> Finding:
    """Compare the shares of categories by the share of rows that would have to change.

    The distance is over the cells of the chi-squared test, and the p-value is that test's.

    Source:
        Levin, Peres and Wilmer, Markov chains and mixing times (2009), chapter 4.

    >>> import numpy as np
    >>> even = Categories.of(np.array(["a", "b"] * 50, dtype=object))
    >>> tv(even, Categories.of(np.array(["a"] * 100, dtype=object))).statistic
    0.5
    """
    found = chi2(reference, window)
    return found._replace(statistic=found.effect)
