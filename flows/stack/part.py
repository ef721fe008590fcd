"""What the supervisor keeps running: parts, and in which state each of them is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

State = Literal["waiting", "starting", "healthy", "backing off", "done", "stopped"]
STATE_READY: frozenset[State] = frozenset({"healthy", "done"})
"""States in which what comes after a part may start."""


@dataclass(frozen=True)
class Part:
    """One process of the stack.

    Attributes:
        name: unique in the stack; its log is called so.
        command: arguments; they show in process lists and hold no secret.
        environ: what it gets beside the stack's own environment.
        after: parts that must be ready before it starts.
        health: URL that answers 200 while it can be used.
        says: what its log says once it can be used. A part with neither can be once it runs.
        link: where people look at it.
        once: it ends by itself, and is ready when it ended well.
        start_seconds: how long it may take to become healthy.
        hung_seconds: it is started anew when it has not been healthy for so long.
        stop_seconds: how long it may take to end when asked.
    """

    name: str
    command: tuple[str, ...]
    environ: Mapping[str, str] = field(default_factory=dict)
    after: tuple[str, ...] = ()
    health: str | None = None
    says: str | None = None
    link: str | None = None
    once: bool = False
    start_seconds: float = 180.0
    hung_seconds: float = 60.0
    stop_seconds: float = 10.0


def back_off(deaths: int) -> float:
    """Return seconds to wait before a part starts again, after so many deaths in a row.

    >>> [back_off(deaths) for deaths in (1, 2, 3, 7, 100)]
    [0.5, 1.0, 2.0, 30.0, 30.0]
    """
    return float(min(30.0, 0.5 * 2 ** min(deaths - 1, 10)))
