"""How a search goes about it: its budget, where its trials are kept, and what a backend must do."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf
from typing import Protocol

from training.objective import Clock, Proposal, TrialRecord


@dataclass(frozen=True)
class Study:
    """Where a search's trials are kept, so that it can be joined and taken up again.

    Attributes:
        name: of the search.
        place: a file, or the URL of a server.
        worker: names this process among all that ever work on the study.
        join: work on a study that another has begun, not on one of its own.
        beat: seconds between signs of life, where a server keeps the study.
        silence: seconds without one after which a worker counts as dead.
    """

    name: str
    place: str
    worker: str
    join: bool = False
    beat: float = 5.0
    silence: float = 60.0


def _nothing(*_: object) -> None:
    return


@dataclass(frozen=True)
class Plan:
    """How a search goes about it, and what it may spend.

    Attributes:
        trials: most trials.
        seconds: budget by the clock.
        seed: of all proposals.
        clock: seconds.
        backend: a line of ``training.search.BACKENDS``.
        sampler: what proposes, one of the backend's; ``auto`` is its first.
        pruner: what gives trials up; ``auto`` is ``median`` where the backend prunes.
        levels: values of each number in a grid.
        megabytes: no trial begins while the process holds more.
        memory: what the process holds, in megabytes.
        on_trial: told of each trial as it ends.
        study: where trials are kept; in memory alone where it is absent.
    """

    trials: int
    seconds: float
    seed: int
    clock: Clock
    backend: str = "optuna"
    sampler: str = "auto"
    pruner: str = "auto"
    levels: int = 3
    megabytes: float = inf
    memory: Clock = float
    on_trial: Callable[[TrialRecord], None] = _nothing
    study: Study | None = None


class Searcher(Protocol):
    """A search backend: proposes trials and is told how they went.

    ``training.search.BACKENDS`` lists functions that make one from an objective and a plan. The
    first proposals are ``objective.starts``. With the same seed and the same trials told, the
    proposals are the same.
    """

    @property
    def records(self) -> Sequence[TrialRecord]:
        """Return the trials that are over, in order."""

    def ask(self) -> Proposal | None:
        """Return what to try next; None where nothing is left."""

    def give_up(self, step: int, value: float) -> bool:
        """Say whether the trial asked for last is not worth going on with.

        Args:
            step: number of its newest score, from 1.
            value: mean of its folds so far.
        """

    def tell(self, record: TrialRecord) -> None:
        """Take in how the trial asked for last went."""

    def close(self) -> None:
        """Let go of what it holds."""


class Told:
    """What searchers in memory have in common: the trials they were told, and no pruner."""

    def __init__(self) -> None:
        self.records: list[TrialRecord] = []

    def give_up(self, step: int, value: float) -> bool:
        """Let every trial go on."""
        del step, value
        return False

    def tell(self, record: TrialRecord) -> None:
        """Keep a trial."""
        self.records.append(record)

    def close(self) -> None:
        """Let go of nothing."""
