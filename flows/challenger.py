"""Judges a challenger by what it said on traffic, as labels come, until it advances or is stopped.

The predictor only asks it and keeps its answers; whether it serves is decided here, by the same
gate as of any other model, and recorded in the ledger look by look.
"""

import json
import time
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np

from factory.bundle import Bundle
from factory.config import ModelConfig
from factory.exact import read
from factory.gate import Bar, gate, measure_costs
from factory.looks import Look, due, look
from factory.metrics import metric_named
from factory.nouns import Bools, DataVersion, Verdict, Window
from factory.paired import Paired
from factory.profile import Profile
from factory.quality import inspect
from factory.quality.labels import inspect_labels
from factory.remedies import Remedy, Retrain, needs_approval
from flows.console import plain
from flows.older import read_by, rows_before
from flows.recall import Stored
from flows.replayed import forget_learnt
from flows.steps import step
from flows.workplace import Workplace, config_of, now
from registry.entries import LookEntry
from registry.inference.judged import paired, told_between
from registry.inference.windows import LogWindow, read_features, read_log
from registry.transaction import Transaction

SECOND = 10**9
Outcome = Literal["advanced", "waits", "stopped", "open"]


@dataclass(frozen=True)
class Trial:
    """A challenger on traffic beside the champion.

    Attributes:
        model: registered name.
        versions: the champion's and the challenger's.
        champion: the one that serves.
        challenger: the other, as the registry returns it.
        remedy: that made it; a training by hand is a new fit.
        config: of the model.
        window: all that both may have predicted, and the labels known by now.
    """

    model: str
    versions: tuple[int, int]
    champion: Bundle
    challenger: Bundle
    remedy: Remedy
    config: ModelConfig
    window: LogWindow

    @property
    def bar(self) -> Bar:
        """What is asked, at the level of all looks together."""
        return Bar.of(self.config, self.remedy)


@step("judge the challenger")
def judge_challenger(
    name: str, config: ModelConfig | None, place: Workplace
) -> dict[str, Any] | None:
    """Look at a challenger once more, where enough labels came; promote it or stop it.

    Args:
        name: the model.
        config: of it; None is what its champion was made under.
        place: the home.

    Returns:
        What came of it: ``outcome`` with ``because``, and ``verdict`` where the gate was asked.
        None where there is no challenger, or too few labels for a first look.

    Raises:
        NoChampion: nothing serves.
        Conflict: the champion moved meanwhile.
        BadData: the log is damaged.
    """
    version, challenger = place.models.champion(name), place.models.challenger(name)
    if challenger is None:
        return None
    pair = (version, challenger)
    past = [e for e in place.ledger.looks(name) if (e.champion, e.challenger) == pair]
    if past and past[-1].outcome != "open":
        # A process may have died between the record and the mark.
        _withdraw(past[-1], place)
        return told_look(past[-1])
    trial = _trial(name, pair, config, place)
    told = told_between(
        place.home, name, trial.champion.schema, trial.window.low, trial.window.high,
        until=trial.window.known, among=pair,
    )  # fmt: skip
    ids, labels, one, other = paired(told, *pair)
    if not due(len(ids), past[-1].rows if past else 0, trial.bar.minimum_rows):
        return told_look(past[-1]) if past else None
    sound = _sound(trial, list(ids), labels, place)
    ids, labels, one, other = ids[sound], labels[sound], one[sound], other[sound]
    if not due(len(ids), past[-1].rows if past else 0, trial.bar.minimum_rows):
        return told_look(past[-1]) if past else None
    metric = metric_named(trial.champion.metric, trial.champion.schema)
    found = look(Paired.of(metric, labels, one, other), trial.bar, len(past) + 1)
    verdict = _verdict(trial, found, list(ids), place) if found.finding == "better" else None
    entry = _record(trial, found, verdict, place)
    _withdraw(entry, place)
    return told_look(entry)


def _trial(name: str, pair: tuple[int, int], config: ModelConfig | None, place: Workplace) -> Trial:
    champion, challenger = (place.models.load(name, version) for version in pair)
    known = place.ledger.version(name, pair[1])
    made = known.made.get("remedy") if known else None
    remedy: Remedy = Retrain("all", search=True) if made is None else read(Remedy, dict(made))  # type: ignore[arg-type]
    at = time.time_ns()
    first = int(place.models.created(name, pair[1]) * SECOND)
    window = LogWindow(name, f"{first:016x}", f"{at:016x}", at)
    config = config or config_of(champion.config, name)
    return Trial(name, pair, champion, challenger, remedy, config, window)


def _sound(trial: Trial, ids: list[str], labels: Any, place: Workplace) -> Bools:
    """Mark predictions of rows in which nothing broke that either version reads, shape (n,).

    A row that is broken for one judges neither.
    """
    sound = np.ones(len(ids), dtype=bool)
    for bundle, version in zip((trial.champion, trial.challenger), trial.versions, strict=True):
        schema = bundle.schema
        rows = read_features(place.home, trial.window, schema, by=version, ids=ids)
        told = rows.assign(**{schema.target: labels})
        window = Window(told, DataVersion(trial.window.name, len(told)))
        _, broken = inspect(bundle.profile, Profile.of(told, schema), window, schema)
        _, unusable = inspect_labels(bundle.reference, window, schema)
        sound &= ~np.any([unusable, *broken.values()], axis=0)
    return sound


def _verdict(trial: Trial, found: Look, ids: list[str], place: Workplace) -> Verdict:
    """Ask the gate, on the rows that were looked at and at the level of this look."""
    champion, challenger = trial.champion, trial.challenger
    rows = read_log(
        place.home, trial.window, champion.schema, champion.whole, by=trial.versions[0], ids=ids
    )
    schema = read_by(champion, challenger)
    older = rows_before(Stored(place, trial.model), champion.whole, schema, rows)
    costs = measure_costs(champion, challenger, rows.frame, place.clock)
    bar = replace(trial.bar, level=found.level)
    return gate(champion, challenger, rows.frame, bar, older=older, costs=costs)


def _outcome(trial: Trial, found: Look, verdict: Verdict | None) -> Outcome:
    if verdict is None:
        return "stopped" if found.finding == "hopeless" else "open"
    if verdict.passed:
        waits = needs_approval(trial.remedy, trial.config.policy.approve)
        return "waits" if waits else "advanced"
    # Few or equal rows may yet become enough; what else fails is a fault of the challenger.
    failed = {test.name for test in verdict.tests if test.passed is False}
    return "open" if failed <= {"rows", trial.bar.asks} else "stopped"


def _because(trial: Trial, found: Look, verdict: Verdict | None) -> str:
    if verdict is not None:
        return verdict.because
    said = {"hopeless": "The challenger certainly gains too little", "open": "Nothing is certain"}
    return (
        f"{said[found.finding]}: {trial.champion.metric} {found.gain:+.1%} "
        f"({found.low:+.1%} to {found.high:+.1%}) on {found.rows:,} rows of traffic"
    )


def _record(trial: Trial, found: Look, verdict: Verdict | None, place: Workplace) -> LookEntry:
    """Append the look; a challenger that advances is promoted in the same transaction."""
    outcome, because = _outcome(trial, found, verdict), _because(trial, found, verdict)
    champion, challenger = trial.versions
    body = {
        "because": because,
        "look": asdict(found),
        "verdict": verdict and asdict(verdict),
        "window": trial.window.name,
        "rules": trial.config.policy.model_dump(mode="json"),
    }
    entry = LookEntry(
        f"{trial.model}:{champion}:{challenger}:{found.number}", trial.model, 0, champion,
        challenger, found.rows, outcome, now(), json.dumps(plain(body)),
    )  # fmt: skip

    def record(t: Transaction) -> None:
        t.record_look(
            entry.id, champion=champion, challenger=challenger, rows=entry.rows, outcome=outcome,
            body=entry.body, at=entry.at,
        )  # fmt: skip

    if outcome == "advanced":
        place.models.promote(
            trial.model, challenger, expected=champion, who="factory", why=because, at=entry.at,
            record=record,
        )  # fmt: skip
        forget_learnt(trial.model, challenger, place)
    else:
        place.models.unchanged(trial.model, expected=champion, record=record)
    return entry


def _withdraw(entry: LookEntry, place: Workplace) -> None:
    if entry.outcome == "stopped":
        place.models.withdraw(entry.model, entry.challenger)


def told_look(entry: LookEntry) -> dict[str, Any]:
    """Return what came of a look, as plain JSON."""
    notes = {}
    if entry.outcome == "waits":
        notes["approval"] = f"factory promote {entry.model} {entry.challenger}"
    return {
        "champion": entry.champion,
        "challenger": entry.challenger,
        "rows": entry.rows,
        "outcome": entry.outcome,
        "at": entry.at,
        "notes": notes,
        **json.loads(entry.body),
    }
