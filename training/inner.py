"""Searches within a fit: what they tried, told to whoever listens, and where they work."""

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import Literal

from training.space import Value


@dataclass(frozen=True, slots=True)
class InnerTrial:
    """One model that a search within a fit tried.

    Attributes:
        number: its place in that search, from 0.
        family: model family of the fit.
        params: what the search calls its hyperparameters, plain values.
        state: failed is refused by the learner.
        loss: by which that search compares, lower is better; None where it failed.
        error: why it failed, one sentence; empty otherwise.
    """

    number: int
    family: str
    params: Mapping[str, Value]
    state: Literal["complete", "failed"]
    loss: float | None
    error: str = ""


@dataclass(frozen=True)
class _Listener:
    folder: Path | None = None
    heard: list[InnerTrial] = field(default_factory=list)


_listener: ContextVar[_Listener] = ContextVar("listener", default=_Listener())  # noqa: B039 - nobody reads what the default hears


@contextmanager
def listening(folder: Path | None = None) -> Iterator[list[InnerTrial]]:
    """Gather what searches within fits try while the block runs.

    Args:
        folder: where they work; that of the block around this one where it is absent. What
            searches left there whose process was killed is removed.
    """
    if folder is not None and folder.is_dir():
        _clear(folder)
    heard = _Listener(folder or _listener.get().folder)
    token = _listener.set(heard)
    try:
        yield heard.heard
    finally:
        _listener.reset(token)


def tell(tried: list[InnerTrial]) -> None:
    """Say what a search within a fit tried."""
    _listener.get().heard.extend(tried)


@contextmanager
def work_folder(name: str) -> Iterator[Path]:
    """Yield a new folder for one search, which is gone after the block; no other one is touched."""
    parent = _listener.get().folder
    if parent is None:
        with TemporaryDirectory(prefix=f"{name}-") as folder:
            yield Path(folder)
        return
    parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as alive:
        with _locked(parent):
            made = Path(mkdtemp(prefix=f"{name}-", dir=parent))
            alive.enter_context(_locked(made))
        try:
            yield made
        finally:
            shutil.rmtree(made, ignore_errors=True)


def _clear(parent: Path) -> None:
    """Remove the folders that nobody holds: their process is dead."""
    with _locked(parent):
        for folder in parent.iterdir():
            with suppress(BlockingIOError, FileNotFoundError), _locked(folder, LOCK_NB):
                shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _locked(folder: Path, how: int = 0) -> Iterator[None]:
    """Hold a folder; the kernel lets go of it when the process dies, however it dies."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        flock(handle, LOCK_EX | how)
        yield
    finally:
        os.close(handle)
