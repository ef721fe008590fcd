"""Which workers of a study still live: a held file on one machine, a count on a server."""

from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path
from threading import Event, Thread
from typing import Protocol

import optuna

from training.plan import Study

BEAT = "beat "


class Lives(Protocol):
    """Knows which workers of a study still live."""

    def alive(self, worker: str | None, now: float) -> bool:
        """Say whether a worker lives; None is one that never said who it is."""

    def close(self) -> None:
        """Give no more sign of life."""


def lives_of(study: Study, opened: optuna.Study) -> Lives:
    """Return what tells the living from the dead where a study is kept."""
    if "://" in study.place:
        return Beats(study, opened)
    return Locks(Path(f"{study.place}.workers"), study.worker)


class Locks:
    """Each worker of this machine holds the lock of a file, which the kernel frees at its death."""

    def __init__(self, folder: Path, worker: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._worker = folder, worker
        self._own = (folder / worker).open("w")
        flock(self._own, LOCK_EX)

    def alive(self, worker: str | None, now: float) -> bool:
        """Say whether a worker lives; who never said its name died if nobody else lives."""
        del now
        if worker is not None:
            return self._held(self._folder / worker)
        others = (path for path in self._folder.iterdir() if path.name != self._worker)
        return any(self._held(path) for path in others)

    def close(self) -> None:
        """Give no more sign of life."""
        (self._folder / self._worker).unlink(missing_ok=True)
        self._own.close()

    @staticmethod
    def _held(path: Path) -> bool:
        try:
            with path.open() as file:
                flock(file, LOCK_EX | LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False


class Beats:
    """Each worker counts up in the study; one whose count stands still is dead.

    What is compared is how long this worker's own clock saw a count unchanged, so that clocks
    need not agree.
    """

    def __init__(self, study: Study, opened: optuna.Study) -> None:
        self._study, self._opened = study, opened
        self._seen: dict[str | None, tuple[int, float]] = {}
        self._over = Event()
        self._beat(0)
        self._thread = Thread(target=self._live, name=f"beat {study.worker}", daemon=True)
        self._thread.start()

    def alive(self, worker: str | None, now: float) -> bool:
        """Say whether a worker lives."""
        count = 0 if worker is None else self._opened.user_attrs.get(BEAT + worker, 0)
        last, since = self._seen.get(worker, (None, now))
        if count != last:
            self._seen[worker] = count, now
            return True
        return now - since < self._study.silence

    def close(self) -> None:
        """Give no more sign of life."""
        self._over.set()
        self._thread.join()

    def _live(self) -> None:
        count = 1
        while not self._over.wait(self._study.beat):
            self._beat(count)
            count += 1

    def _beat(self, count: int) -> None:
        self._opened.set_user_attr(BEAT + self._study.worker, count)
