"""Many tests at once."""

import numpy as np

from factory.nouns import Floats


def benjamini_hochberg(p_values: Floats) -> Floats:
    """Return adjusted p-values; rejecting those at most q bounds false discoveries by q.

    Args:
        p_values: of independent or positively dependent tests, shape (n,).

    Source:
        Benjamini and Hochberg, Controlling the false discovery rate (1995).

    >>> benjamini_hochberg(np.array([0.01, 0.5, 0.02])).round(6).tolist()
    [0.03, 0.5, 0.03]
    """
    order = np.argsort(p_values)
    stepped = p_values[order] * len(p_values) / np.arange(1, len(p_values) + 1)
    adjusted = np.empty_like(stepped)
    adjusted[order] = np.minimum.accumulate(stepped[::-1])[::-1]
    return np.minimum(adjusted, 1.0)
