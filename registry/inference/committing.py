"""What the process does that brings spools into the log beside a server, one call at a time."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

from registry.home import Home
from registry.inference.commit import Loss, commit_file, recover
from registry.inference.upkeep import maintain

LOGGER = logging.getLogger(__name__)
Figures = Mapping[str, Mapping[str, float]]


class Watcher(Protocol):
    """Looks at rows on their way into the log."""

    def __call__(self, model: str, version: int, rows: Any) -> Mapping[str, Any]:
        """Return columns that are written beside rows, see ``registry.inference.commit.Watch``."""
        ...

    def keep_days(self, model: str) -> int | None:
        """Return how long a model's log is kept, None for ever."""
        ...

    def figures(self) -> Figures:
        """Return figures of each model's newest rows."""
        ...


class Unwatched:
    """Says nothing of any row."""

    def __init__(self, home: Home) -> None:
        del home

    def __call__(self, model: str, version: int, rows: Any) -> Mapping[str, Any]:
        """Return no columns."""
        del model, version, rows
        return {}

    def keep_days(self, model: str) -> None:
        """Keep all."""
        del model

    def figures(self) -> Figures:
        """Return none."""
        return {}


Opener = Callable[[Home], Watcher]
"""Makes what watches, in the process that commits; found by its name, so no closure."""


@dataclass(frozen=True, slots=True)
class Committed:
    """What a commit came to.

    Attributes:
        rows: that are in the log now.
        figures: of each model's newest rows.
    """

    rows: int
    figures: Figures


@dataclass(frozen=True, slots=True)
class _Watched:
    """What watches, and the models whose rows it was shown."""

    watcher: Watcher
    models: set[str] = field(default_factory=set)

    def __call__(self, model: str, version: int, rows: Any) -> Mapping[str, Any]:
        self.models.add(model)
        try:
            return self.watcher(model, version, rows)
        except Exception:
            # What is said beside a prediction must not keep it out of the log.
            LOGGER.exception("rows of %s version %s are logged unwatched", model, version)
            return {}


def commit_spooled(home: Home, opener: Opener, path: Path) -> Committed:
    """Bring one file of a spool into the log, see ``commit_file``.

    Raises:
        Unavailable: the log cannot be written; the file stays.
    """
    watched = _watched(home, opener)
    return Committed(commit_file(home, path, watched), watched.watcher.figures())


def recover_spools(home: Home, opener: Opener) -> list[Loss]:
    """Bring into the log what killed processes left, see ``recover``.

    Raises:
        Unavailable: the log cannot be written; what is left stays.
    """
    return recover(home, _watched(home, opener))


def keep_up(home: Home, opener: Opener) -> None:
    """Compact the log of every model whose rows this process has committed.

    Raises:
        Unavailable: the log cannot be written.
    """
    watched = _watched(home, opener)
    for model in sorted(watched.models):
        maintain(home, model, watched.watcher.keep_days(model))


@lru_cache(maxsize=1)
def _watched(home: Home, opener: Opener) -> _Watched:
    return _Watched(opener(home))
