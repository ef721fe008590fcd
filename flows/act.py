"""Performs a chosen remedy: registers, gates, promotes and records, or leaves all as it was."""

import json
from dataclasses import asdict, dataclass
from typing import Any, assert_never

from factory.bundle import Bundle
from factory.gate import Bar, Costs, gate, measure_costs
from factory.nouns import Verdict
from factory.rehearse import Rehearsed
from factory.remedies import (
    Adapt,
    AskLabels,
    Choice,
    DropFeatures,
    FixSource,
    Keep,
    Retrain,
    RollBack,
    needs_approval,
    remedy_json,
)
from flows.candidates import lesson
from flows.case import Case, Examined
from flows.code import code_version
from flows.console import plain
from flows.loop import judging_rows
from flows.older import older_rows, read_by
from flows.paper import write_rows, write_ticket
from flows.workplace import Workplace, now
from registry.frames import save_frame
from registry.runs import Runs
from registry.transaction import Transaction
from registry.versions import marks_of
from training.judge import completed


@dataclass(frozen=True)
class Outcome:
    """What came of a choice: the version that challenged, if any, and the gate's verdict."""

    challenger: int | None
    verdict: Verdict | None
    notes: dict[str, str]


def remediate(
    case: Case, examined: Examined, rehearsed: tuple[Rehearsed, ...], choice: Choice,
    place: Workplace,
) -> Outcome:  # fmt: skip
    """Make what the remedy would serve, or write what people need; nothing is served yet."""
    notes = _ticket(case, examined, choice, place)
    match choice.remedy:
        case Keep():
            return Outcome(None, None, {})
        case RollBack(to_version=version):
            place.models.verify(case.model, version)
            return Outcome(version, None, notes)
        case Adapt() | DropFeatures() | Retrain():
            candidate = _chosen(rehearsed, choice)
            return Outcome(_register(case, examined, candidate, place), None, notes)
        case FixSource():
            return Outcome(None, None, notes)
        case AskLabels(rows=rows):
            return Outcome(
                None, None, {"rows_to_label": write_rows(case, examined, rows, place.home)}
            )
        case _:
            assert_never(choice.remedy)


def judge(
    case: Case, examined: Examined, rehearsed: tuple[Rehearsed, ...], choice: Choice,
    outcome: Outcome, place: Workplace,
) -> Outcome:  # fmt: skip
    """Put the challenger, as the registry returns it, through the gate."""
    if outcome.challenger is None:
        return outcome
    challenger = place.models.load(case.model, outcome.challenger)
    costs = measure_costs(case.champion, challenger, judging_rows(case, examined), place.clock)
    verdict = verdict_on(challenger, case, examined, _chosen(rehearsed, choice), costs)
    return Outcome(outcome.challenger, verdict, outcome.notes)


def verdict_on(
    challenger: Bundle,
    case: Case,
    examined: Examined,
    entry: Rehearsed,
    costs: Costs | None = None,
) -> Verdict:
    """Put a chosen model through the gate, on the rows that the remedies were measured on.

    What was adapted has the champion's weights and cannot have forgotten anything; older rows,
    which came in the old unit, or with the old shares, do not judge it.
    """
    rehearsal = entry.rehearsal
    bar = Bar.of(case.config, rehearsal.remedy, level=rehearsal.level)
    rows = judging_rows(case, examined)
    older = None
    if not isinstance(rehearsal.remedy, Adapt):
        schema = read_by(case.champion, challenger)
        older = older_rows(examined.rows, schema, rows)
    learnt = examined.learn[examined.judged]
    crossed = (learnt, entry.outputs) if examined.folds else None
    return gate(case.champion, challenger, rows, bar, older=older, costs=costs, crossed=crossed)


def _ticket(case: Case, examined: Examined, choice: Choice, place: Workplace) -> dict[str, str]:
    """Write a ticket where somebody has to mend what broke, whatever serves in the meantime."""
    broke = examined.diagnosis.cause == "data_quality"
    changes = not isinstance(choice.remedy, Keep | AskLabels)
    if isinstance(choice.remedy, FixSource) or (broke and changes):
        return {"ticket": write_ticket(case, examined, choice, place.home)}
    return {}


def _chosen(rehearsed: tuple[Rehearsed, ...], choice: Choice) -> Rehearsed:
    return next(entry for entry in rehearsed if entry.rehearsal.remedy == choice.remedy)


def conclude(
    case: Case, examined: Examined, choice: Choice, outcome: Outcome, told: dict[str, Any],
    place: Workplace,
) -> dict[str, Any]:  # fmt: skip
    """Promote if the gate passed, and record window and decision in the same transaction.

    Where the policy asks for a person's approval, the challenger waits for ``factory promote``.
    """
    at = now()
    passed = outcome.verdict is not None and outcome.verdict.passed
    waits = passed and needs_approval(choice.remedy, case.config.policy.approve)
    promotes = passed and not waits
    after = outcome.challenger if promotes and outcome.challenger else case.version
    notes = dict(outcome.notes)
    if waits:
        notes["approval"] = f"factory promote {case.model} {outcome.challenger}"
    body: dict[str, Any] = plain(
        {
            **told,
            "champion_after": after,
            "challenger": outcome.challenger,
            "verdict": outcome.verdict and asdict(outcome.verdict),
            "notes": notes,
            "at": at,
        }
    )
    window = case.window
    marks = marks_of(window.absent, window.unreadable, window.examples)
    kept = save_frame(place.home, window.frame, window.version, examined.checked.broken, marks)

    def record(t: Transaction) -> None:
        t.record_window(
            case.window.version,
            source="window",
            labelled=examined.checked.evidence.labelled,
            quarantined=told["remedy"]["kind"] == "fix_source",
            file=kept.file,
            broken=kept.broken,
            at=at,
        )
        t.record_decision(
            case.id,
            window_sha256=case.window.version.sha256,
            champion_before=case.version,
            champion_after=after,
            body=json.dumps(body),
            at=at,
        )

    if promotes:
        place.models.promote(
            case.model,
            after,
            expected=case.version,
            who="factory",
            why=told["because"],
            at=at,
            decision=case.id,
            record=record,
        )
    else:
        place.models.unchanged(case.model, expected=case.version, record=record)
    return body


def finished(candidate: Rehearsed, case: Case, examined: Examined) -> Bundle:
    """Give a rehearsed model what will watch it, and fallback models where it was fitted."""
    learnt = lesson(candidate.rehearsal.remedy, case, examined)
    return completed(
        candidate.bundle,
        case.config,
        learn=None if learnt is None else learnt.rows,
        weights=None if learnt is None else learnt.weights,
    )


def _register(case: Case, examined: Examined, candidate: Rehearsed, place: Workplace) -> int:
    """Save a rehearsed model as the next version; the fit of the rehearsal is the one served."""
    remedy = remedy_json(candidate.rehearsal.remedy)
    bundle = finished(candidate, case, examined)
    runs = Runs(place.home)
    with runs.run(case.model, remedy["kind"], tags={"decision": case.id}) as run_id:
        runs.log(
            run_id,
            params={"remedy": json.dumps(remedy), "family": bundle.family, **bundle.params},
            metrics={
                bundle.metric: candidate.rehearsal.score,
                "gain": candidate.rehearsal.gain,
                "fit_seconds": candidate.rehearsal.cost_seconds,
            },
        )
        runs.log_dataset(run_id, case.window.version, source="window", context="evaluation")
        tags = {"remedy": remedy["kind"], "decision": case.id, "parent": str(case.version)}
        version = place.models.save(
            bundle,
            case.model,
            run_id,
            data_sha256=case.window.version.sha256,
            tags=tags,
            made={"by": "remedy", "decision": case.id, "remedy": remedy, "code": code_version()},
        )
    place.models.challenge(case.model, version)
    return version
