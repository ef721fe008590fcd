"""Performs a chosen remedy: registers, gates, promotes and records, or leaves all as it was."""

import json
from dataclasses import asdict, dataclass
from typing import Any, assert_never

from factory.bundle import Bundle
from factory.gate import measure_costs
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
from flows.case import Case, Examined
from flows.code import code_version
from flows.console import plain
from flows.court import Ruling, as_served
from flows.finish import finished
from flows.loop import judging_rows
from flows.paper import write_rows, write_ticket
from flows.replayed import forget_learnt
from flows.workplace import Workplace, now
from registry.frames import save_frame
from registry.runs import Runs
from registry.transaction import Transaction
from registry.versions import marks_of


@dataclass(frozen=True)
class Outcome:
    """What came of a choice: the version that challenged, if any, and the gate's verdict."""

    challenger: int | None
    verdict: Verdict | None
    notes: dict[str, str]


def remediate(examined: Examined, ruling: Ruling, place: Workplace) -> Outcome:
    """Make what is to serve, or write what people need; nothing is served yet.

    What the gate refused is not made.
    """
    case, choice = examined.case, ruling.choice
    notes = _ticket(case, examined, choice, place)
    match choice.remedy:
        case Keep() | FixSource():
            return Outcome(None, None, notes)
        case AskLabels(rows=rows):
            return Outcome(
                None, None, {"rows_to_label": write_rows(case, examined, rows, place.home)}
            )
        case RollBack() | Adapt() | DropFeatures() | Retrain():
            return _challenger(examined, ruling, place, notes)
        case _:
            assert_never(choice.remedy)


def _challenger(
    examined: Examined, ruling: Ruling, place: Workplace, notes: dict[str, str]
) -> Outcome:
    entry, verdict = ruling.entry, ruling.verdict
    if entry is None or verdict is None or not verdict.passed:
        return Outcome(None, verdict, notes)
    if isinstance(ruling.choice.remedy, RollBack):
        place.models.verify(examined.case.model, ruling.choice.remedy.to_version)
        return Outcome(ruling.choice.remedy.to_version, verdict, notes)
    bundle = finished(entry, examined)
    if bundle is None:
        return Outcome(None, as_served(verdict, entry, None, examined), notes)
    return Outcome(_register(bundle, examined, entry, place), verdict, notes)


def judge(examined: Examined, ruling: Ruling, outcome: Outcome, place: Workplace) -> Outcome:
    """Look at the challenger, as the registry returns it, beside the model that passed."""
    entry, verdict = ruling.entry, outcome.verdict
    if outcome.challenger is None or entry is None or verdict is None:
        return outcome
    case = examined.case
    challenger = place.models.load(case.model, outcome.challenger)
    costs = measure_costs(case.champion, challenger, judging_rows(examined), place.clock)
    verdict = as_served(verdict, entry, challenger, examined, costs)
    return Outcome(outcome.challenger, verdict, outcome.notes)


def _ticket(case: Case, examined: Examined, choice: Choice, place: Workplace) -> dict[str, str]:
    """Write a ticket where somebody has to mend what broke, whatever serves in the meantime."""
    broke = examined.diagnosis.cause == "data_quality"
    changes = not isinstance(choice.remedy, Keep | AskLabels)
    if isinstance(choice.remedy, FixSource) or (broke and changes):
        return {"ticket": write_ticket(case, examined, choice, place.home)}
    return {}


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
        if not isinstance(choice.remedy, RollBack):
            forget_learnt(case.model, after, place)
    else:
        place.models.unchanged(case.model, expected=case.version, record=record)
    return body


def _register(bundle: Bundle, examined: Examined, candidate: Rehearsed, place: Workplace) -> int:
    """Save what is to serve as the next version."""
    case, remedy = examined.case, remedy_json(candidate.rehearsal.remedy)
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
