"""Chooses one remedy from what was measured: a pure function of recorded inputs."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from factory.gate.bar import asked, border
from factory.nouns import ROWS, Diagnosis, Evidence
from factory.plan import History
from factory.policy import PolicyConfig
from factory.remedies import (
    AskLabels,
    Choice,
    FixSource,
    Keep,
    Rehearsal,
    Remedy,
    RollBack,
    describe,
)
from factory.worth import gain_needed, worth


@dataclass(frozen=True, slots=True)
class Refused:
    """A remedy whose model the gate refused, and why."""

    remedy: Remedy
    because: str


def decide(
    evidence: Evidence,
    diagnosis: Diagnosis,
    rehearsals: Sequence[Rehearsal],
    history: History,
    policy: PolicyConfig,
    refused: Sequence[Refused] = (),
) -> Choice:
    """Choose the remedy that is worth most, or none.

    A remedy qualifies when its gain is large enough to bother (see ``factory.worth.gain_needed``),
    it is worth more than keeping, less what its uncertainty counts for, and it shows what the gate
    asks of it (see ``factory.gate.asked``): that it certainly gains, or where keeping is a risk
    too, that it is certainly no worse. Of those the one of the highest value wins, and a tie goes
    to the cheaper one, which comes first. Where the gate refused that
    one's model, the next is asked for; the lower bounds of all hold together (see
    ``factory.rehearse``), and the gate tests each at that level, so that however many are tried,
    one that is no better passes at most at the stated rate. Returning to a version that was
    replaced a moment ago needs twice the gain. Where broken data cost performance and nothing
    qualifies, the source has to be fixed. So it has where the model fell, labels are as common as
    ever, and no model that was tried tells them from the same labels in another order: then they
    are joined to the wrong rows, and whatever measures well on them is not to be trusted.

    Args:
        evidence: what the check measured.
        diagnosis: its cause.
        rehearsals: measured remedies, cheapest first; where labels are too few they were measured
            on rows that stand in for the window, or there are none.
        history: what happened before.
        policy: what a remedy must be worth.
        refused: remedies whose models the gate has refused, in the order in which they were tried.
    """
    measured = [r for r in rehearsals if r.measured]
    if measured and _mixed_up(evidence) and not any(r.informed for r in measured):
        return Choice(FixSource((_labels(evidence),)), _uninformed(measured))
    tried = {one.remedy for one in refused}
    sure = [r for r in rehearsals if r.remedy not in tried and _qualifies(r, history, policy)]
    if sure:
        best = max(sure, key=lambda r: worth(r, policy).value)
        return Choice(best.remedy, _why(best, diagnosis, rehearsals) + _instead_of(refused))
    if not measured:
        return _without_labels(evidence, diagnosis, policy)
    because = _why_not(evidence, diagnosis, measured, history, policy)
    if diagnosis.cause == "data_quality" and evidence.performance.alarm:
        return Choice(FixSource(diagnosis.culprits), because)
    return Choice(Keep(), because)


def undoes(rehearsal: Rehearsal, history: History) -> bool:
    """Tell whether a remedy brings back a version that was replaced a moment ago.

    >>> tried = Rehearsal(RollBack(1), 0.8, 0.7, 0.9, 0.2, 0.15, 0.05, cost_seconds=0.0, rows=400)
    >>> undoes(tried, History((1,), 2, 1, left=(1,))), undoes(tried, History((1,), 2, 9))
    (True, False)
    """
    remedy = rehearsal.remedy
    return isinstance(remedy, RollBack) and remedy.to_version in history.left


def _qualifies(rehearsal: Rehearsal, history: History, policy: PolicyConfig) -> bool:
    if isinstance(rehearsal.remedy, Keep) or not rehearsal.informed:
        return False
    enough = rehearsal.gain >= _needed(rehearsal, history, policy)
    shown = rehearsal.gain_low > _border(rehearsal, policy)
    return enough and shown and worth(rehearsal, policy).value > 0


def _border(rehearsal: Rehearsal, policy: PolicyConfig) -> float:
    return border(asked(rehearsal.remedy, policy.gate), policy.gate)


def _needed(rehearsal: Rehearsal, history: History, policy: PolicyConfig) -> float:
    back, spent = undoes(rehearsal, history), history.retrains
    return gain_needed(rehearsal.remedy, policy, undoes=back, retrains=spent)


def _without_labels(evidence: Evidence, diagnosis: Diagnosis, policy: PolicyConfig) -> Choice:
    because = f"{_sentence(diagnosis.because)}; there are too few labelled rows to measure a remedy"
    if diagnosis.cause == "data_quality":
        return Choice(FixSource(diagnosis.culprits), because)
    unlabelled = evidence.window.rows - evidence.labelled
    if not evidence.alarm or unlabelled <= 0:
        return Choice(Keep(), because)
    enough = math.ceil(policy.minimum_rows / policy.evaluation)
    wanted = max(evidence.performance.labels_needed or evidence.window.rows, enough)
    return Choice(AskLabels(min(wanted, unlabelled)), because)


def _mixed_up(evidence: Evidence) -> bool:
    moved = evidence.label_drift is not None and evidence.label_drift.alarm
    return evidence.performance.alarm and not moved


def _labels(evidence: Evidence) -> str:
    return evidence.label_drift.feature if evidence.label_drift is not None else ROWS


def _uninformed(rehearsals: Sequence[Rehearsal]) -> str:
    return (
        f"The labels of this window are not to be trusted: none of {len(rehearsals)} models, old "
        "or refitted, loses less on them than on the same labels in another order"
    )


def _why(best: Rehearsal, diagnosis: Diagnosis, rehearsals: Sequence[Rehearsal]) -> str:
    others = len(rehearsals) - 1
    rows = "newest labelled rows" if best.measured else "reference rows made like the window's"
    measured = (
        f"{describe(best.remedy)} scores {best.score:.4g}, {best.gain:.1%} better than keeping "
        f"(at least {best.gain_low:.1%}) on {best.rows:,} {rows}"
    )
    against = f", the best of {others} remedies rehearsed" if others > 1 else ""
    return f"{_sentence(diagnosis.because)}. {_sentence(measured)}{against}"


def _instead_of(refused: Sequence[Refused]) -> str:
    told = [f"{describe(one.remedy)} ({one.because})" for one in refused]
    return f". The gate refused what measured better: {'; '.join(told)}" if told else ""


def _why_not(
    evidence: Evidence,
    diagnosis: Diagnosis,
    rehearsals: Sequence[Rehearsal],
    history: History,
    policy: PolicyConfig,
) -> str:
    challengers = [r for r in rehearsals if not isinstance(r.remedy, Keep)]
    if not challengers:
        return f"{_sentence(diagnosis.because)}. No other remedy applies"
    best = max(challengers, key=lambda r: r.gain - _needed(r, history, policy))
    count = len(challengers)
    of = "the one remedy rehearsed" if count == 1 else f"the best of {count} remedies rehearsed"
    least = _border(best, policy)
    surely = "be a certain gain" if least == 0 else f"be certainly no worse than {least:.1%}"
    measured = (
        f"{of}, {describe(best.remedy)}, gains {best.gain + 0.0:.1%} (at least "
        f"{best.gain_low:.1%}); it must {surely}, and of "
        f"{_needed(best, history, policy):.1%} to be worth it"
    )
    hurt = " although performance fell" if evidence.performance.alarm else ""
    return f"{_sentence(diagnosis.because)}. Kept{hurt}: {measured}"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
