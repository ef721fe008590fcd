"""Power: which changes a test would see, and what fewer independent rows make of a p-value."""

import numpy as np
from scipy.special import chdtri, chndtrinc, ndtr, ndtri

POWER_Z = 0.8416
"""Standard normal quantile of four in five."""
MISSED = 0.2


def detectable(rows: float, threshold: float, freedom: int) -> float | None:
    """Return the smallest change that a test would see in four of five windows.

    It is the share of rows that would have to move: the distance of two distribution functions
    (``freedom`` 0), or the total variation distance of categories. None where no change suffices.

    Args:
        rows: independent rows that the comparison is worth, n m / (n + m).
        threshold: p-value below which the test alarms.
        freedom: degrees of freedom of a test of categories.

    >>> round(detectable(500, 0.05, 0), 3), round(detectable(500, 0.05, 1), 3)
    (0.08, 0.063)
    >>> detectable(3, 0.001, 0)
    """
    if rows <= 0:
        return None
    if freedom == 0:
        # The largest distance is off by at most the deviation of a share of one half.
        needed = (np.sqrt(-np.log(threshold / 2) / 2) + POWER_Z / 2) / np.sqrt(rows)
    else:
        needed = np.sqrt(noncentrality(freedom, threshold) / (4 * rows))
    return float(needed) if needed <= 1 else None


def noncentrality(freedom: int, threshold: float) -> float:
    """Return the noncentrality at which a chi-squared test is significant in four of five cases.

    >>> round(noncentrality(1, 0.05), 2)
    7.85
    """
    return float(chndtrinc(chdtri(freedom, threshold), freedom, MISSED))


def normal_scale(p_value: float, deff: float) -> float:
    """Return a one-sided normal test's p-value for fewer independent rows.

    >>> round(normal_scale(0.001, 4.0), 3), normal_scale(0.7, 1.0)
    (0.061, 0.7)
    """
    if deff == 1:
        return p_value
    z = -float(ndtri(max(p_value, np.finfo(float).tiny)))
    return float(ndtr(-z / np.sqrt(deff)))
