"""Chooses one remedy from what was measured: a pure function of recorded inputs."""

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import assert_never

from factory.config import PolicyConfig
from factory.nouns import (
    Adapt,
    AskLabels,
    Choice,
    Diagnosis,
    DropFeatures,
    Evidence,
    FixSource,
    Keep,
    Rehearsal,
    Remedy,
    Retrain,
    RollBack,
)

POWER = 0.8


def decide(
    evidence: Evidence,
    diagnosis: Diagnosis,
    rehearsals: Sequence[Rehearsal],
    policy: PolicyConfig,
) -> Choice:
    """Choose the remedy with the largest certain gain after costs, or none.

    A remedy qualifies when its gain is certain (lower bound above 0) and at least
    ``policy.minimum_gain``. Of those the largest lower bound after costs wins, so that a dearer
    remedy must be better for certain and not by a lucky mean; whatever fits a model pays
    ``policy.retrain_cost``, and a tie goes to the cheaper one, which comes first. Where
    broken data cost performance and nothing qualifies, the source has to be fixed.

    Args:
        evidence: what the check measured.
        diagnosis: its cause.
        rehearsals: measured remedies, cheapest first; empty when labels are too few.
        policy: what a remedy must be worth.
    """
    if not rehearsals:
        return _without_labels(evidence, diagnosis, policy)
    worth = [r for r in rehearsals if _qualifies(r, policy)]
    if worth:
        best = max(worth, key=lambda r: r.gain_low - cost(r.remedy, policy))
        return Choice(best.remedy, _why(best, diagnosis, rehearsals))
    if diagnosis.cause == "data_quality" and evidence.performance.alarm:
        because = _why_not(evidence, diagnosis, rehearsals, policy)
        return Choice(FixSource(diagnosis.culprits), because)
    return Choice(Keep(), _why_not(evidence, diagnosis, rehearsals, policy))


def cost(remedy: Remedy, policy: PolicyConfig) -> float:
    """Return a remedy's cost, in relative gain that it must bring on top.

    >>> cost(Keep(), PolicyConfig()), cost(Retrain("all"), PolicyConfig())
    (0.0, 0.01)
    """
    match remedy:
        case Retrain() | DropFeatures(how="refit"):
            return policy.retrain_cost
        case Keep() | Adapt() | RollBack() | DropFeatures() | FixSource() | AskLabels():
            return 0.0
        case _:
            assert_never(remedy)


def labels_needed(error_rate: float, tolerance: float) -> int:
    """Return how many labels tell a relative loss of ``tolerance`` from none, at 80 % power.

    A per-row loss whose standard deviation equals its mean is assumed, as it is for absolute
    errors with exponential tails.

    >>> labels_needed(0.05, 0.1)
    619
    """
    normal = NormalDist()
    z = normal.inv_cdf(1.0 - error_rate) + normal.inv_cdf(POWER)
    return math.ceil((z / max(tolerance, 0.01)) ** 2)


def _qualifies(rehearsal: Rehearsal, policy: PolicyConfig) -> bool:
    needed = policy.minimum_gain + cost(rehearsal.remedy, policy)
    changes = not isinstance(rehearsal.remedy, Keep)
    return changes and rehearsal.gain_low > 0 and rehearsal.gain >= needed


def _without_labels(evidence: Evidence, diagnosis: Diagnosis, policy: PolicyConfig) -> Choice:
    labelled = "there are too few labelled rows to measure a remedy"
    if diagnosis.cause == "data_quality":
        return Choice(FixSource(diagnosis.culprits), f"{_sentence(diagnosis.because)}; {labelled}")
    if evidence.alarm:
        rows = labels_needed(policy.error_rate, policy.minimum_gain * 5)
        rows = min(rows, evidence.window.rows)
        return Choice(AskLabels(rows), f"{_sentence(diagnosis.because)}; {labelled}")
    return Choice(Keep(), f"{_sentence(diagnosis.because)}; {labelled}")


def _list(names: Sequence[str]) -> str:
    return ", ".join(repr(name) for name in names)


def _best_of(count: int) -> str:
    return "the one remedy rehearsed" if count == 1 else f"the best of {count} remedies rehearsed"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _why(best: Rehearsal, diagnosis: Diagnosis, rehearsals: Sequence[Rehearsal]) -> str:
    others = len(rehearsals) - 1
    measured = (
        f"{describe(best.remedy)} scores {best.score:.4g}, {best.gain:.1%} better than keeping "
        f"(at least {best.gain_low:.1%}) on {best.rows:,} newest labelled rows"
    )
    against = f", the best of {others} remedies rehearsed" if others > 1 else ""
    return f"{_sentence(diagnosis.because)}. {_sentence(measured)}{against}"


def _why_not(
    evidence: Evidence,
    diagnosis: Diagnosis,
    rehearsals: Sequence[Rehearsal],
    policy: PolicyConfig,
) -> str:
    challengers = [r for r in rehearsals if not isinstance(r.remedy, Keep)]
    if not challengers:
        return f"{_sentence(diagnosis.because)}. No other remedy applies"
    best = max(challengers, key=lambda r: r.gain - cost(r.remedy, policy))
    needed = policy.minimum_gain + cost(best.remedy, policy)
    measured = (
        f"{_best_of(len(challengers))}, {describe(best.remedy)}, gains {best.gain + 0.0:.1%} "
        f"(at least {best.gain_low:.1%}); a change must bring a certain gain of {needed:.1%}"
    )
    hurt = " although performance fell" if evidence.performance.alarm else ""
    return f"{_sentence(diagnosis.because)}. Kept{hurt}: {measured}"


def describe(remedy: Remedy) -> str:
    """Name a remedy in words.

    >>> describe(DropFeatures(("a", "b"), "neutralise")), describe(RollBack(3))
    ("neutralising 'a', 'b'", 'version 3')
    >>> describe(Retrain("recent", 3, weights="recency"))
    'a refit on the newest 3 windows, newer rows counting more'
    """
    match remedy:
        case Keep():
            return "keeping the champion"
        case Adapt():
            return _adapted(remedy)
        case RollBack(to_version=version):
            return f"version {version}"
        case DropFeatures(features=names, how=how):
            return _DROPPED[how].format(_list(names))
        case Retrain():
            return _retrained(remedy)
        case FixSource(features=names):
            return f"fixing the source of {_list(names) or 'the rows'}"
        case AskLabels(rows=count):
            return f"asking for {count} labels"
        case _:
            assert_never(remedy)


_DROPPED = {
    "neutralise": "neutralising {}",
    "hedge": "the fallback model without {}",
    "refit": "a refit without {}",
}


def _adapted(remedy: Adapt) -> str:
    match remedy.how:
        case "priors":
            return "moving the champion to the window's class shares"
        case "recalibrate":
            return "recalibrating the champion"
        case "offset":
            return "shifting the champion's predictions"
        case "unit":
            return f"converting {_list(remedy.features)} back"
        case _:
            assert_never(remedy.how)


def _retrained(remedy: Retrain) -> str:
    what = "a new search" if remedy.search else "a refit"
    rows = {
        "all": "on all rows",
        "since_change": "on the rows since the change",
        "recent": "on the newest window"
        if remedy.windows == 1
        else f"on the newest {remedy.windows} windows",
    }[remedy.rows]
    weights = {
        "even": "",
        "recency": ", newer rows counting more",
        "covariates": ", rows like the window's counting more",
    }[remedy.weights]
    return f"{what} {rows}{weights}"
