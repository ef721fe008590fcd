"""Who hears of finished trials: the command line in this process, nobody on a worker."""

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

on_trial: ContextVar[Callable[[Any], None] | None] = ContextVar("on_trial", default=None)
"""Called with every finished trial; a flow's parameters can carry no function."""
