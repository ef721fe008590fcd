"""Bounds of a share by the divergence of Kullback and Leibler."""

import numpy as np

from factory.nouns import Floats

STEPS = 30
"""Halvings, each of which makes a bound twice as sharp."""


def divergence(p: Floats, q: Floats) -> Floats:
    """Return the divergence of one Bernoulli share from another, in nats, elementwise.

    >>> divergence(np.array([0.5, 0.0]), np.array([0.5, 0.5])).round(4).tolist()
    [0.0, 0.6931]
    """
    tiny = np.finfo(np.float64).tiny
    p, q = np.clip(p, 0, 1), np.clip(q, tiny, 1 - 1e-16)
    rest = 1 - p
    told = p * np.log(np.maximum(p, tiny) / q)
    return np.asarray(told + rest * np.log(np.maximum(rest, tiny) / (1 - q)))


def share_bound(share: Floats, draws: Floats, budget: float, *, upper: bool) -> Floats:
    """Return the farthest shares that draws allow, shape (n,).

    Args:
        share: that was seen, shape (n,).
        draws: it was seen in, each at least one, shape (n,).
        budget: draws times the divergence of what was seen from the bound, at most.
        upper: bound from above, else from below.

    Source:
        Kaufmann and Kalyanakrishnan, Information complexity in bandit subset selection (2013).

    >>> share_bound(np.array([0.5]), np.array([100.0]), 2.0, upper=True).round(3).tolist()
    [0.599]
    """
    near, far = share.astype(np.float64), np.full(len(share), float(upper))
    for _ in range(STEPS):
        middle = (near + far) / 2
        inside = draws * divergence(share, middle) <= budget
        near, far = np.where(inside, middle, near), np.where(inside, far, middle)
    return near
