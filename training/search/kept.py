"""A file of finished trials, for backends whose searches one process runs: a line each."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

from factory.errors import BadData, Unavailable
from factory.locks import held
from training.inner import InnerTrial
from training.objective import Proposal, TrialRecord
from training.plan import Study


@dataclass
class Kept:
    """The trials of one file, and where the next one goes."""

    file: IO[str]
    trials: list[TrialRecord] = field(default_factory=list)

    def append(self, record: TrialRecord) -> None:
        """Keep one more trial; it is there once this returns, also if the process is killed."""
        self.file.write(as_line(record) + "\n")
        self.file.flush()

    def check(self, record: TrialRecord, proposal: Proposal | None) -> None:
        """Refuse to go on where another search wrote the file.

        Raises:
            BadData: what would be proposed now is not what was tried.
        """
        same = proposal is not None and (
            (proposal.number, proposal.family, dict(proposal.params))
            == (record.number, record.family, dict(record.params))
        )
        if not same:
            raise BadData(
                f"{self.file.name} holds trials of another search, or of other code.",
                hint=f"remove it; the search then starts anew: {self.file.name}",
            )


@contextmanager
def kept_trials(study: Study, metric: str) -> Iterator[Kept]:
    """Open a study's file for this process alone, with what it holds.

    A last line that was cut short by a crash is dropped.

    Raises:
        Unavailable: another process works on it, or it cannot be written.
        BadData: it is damaged, or of another metric.
    """
    path = Path(study.place)
    busy = Unavailable(
        f"Another process runs the search {study.name!r}.", hint="wait until it has ended"
    )
    with held(path, busy, hint="search.study: memory") as file:
        file.seek(0)
        whole, _, _ = file.read().rpartition("\n")
        lines = whole.splitlines()
        file.truncate(len((whole + "\n").encode()) if lines else 0)
        if not lines:
            file.write(json.dumps({"metric": metric}) + "\n")
            file.flush()
        try:
            of = json.loads(lines[0])["metric"] if lines else metric
            trials = [from_line(line) for line in lines[1:]]
        except (ValueError, KeyError, TypeError) as error:
            raise BadData(
                f"{path} is damaged: {error}.", hint=f"remove it; the search starts anew: {path}"
            ) from None
        if of != metric:
            raise BadData(f"{path} holds scores of {of}, not {metric}.", hint=f"remove it: {path}")
        yield Kept(file, trials)


def as_line(record: TrialRecord) -> str:
    """Return a trial as one line of JSON.

    >>> record = TrialRecord(0, "f", {"a": 1e-3}, "complete", 0.1, (0.1,), 1.0, 2.0)
    >>> from_line(as_line(record)) == record
    True
    """
    return json.dumps(asdict(record))


def from_line(line: str) -> TrialRecord:
    """Read what ``as_line`` wrote."""
    told: dict[str, Any] = json.loads(line)
    inner = tuple(InnerTrial(**one) for one in told["inner"])
    return TrialRecord(**{**told, "folds": tuple(told["folds"]), "inner": inner})
