"""The verbs of the loop, wired to the stores: plain functions that the monitor flow orders."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cached_property, partial
from hashlib import sha256
from typing import Any

import numpy as np

from factory.bundle import Bundle
from factory.check import Checked, check
from factory.config import ModelConfig
from factory.decide import decide
from factory.diagnosis.diagnose import diagnose_window
from factory.diagnosis.parts import Better
from factory.diagnosis.told import diagnosis_json
from factory.errors import BadData
from factory.metrics import metric_named
from factory.nouns import (
    ROWS,
    Bools,
    Choice,
    Diagnosis,
    DropFeatures,
    Remedy,
    Retrain,
    RollBack,
    Window,
    remedy_json,
)
from factory.plan import History, applicable
from factory.rehearse import (
    Prepare,
    Rehearsed,
    bound_confidence,
    compare,
    evaluation_rows,
    rehearse,
)
from factory.told import check_json
from flows.recall import Memory, Rows, gather
from training.again import refit


@dataclass(frozen=True)
class Case:
    """One window before the court: the champion, the rows, and what is known of the past.

    Attributes:
        model: registered name.
        version: of the champion.
        champion: the model that serves.
        config: its rules.
        window: the rows.
        history: what happened before.
        memory: earlier versions and rows.
        at: the present moment, UTC, ISO format.
    """

    model: str
    version: int
    champion: Bundle
    config: ModelConfig
    window: Window
    history: History
    memory: Memory
    at: str

    @property
    def rules(self) -> str:
        """Hash of the rules that the decision follows."""
        check = self.config.check.model_dump(exclude={"evidently", "evidently_rows"})
        policy = self.config.policy.model_dump()
        return _digest([check, policy, self.config.seed])

    @property
    def id(self) -> str:
        """Identify the decision: same model, reign, window and rules, same decision."""
        return _digest([self.model, self.history.reign, self.window.version.sha256, self.rules])

    @property
    def labelled(self) -> Bools:
        """Rows with a label that the champion was not trained on, shape (rows,)."""
        schema = self.champion.schema
        frame = self.window.frame
        if schema.target not in frame:
            return np.zeros(len(frame), dtype=bool)
        known = frame[schema.target].notna().to_numpy()
        return known & self.champion.unseen(frame) if schema.identifiable else known


@dataclass(frozen=True)
class Examined:
    """What was measured and concluded of a case before anything was tried."""

    case: Case
    checked: Checked
    diagnosis: Diagnosis
    measure: Bools
    learn: Bools
    enough: bool

    @cached_property
    def rows(self) -> Rows:
        """The rows that refits learn from, gathered once."""
        case = self.case
        return gather(
            case.memory, case.champion.whole, case.window, self.learn, self.checked.broken
        )


def examine(case: Case) -> Examined:
    """Check the window, and diagnose what was found."""
    config = case.config
    checked = check(
        case.champion,
        case.window,
        config.check,
        model=case.model,
        version=case.version,
        seed=config.seed,
        now=datetime.fromisoformat(case.at),
    )
    learn, measure = evaluation_rows(case.labelled, config.policy.evaluation)
    enough = int(measure.sum()) >= config.policy.minimum_rows
    diagnosis = diagnose_window(
        case.champion,
        case.window,
        checked,
        case.labelled,
        config.check,
        better=_better_version(case, checked) if enough else None,
        enough=enough,
        seed=config.seed,
    )
    return Examined(case, checked, diagnosis, measure, learn, enough)


def try_remedies(case: Case, examined: Examined) -> tuple[Rehearsed, ...]:
    """Rehearse every remedy that could apply; nothing where labels are too few."""
    if not examined.enough:
        return ()
    policy = case.config.policy
    remedies = applicable(examined.checked.evidence, examined.diagnosis, case.history, policy)
    plans = plans_for(remedies, case, examined)
    rows = case.window.frame.loc[examined.measure].reset_index(drop=True)
    return rehearse(
        plans,
        rows,
        case.champion,
        policy,
        resamples=case.config.check.resamples,
        seed=case.config.seed,
        clock=case.memory.clock,
    )


def plans_for(remedies: Sequence[Remedy], case: Case, examined: Examined) -> dict[Remedy, Prepare]:
    """Return what makes the model that each remedy would serve."""
    return {remedy: _prepare(remedy, case, examined) for remedy in remedies}


def choose(case: Case, examined: Examined, rehearsed: tuple[Rehearsed, ...]) -> Choice:
    """Decide from what was measured."""
    return decide(
        examined.checked.evidence,
        examined.diagnosis,
        [entry.rehearsal for entry in rehearsed],
        case.config.policy,
    )


def report(
    case: Case, examined: Examined, rehearsed: tuple[Rehearsed, ...], choice: Choice
) -> dict[str, Any]:
    """Return what the ledger keeps of a decision, as plain JSON."""
    return {
        "decision": case.id,
        "model": case.model,
        "rules": case.rules,
        "window": asdict(case.window.version),
        "champion_before": case.version,
        "check": check_json(examined.checked.evidence),
        "diagnosis": diagnosis_json(examined.diagnosis),
        "rehearsals": [_rehearsal_json(entry) for entry in rehearsed],
        "remedy": remedy_json(choice.remedy),
        "because": choice.because,
    }


def _digest(told: list[Any]) -> str:
    return sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]


def _rehearsal_json(entry: Rehearsed) -> dict[str, Any]:
    told = asdict(entry.rehearsal)
    return {**told, "remedy": remedy_json(entry.rehearsal.remedy)}


def _prepare(remedy: Remedy, case: Case, examined: Examined) -> Prepare:
    match remedy:
        case RollBack(to_version=version):
            return partial(_earlier, case, version)
        case DropFeatures(features=names, how="neutralise"):
            return partial(case.champion.neutralise, names)
        case DropFeatures(features=names):
            return partial(_refit, case, examined, None, names)
        case Retrain(windows=windows):
            return partial(_refit, case, examined, windows, ())
        case _:
            return lambda: case.champion


def _earlier(case: Case, version: int) -> Bundle | None:
    bundle = case.memory.load(version)
    readable = set(bundle.schema.names) <= set(case.window.frame.columns)
    return bundle if readable and bundle.schema.classes == case.champion.schema.classes else None


def _refit(
    case: Case, examined: Examined, windows: int | None, without: tuple[str, ...]
) -> Bundle | None:
    newest = None
    if windows is not None:
        newest = int(examined.learn.sum()) + (windows - 1) * case.window.version.rows
    without = (*without, *_still_unusable(case, examined))
    schema = case.champion.whole.without(without)
    frame = examined.rows.sound(schema, newest)
    if frame is None or len(frame) < case.config.policy.minimum_rows:
        return None
    reference = case.window.frame.loc[_sound(case, examined, schema.names)]
    try:
        return refit(
            case.champion, frame, reference.reset_index(drop=True), case.config, without=without
        )
    except BadData:
        # One class left, or no feature: such rows teach nothing, so the remedy does not apply.
        return None


def _still_unusable(case: Case, examined: Examined) -> tuple[str, ...]:
    """Name the features that the champion does without and that have not come back sound."""
    dropped = set(case.champion.whole.names) - set(case.champion.schema.names)
    given_up = sorted(dropped | set(case.champion.neutralised))
    broken, present = examined.checked.broken, case.window.frame.columns
    return tuple(name for name in given_up if name in broken or name not in present)


def _sound(case: Case, examined: Examined, names: tuple[str, ...]) -> Bools:
    """Rows to judge a refit on: broken values must not become what is normal."""
    sound = examined.measure.copy()
    for name in (*names, ROWS):
        if name in examined.checked.broken:
            sound &= ~examined.checked.broken[name]
    return sound if sound.sum() >= case.config.policy.minimum_rows else examined.measure


def _better_version(case: Case, checked: Checked) -> Better | None:
    rows = case.labelled
    champion = case.champion
    frame = case.window.frame.loc[rows].reset_index(drop=True)
    truth = frame[champion.schema.target].to_numpy()
    metric = metric_named(champion.metric, champion.schema)
    policy = case.config.policy
    best: Better | None = None
    for version in case.history.earlier[: policy.versions]:
        bundle = _earlier(case, version)
        if bundle is None:
            continue
        gain, low = compare(
            metric,
            truth,
            checked.outputs[rows],
            bundle.outputs(frame),
            confidence=bound_confidence(policy.error_rate, policy.versions),
            resamples=case.config.check.resamples,
            seed=case.config.seed,
        )
        if low > 0 and gain >= policy.minimum_gain and (best is None or gain > best.gain):
            best = Better(version, gain, low)
    return best
