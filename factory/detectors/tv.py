"""The total variation distance of categories."""

from factory.detectors.chi2 import chi2
from factory.detectors.finding import Finding
from factory.profile import Categories


def tv(reference: Categories, window: Categories, deff: float = 1.0) -> Finding:
    """Compare the shares of categories by the share of rows that would have to change.

    The distance is over the cells of the chi-squared test, and the p-value is that test's.

    Args:
        reference: the reference's categories.
        window: the window's categories.
        deff: design effect: for how many dependent rows there is one independent row.

    Source:
        Levin, Peres and Wilmer, Markov chains and mixing times (2009), chapter 4.

    >>> import numpy as np
    >>> even = Categories.of(np.array(["a", "b"] * 50, dtype=object))
    >>> tv(even, Categories.of(np.array(["a"] * 100, dtype=object))).statistic
    0.5
    """
    found = chi2(reference, window, deff)
    return found._replace(statistic=found.effect)
