"""Who hears of finished trials: the command line in this process, nobody on a worker."""

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Protocol


class Hears(Protocol):
    """Is told of trials as they end."""

    def __call__(self, trial: Any, *, best: bool) -> None:
        """Hear of a trial, and whether it is the best so far."""


on_trial: ContextVar[Hears | None] = ContextVar("on_trial", default=None)
"""Told of every finished trial; a flow's parameters can carry no function."""


def telling(hears: Hears | None, *, greater: bool) -> Callable[[Any], None] | None:
    """Return what a search calls with each trial; None where nobody hears.

    Args:
        hears: who is told.
        greater: whether higher scores are better.
    """
    if hears is None:
        return None
    best: list[float] = []

    def told(trial: Any) -> None:
        better = trial.state == "complete" and (
            not best or (trial.score > best[-1] if greater else trial.score < best[-1])
        )
        if better:
            best.append(trial.score)
        hears(trial, best=better)

    return told
