"""The log's writer: predictions are taken at once, spooled within a moment, committed later."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Any, TypeVar

from factory.errors import FactoryError
from registry.home import Home
from registry.inference.columns import to_table
from registry.inference.commit import spools
from registry.inference.committing import (
    Figures,
    Opener,
    Unwatched,
    commit_spooled,
    keep_up,
    recover_spools,
)
from registry.inference.spool import Spool
from registry.predictions import Predictions
from registry.processes import one_process

LOGGER = logging.getLogger(__name__)
SLICE = 5_000
"""Rows that are made one table at most, so that no step keeps the process for long."""
LOST_SECONDS = 2.0
"""Predictions that are older than this are not lost to a kill, while the spool's disk answers."""
NICE = 10
"""How far the process that commits stands back behind the one that answers."""
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Pace:
    """How much is held back, and for how long.

    Attributes:
        rows: most that are taken and not spooled; beyond it nothing more is taken.
        gather: seconds within which what was taken is written to the spool. With the time of
            that write this bounds what a killed process loses.
        commit: seconds between commits to the log.
        spool: most bytes on their way into the log, for when its store does not answer.
        upkeep: seconds between compactions.
    """

    rows: int = 200_000
    gather: float = 0.2
    commit: float = 5.0
    spool: int = 2**30
    upkeep: float = 3_600.0


class Writer:
    """Takes predictions on a server's path, and brings them into the log beside it.

    A thread writes what was taken to the spool; commits, what is said beside the rows, and upkeep
    are the work of another process, which stands back behind this one and ends with it.

    What it has taken is in the log after ``close``, or in the spool, from where the next process
    brings it there, should the log's store not answer. A process that is killed loses what it
    took within ``pace.gather`` seconds and the time of one write; at the usual pace that is less
    than ``LOST_SECONDS``. How many rows that were, is told by
    ``registry.inference.commit.losses`` when the next writer has started.

    Args:
        home: whose log.
        pace: bounds.
        opener: makes, in the process that commits, what is asked for columns beside the rows.
    """

    def __init__(self, home: Home, pace: Pace | None = None, opener: Opener = Unwatched) -> None:
        self._home, self._pace, self._opener = home, pace or Pace(), opener
        self._spool = Spool(spools(home))
        self._queue: deque[Predictions] = deque()
        self._lock = threading.Lock()
        self._taken = self._committed = 0
        self._full = False
        self._figures: Figures = {}
        self._process: ProcessPoolExecutor | None = None
        self._arrived, self._closing = threading.Event(), threading.Event()
        self._threads = [
            threading.Thread(target=self._gather, name="inference log, spool", daemon=True),
            threading.Thread(target=self._commit, name="inference log, commit", daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def append(self, batch: Predictions) -> bool:
        """Take a batch without waiting; False where too much is held back already."""
        rows = len(batch.ids)
        with self._lock:
            waiting = self._taken - self._spool.written
            if (
                self._full
                or self._closing.is_set()
                or (waiting and waiting + rows > self._pace.rows)
            ):
                return False
            self._taken += rows
            self._queue.append(batch)
            self._spool.took(self._taken)
        if not self._arrived.is_set():
            self._arrived.set()
        return True

    def waiting(self) -> int:
        """Return how many rows were taken and are not in the log yet."""
        return self._taken - self._committed

    def figures(self) -> Figures:
        """Return figures of each model's newest rows, as of the last commit."""
        return self._figures

    def close(self) -> None:
        """Write what was taken, and take nothing more."""
        with self._lock:
            self._closing.set()
        self._arrived.set()
        for thread in self._threads:
            thread.join()
        self._spool.close()

    def _gather(self) -> None:
        while not (self._closing.is_set() and not self._queue):
            self._arrived.wait()
            self._closing.wait(self._pace.gather)
            self._arrived.clear()
            batches = [self._queue.popleft() for _ in range(len(self._queue))]
            self._write([(part[0].model, to_table(part)) for part in _sliced(batches)])

    def _write(self, frames: list[tuple[str, Any]]) -> None:
        while True:
            try:
                self._spool.write(frames)
            except OSError:
                LOGGER.exception("the spool %s cannot be written", self._spool.folder)
                # Nothing that was taken is given up; meanwhile the queue fills, and no more is.
                time.sleep(self._pace.gather)
            else:
                return

    def _commit(self) -> None:
        upkeep = time.monotonic() + self._pace.upkeep
        if self._spool.others():
            self._guarded(lambda: self._ask(recover_spools))
        while not self._closing.wait(self._pace.commit):
            self._guarded(self._commit_spool)
            if time.monotonic() > upkeep:
                upkeep = time.monotonic() + self._pace.upkeep
                self._guarded(lambda: self._ask(keep_up))
        self._threads[0].join()
        self._guarded(self._commit_spool)
        if self._process is not None:
            self._process.shutdown()

    def _commit_spool(self) -> None:
        files = self._spool.ended()
        self._full = sum(path.stat().st_size for path in files) > self._pace.spool
        for path in files:
            done = self._ask(commit_spooled, path)
            self._committed += done.rows
            self._figures = done.figures
        self._full = False

    def _ask(self, work: Callable[..., Result], *given: Any) -> Result:
        """Have work done by the process that commits, a new one where the last has died."""
        if self._process is None:
            self._process = one_process(NICE)
        try:
            return self._process.submit(work, self._home, self._opener, *given).result()
        except BrokenProcessPool:
            self._process = None
            raise

    def _guarded(self, work: Callable[[], object]) -> None:
        try:
            work()
        except FactoryError as error:
            LOGGER.warning("%s It is tried again.", error.problem)
        except Exception:
            LOGGER.exception("the inference log was not written; it is tried again")


def _sliced(batches: list[Predictions]) -> list[list[Predictions]]:
    """Part batches into those that make one table: of one version, role and features."""
    found: list[list[Predictions]] = []
    open_slices: dict[tuple[Any, ...], tuple[list[Predictions], int]] = {}
    for batch in batches:
        key = (batch.model, batch.version, batch.role, batch.layout.features)
        slice_, rows = open_slices.get(key, ([], SLICE))
        if rows >= SLICE:
            slice_, rows = [], 0
            found.append(slice_)
        slice_.append(batch)
        open_slices[key] = slice_, rows + len(batch.ids)
    return found
