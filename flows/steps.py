"""What a step of a flow is: a Prefect task that passes its values on in memory."""

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.events.worker import EventsWorker
from prefect.logging.handlers import APILogWorker
from sqlalchemy.exc import OperationalError

P = ParamSpec("P")
R = TypeVar("R")
DRAIN_SECONDS = 10.0


def step(name: str, *, repeatable: bool = False) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Make a function a task.

    Args:
        name: as the Prefect UI shows it.
        repeatable: the function only reads, so that it is tried again after a passing fault.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        made = task(
            name=name,
            cache_policy=NO_CACHE,
            retries=2 if repeatable else 0,
            retry_delay_seconds=1,
            retry_condition_fn=_transient,
        )(function)
        return cast("Callable[P, R]", made)

    return decorate


def drain() -> None:
    """Send what Prefect still holds of logs and events, before its server goes away."""
    for worker in (APILogWorker, EventsWorker):
        worker.drain_all(timeout=DRAIN_SECONDS)


def _transient(task: Any, run: Any, state: State[Any]) -> bool:
    """Say what may pass by itself: a busy disk or a locked database, but no user's error."""
    del task, run
    error = state.result(raise_on_failure=False)
    return isinstance(error, OSError | OperationalError)
