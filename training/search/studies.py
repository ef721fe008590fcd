"""Studies that several processes share, and where Optuna keeps them."""

import json
import shutil
from collections.abc import Mapping
from contextlib import suppress
from fcntl import LOCK_EX, LOCK_UN, flock
from itertools import count
from pathlib import Path
from threading import Event
from typing import IO, Any
from urllib.parse import urlparse

import optuna
from optuna.exceptions import DuplicatedStudyError
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend
from optuna.storages.journal._file import BaseJournalFileLock
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.exc import SQLAlchemyError

from factory.errors import Unavailable
from training.objective import TrialRecord
from training.plan import Study
from training.plugins import plugin
from training.search.kept import from_line
from training.search.lives import Lives, lives_of

RECORD, WORKER = "record", "worker"
READY, FINISHED = "ready", "finished"
GIVEN, TRIES = "given", "tries"
"""Marks of a trial whose point was enqueued, and of how often it has been tried then."""
MOST_TRIES = 3
"""A point that took so many workers with it is not tried again."""
POLL_SECONDS = 0.05
STORES = {"grpc": "training.search.proxy:connect"}
STORES_EXTRAS = {"grpc": "grpc"}
STARTED = 40
"""Polls that the worker which began a study is given to enqueue where it starts."""


class Shared:
    """One worker's part in a study."""

    def __init__(self, study: Study) -> None:
        self.study = study
        self._pause = Event()
        self._lives: Lives | None = None

    def open(self, settings: Mapping[str, Any]) -> tuple[optuna.Study, bool]:
        """Begin the study, or take part in it; say whether it had begun.

        Raises:
            Unavailable: its store does not answer, or there is no study to join.
        """
        storage = storage_at(self.study.place)
        for ordinal in count(1):
            name = self.study.name if ordinal == 1 else f"{self.study.name} {ordinal}"
            named = {"study_name": name, "storage": storage}
            made = None
            if not self.study.join:
                with suppress(DuplicatedStudyError):
                    made = optuna.create_study(**named, **settings)
            study = made or self._loaded(named, settings)
            # One that is finished belongs to a model that was made; another is begun.
            if made is not None or FINISHED not in study.user_attrs:
                break
        begun = made is None and self._was_started(study)
        self._lives = lives_of(self.study, study)
        return study, begun

    def ready(self, study: optuna.Study) -> None:
        """Say that the study's starting points are enqueued."""
        study.set_user_attr(READY, True)  # noqa: FBT003 - Optuna's own signature

    def records(self, study: optuna.Study) -> list[TrialRecord]:
        """Return the trials that are over, by all workers, in order."""
        trials = study.get_trials(deepcopy=False)
        told = (record_of(trial) for trial in trials if trial.state.is_finished())
        return [record for record in told if record is not None]

    def claim(self, trial: optuna.Trial) -> None:
        """Say who works on a trial."""
        trial.set_user_attr(WORKER, self.study.worker)

    def pause(self) -> None:
        """Let a moment pass."""
        self._pause.wait(POLL_SECONDS)

    def bury(self, study: optuna.Study, now: float) -> None:
        """Give what dead workers left unfinished to the living.

        Args:
            study: whose trials they are.
            now: by this worker's clock, seconds.
        """
        if self._lives is None:
            return
        for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            owner = trial.user_attrs.get(WORKER)
            if owner == self.study.worker or self._lives.alive(owner, now):
                continue
            try:
                _bury(study, trial)
            except (ValueError, RuntimeError):
                # Another worker was faster.
                continue

    def close(self) -> None:
        """Leave the study."""
        if self._lives is not None:
            self._lives.close()

    def _loaded(self, named: Mapping[str, Any], settings: Mapping[str, Any]) -> optuna.Study:
        rest = {name: settings[name] for name in ("sampler", "pruner")}
        try:
            return optuna.load_study(**named, **rest)
        except KeyError:
            raise Unavailable(
                f"There is no search {self.study.name!r} to join.", hint="factory train begins it"
            ) from None

    def _was_started(self, study: optuna.Study) -> bool:
        for _ in range(STARTED):
            if READY in study.user_attrs:
                return True
            self.pause()
        return False


def finish(study: Study) -> None:
    """Let nobody take the study up again; a file goes, a server keeps what it has."""
    if "://" in study.place:
        storage = storage_at(study.place)
        for one in storage.get_all_studies():
            if one.study_name == study.name or one.study_name.startswith(f"{study.name} "):
                storage.set_study_user_attr(one._study_id, FINISHED, True)  # noqa: FBT003, SLF001
        return
    for path in (study.place, f"{study.place}.lock"):
        Path(path).unlink(missing_ok=True)
    shutil.rmtree(f"{study.place}.workers", ignore_errors=True)


def record_of(trial: FrozenTrial) -> TrialRecord | None:
    """Return what a trial came to; None where it was lost with its worker."""
    line = trial.user_attrs.get(RECORD)
    return None if line is None else from_line(line)


def storage_at(place: str) -> BaseStorage:
    """Open a file or a server's storage.

    Raises:
        Unavailable: it does not answer.
    """
    address = urlparse(place)
    if not address.scheme:
        path = Path(place)
        path.parent.mkdir(parents=True, exist_ok=True)
        return JournalStorage(_Journal(place, lock_obj=_KernelLock(f"{place}.lock")))
    if address.scheme == "grpc":
        proxy: BaseStorage = plugin(STORES, "grpc", extras=STORES_EXTRAS)(place)
        return proxy
    shown = f"{address.scheme}://{address.hostname}:{address.port}"
    try:
        return RDBStorage(place)
    except ModuleNotFoundError as error:
        raise Unavailable(
            f"search.study: {shown} needs the package {error.name}.",
            hint="pip install 'drift-factory[postgres]'",
        ) from None
    except SQLAlchemyError as error:
        reason = type(error).__name__
        raise Unavailable(
            f"search.study: {shown} does not answer ({reason}).",
            hint="start it, or search.study: home",
        ) from None


def _bury(study: optuna.Study, trial: FrozenTrial) -> None:
    record = record_of(trial)
    if record is not None:
        state = TrialState.COMPLETE if record.state == "complete" else TrialState.PRUNED
        state = TrialState.FAIL if record.state == "failed" else state
        value = record.score if record.state == "complete" else None
        study.tell(trial.number, value, state=state)
        return
    study.tell(trial.number, state=TrialState.FAIL)
    tries = trial.user_attrs.get(TRIES, 1)
    if trial.params and tries < MOST_TRIES:
        study.enqueue_trial(trial.params, user_attrs={GIVEN: True, TRIES: tries + 1})


class _Journal(JournalFileBackend):  # type: ignore[misc]
    """A journal that does not wait for the disk: it outlives the process, if not the machine."""

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Write entries at the end, whole."""
        text = "".join(json.dumps(log, separators=(",", ":")) + "\n" for log in logs)
        self._lock.acquire()
        try:
            with Path(self._file_path).open("ab", buffering=0) as file:
                file.write(text.encode())
        finally:
            self._lock.release()


class _KernelLock(BaseJournalFileLock):  # type: ignore[misc]
    """A file's lock that the kernel frees when its holder is killed."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._file: IO[str] | None = None

    def acquire(self) -> bool:
        """Wait for the lock and take it."""
        file = Path(self._path).open("w")  # noqa: SIM115 - closed when the lock is released
        flock(file, LOCK_EX)
        self._file = file
        return True

    def release(self) -> None:
        """Let others have it."""
        if self._file is not None:
            flock(self._file, LOCK_UN)
            self._file.close()
            self._file = None
