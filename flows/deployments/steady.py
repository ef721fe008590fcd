"""Faults that pass by themselves are waited for, within bounds."""

import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from prefect.logging import get_run_logger
from sqlalchemy.exc import OperationalError

from factory.errors import Damaged, Unavailable
from registry.client import MlflowException, passing

R = TypeVar("R")
PAUSES = (5.0, 20.0, 60.0)
"""Seconds between the attempts at a run's work."""


def steady(work: Callable[[], R], pauses: Sequence[float] = PAUSES) -> R:
    """Do a run's work, again after a pause where a store or disk failed.

    What the loop does may be repeated at any point: a decision that was recorded is found again.

    Raises:
        Unavailable: it failed so to the last; Prefect shows the sentence as the run's state.
    """
    for pause in (*pauses, None):
        try:
            return work()
        except (OSError, OperationalError, MlflowException, Unavailable) as error:
            if isinstance(error, Damaged) or not _may_pass(error):
                raise
            if pause is None:
                raise _clear(error, len(pauses) + 1) from error
            get_run_logger().warning("tried again in %g s: %s", pause, error)
            time.sleep(pause)
    raise AssertionError


def _may_pass(error: Exception) -> bool:
    return passing(error) if isinstance(error, MlflowException) else True


def _clear(error: Exception, attempts: int) -> Unavailable:
    if isinstance(error, Unavailable):
        return Unavailable(f"{error.problem} ({attempts} attempts)", hint=error.hint)
    said = error.strerror if isinstance(error, OSError) else getattr(error, "orig", None)
    return Unavailable(
        f"{said or error} ({attempts} attempts).",
        hint="factory doctor; then run it again from Prefect, or factory trigger",
    )
