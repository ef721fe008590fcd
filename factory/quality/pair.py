"""A feature's values then and now, and what can be asked of the two together."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from factory.nouns import Floats
from factory.profile import Numbers
from factory.quality.scaling import Ratio, apart, centre, chance, quantiles, ratio
from factory.quality.steps import step

SPREAD = 0.05, 0.95
"""Quantiles between which values spread."""
AGREES = 0.05
"""Distance of two distributions that does not matter, and p-value from which it is chance."""


@dataclass(frozen=True, eq=False)
class Pair:
    """Two samples of one feature; what is not needed is never computed.

    Attributes:
        reference: the one.
        current: the other.
    """

    reference: Numbers
    current: Numbers

    @cached_property
    def before(self) -> Floats:
        """Values of the reference, ascending, at most 2,048."""
        return quantiles(self.reference)

    @cached_property
    def now(self) -> Floats:
        """Values of the window, likewise."""
        return quantiles(self.current)

    @cached_property
    def distance(self) -> float:
        """How far the two distributions are apart."""
        return apart(self.reference, self.now)

    @cached_property
    def fitted(self) -> Ratio | None:
        """By which factor the values differ."""
        return ratio(self.before, self.now, (self.reference.size, self.current.size))

    @cached_property
    def spread(self) -> Ratio | None:
        """By which factor the distances to the centre differ."""
        rows = self.reference.size, self.current.size
        return ratio(self.before - centre(self.before), self.now - centre(self.now), rows)

    @cached_property
    def shifted(self) -> float:
        """The distance that remains where the window is only shifted to the reference."""
        return apart(self.reference, self.now - centre(self.now) + centre(self.before))

    @cached_property
    def step(self) -> float | None:
        """The step in which the reference's values are told."""
        return step(self.before)

    @cached_property
    def width(self) -> float:
        """How far the window's values spread."""
        low, high = np.quantile(self.now, SPREAD)
        return float(high - low)

    def remaining(self, factor: float, offset: float) -> float:
        """Return the distance that remains when a factor and an offset are undone."""
        return apart(self.reference, (self.now - offset) / factor)

    def agrees(self, distance: float) -> bool:
        """Tell whether a distance is too small to matter, or chance."""
        return distance <= AGREES or self.chance(distance) >= AGREES

    def chance(self, distance: float) -> float:
        """Return the p-value of a distance."""
        return chance(distance, self.reference.size, self.current.size)
