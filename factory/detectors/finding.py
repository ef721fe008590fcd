"""What a detector returns."""

from typing import NamedTuple


class Finding(NamedTuple):
    """How far and how surely a window is from its reference; every number is finite.

    Attributes:
        statistic: the detector's own measure.
        p_value: chance of such a statistic if nothing had changed.
        effect: size of the change on [0, 1], comparable between window sizes.
    """

    statistic: float
    p_value: float
    effect: float


NOTHING = Finding(0.0, 1.0, 0.0)
"""The finding where there is nothing to compare."""
