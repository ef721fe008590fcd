"""Which remedies could apply to a window, cheapest first."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from factory.nouns import Diagnosis, Evidence, Task
from factory.policy import PolicyConfig
from factory.remedies import Adapt, DropFeatures, Keep, Remedy, Retrain, RollBack

Phase = Literal["whole", "at_once", "then"]
"""Which part of a decision: all of it; what can be done before anything is fitted; the rest."""


@dataclass(frozen=True, slots=True)
class Promoted:
    """A version became champion.

    Attributes:
        version: that it is.
        previous: that it replaced, None for the first.
        after: how many decisions had been made by then, the one that called for it included.
        decided: whether a decision called for it, and not a person or a training.
    """

    version: int
    previous: int | None
    after: int
    decided: bool


@dataclass(frozen=True, slots=True)
class History:
    """What is known of a model's past when a window arrives.

    Attributes:
        earlier: versions that were champion before, newest first, without the present one.
        reign: number of the promotion that made the present champion, from 1.
        windows_since_promotion: windows decided on since the champion last changed.
        left: versions that were replaced so lately that it has not settled yet.
        retrains: decided on within the windows that the policy's budget counts.
    """

    earlier: tuple[int, ...]
    reign: int
    windows_since_promotion: int
    left: tuple[int, ...] = ()
    retrains: int = 0

    @classmethod
    def of(
        cls, promotions: Sequence[Promoted], decided: Sequence[str], policy: PolicyConfig
    ) -> "History":
        """Tell a past as a decision looks at it.

        Args:
            promotions: at least one, the oldest first.
            decided: kind of the remedy of each decision, the oldest first.
            policy: how far back counts.

        >>> first, second = Promoted(1, None, 0, False), Promoted(2, 1, 3, True)
        >>> History.of([first, second], ["keep", "keep", "retrain", "keep"], PolicyConfig())
        History(earlier=(1,), reign=2, windows_since_promotion=1, left=(1,), retrains=1)
        """
        now = promotions[-1]
        versions = dict.fromkeys(p.version for p in reversed(promotions))
        settled = len(decided) - policy.settle
        return cls(
            earlier=tuple(version for version in versions if version != now.version),
            reign=len(promotions),
            windows_since_promotion=len(decided) - now.after,
            left=tuple(
                p.previous
                for p in promotions
                if p.decided and p.previous is not None and p.after > settled
            ),
            retrains=list(decided[-policy.retrains_within :]).count("retrain"),
        )


def applicable(
    evidence: Evidence,
    diagnosis: Diagnosis,
    history: History,
    policy: PolicyConfig,
    *,
    task: Task,
    phase: Phase = "whole",
) -> tuple[Remedy, ...]:
    """List the remedies worth rehearsing on a labelled window, cheapest first.

    Keep always comes first. Earlier versions are always rehearsed, since they cost one
    prediction. Whatever else needs no fit is rehearsed where the check found what it mends, and
    what needs one where the check found anything, the cooldown is over and the budget of retrains
    is not used up. The features blamed are those with broken data, or those that moved while
    performance fell.

    Args:
        evidence: what the check measured.
        diagnosis: its cause.
        history: what happened before.
        policy: what may be done.
        task: of the model.
        phase: ``at_once`` leaves out what fits a model; what follows a change made at once
            (``then``) fits in any case, for that change was a makeshift.
    """
    remedies: list[Remedy] = [Keep()]
    remedies += [RollBack(version) for version in history.earlier[: policy.versions]]
    remedies += _adaptations(evidence, diagnosis, task)
    blamed = _blamed(evidence, diagnosis)
    if blamed:
        remedies += [DropFeatures(blamed, "neutralise"), DropFeatures(blamed, "hedge")]
    rested = history.windows_since_promotion >= policy.cooldown
    wanted = phase == "then" or (phase == "whole" and evidence.alarm and rested)
    if wanted and history.retrains < policy.retrains:
        remedies += fits(blamed, policy)
    return tuple(remedies)


def unlabelled(evidence: Evidence, diagnosis: Diagnosis, *, task: Task) -> tuple[Remedy, ...]:
    """List what can be rehearsed where labels are too few, on rows that stand in for the window.

    Only what the window's rows themselves call for: what is broken is converted back or done
    without, and moved class shares are adapted to. Nothing where there is nothing of that.
    """
    units = [
        one for one in _adaptations(evidence, diagnosis, task) if one.how in {"unit", "priors"}
    ]
    blamed = _broken(evidence) if diagnosis.cause == "data_quality" else ()
    drops = [DropFeatures(blamed, "neutralise"), DropFeatures(blamed, "hedge")] if blamed else []
    return (Keep(), *units, *drops) if units or drops else ()


def _adaptations(evidence: Evidence, diagnosis: Diagnosis, task: Task) -> list[Adapt]:
    found = []
    units = tuple(sorted({p.feature for p in evidence.quality if p.unit and not p.handled}))
    if units:
        found.append(Adapt("unit", units))
    if diagnosis.cause == "data_quality":
        # What corrects outputs would learn the damage, and do harm once the source is mended.
        return found
    single = (evidence.prediction_drift, evidence.label_drift)
    moved = any(signal is not None and signal.alarm for signal in single)
    fell = evidence.performance.alarm
    if task == "regression":
        return found + ([Adapt("offset"), Adapt("recalibrate")] if fell or moved else [])
    if moved or fell:
        found.append(Adapt("priors"))
    return found + ([Adapt("recalibrate")] if fell else [])


def fits(blamed: tuple[str, ...], policy: PolicyConfig) -> list[Remedy]:
    """List what fits a model; the first of the refits tells whether newer rows teach anything.

    Args:
        blamed: features to do without; none leaves those remedies out.
        policy: which rows are tried.

    >>> [remedy.rows for remedy in fits((), PolicyConfig(recent_windows=(1,), searches=False))]
    ['all', 'recent', 'since_change', 'all', 'all']
    """
    found: list[Remedy] = [DropFeatures(blamed, "refit")] if blamed else []
    found.append(Retrain("all", weights="recency"))
    found += [Retrain("recent", windows) for windows in sorted(policy.recent_windows)]
    found += [Retrain("since_change"), Retrain("all"), Retrain("all", weights="covariates")]
    if policy.searches:
        found.append(Retrain("all", weights="recency", search=True))
    return found


def _broken(evidence: Evidence) -> tuple[str, ...]:
    problems = (p for p in evidence.quality if not (p.handled or p.of_rows or p.of_labels))
    return tuple(sorted({problem.feature for problem in problems}))


def _blamed(evidence: Evidence, diagnosis: Diagnosis) -> tuple[str, ...]:
    broken = _broken(evidence)
    if not broken and evidence.performance.alarm and diagnosis.cause == "covariate_drift":
        broken = tuple(sorted(diagnosis.culprits))
    return broken
