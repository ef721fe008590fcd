"""What a diagnosis is made of: shares of a fall, and features in the order of their priority."""

from dataclasses import dataclass
from typing import Literal

Source = Literal["broken", "covariates", "labels", "relation", "release"]
"""Where a loss comes from: broken rows, P(x), P(y), P(y|x), or a version that need not serve."""


@dataclass(frozen=True, slots=True)
class Share:
    """The part of a window's extra loss that comes from one source, with its interval.

    1 is the whole fall. A share below 0 has made up for others. ``low`` and ``high`` are NaN
    where the rows do not bound it.
    """

    source: Source
    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Suspect:
    """One feature of a window, and why one should look at it first or last.

    Attributes:
        feature: its name.
        drift: size of its largest change on [0, 1].
        alarm: whether that is more than is accepted.
        importance: its share of what all features are worth to the champion, 0 to 1.
        priority: drift x importance.
        loss: share of the window's extra loss that its own move carries; None where the loss
            was not attributed.
    """

    feature: str
    drift: float
    alarm: bool
    importance: float
    priority: float
    loss: float | None = None


@dataclass(frozen=True, slots=True)
class ClassShare:
    """How common a class was, and is estimated to be without its labels, with an interval."""

    label: str
    before: float
    now: float
    low: float
    high: float

    @property
    def moved(self) -> bool:
        """Whether the interval leaves out what was.

        >>> ClassShare("yes", 0.2, 0.4, 0.3, 0.5).moved
        True
        """
        return not self.low <= self.before <= self.high


@dataclass(frozen=True, slots=True)
class Better:
    """An earlier version that measurably beats the champion on the window.

    ``gain`` is relative to the champion's score, ``low`` its lower confidence bound.
    """

    version: int
    gain: float
    low: float
