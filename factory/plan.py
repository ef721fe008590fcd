"""Which remedies could apply to a window, cheapest first."""

from dataclasses import dataclass

from factory.config import PolicyConfig
from factory.nouns import (
    Diagnosis,
    DropFeatures,
    Evidence,
    Keep,
    Remedy,
    Retrain,
    RollBack,
)


@dataclass(frozen=True, slots=True)
class History:
    """What is known of a model's past when a window arrives.

    Attributes:
        earlier: versions that were champion before, newest first, without the present one.
        reign: number of the promotion that made the present champion, from 1.
        windows_since_promotion: windows decided on since the champion last changed.
    """

    earlier: tuple[int, ...]
    reign: int
    windows_since_promotion: int


def applicable(
    evidence: Evidence, diagnosis: Diagnosis, history: History, policy: PolicyConfig
) -> tuple[Remedy, ...]:
    """List the remedies worth rehearsing on a labelled window; keep always comes first.

    Earlier versions are always rehearsed, since they cost one prediction. Fitting is rehearsed
    only when the check found something and the cooldown is over. The features blamed are those
    with broken data, or those that moved while performance fell.
    """
    remedies: list[Remedy] = [Keep()]
    remedies += [RollBack(version) for version in history.earlier[: policy.versions]]
    blamed = _blamed(evidence, diagnosis)
    if blamed:
        remedies.append(DropFeatures(blamed, "neutralise"))
    if evidence.alarm and history.windows_since_promotion >= policy.cooldown:
        if blamed:
            remedies.append(DropFeatures(blamed, "refit"))
        remedies += [Retrain("recent", windows) for windows in sorted(policy.recent_windows)]
        remedies.append(Retrain("all"))
    return tuple(remedies)


def _blamed(evidence: Evidence, diagnosis: Diagnosis) -> tuple[str, ...]:
    problems = (p for p in evidence.quality if not (p.handled or p.of_rows))
    broken = {problem.feature for problem in problems}
    if not broken and evidence.performance.alarm and diagnosis.cause == "covariate_drift":
        broken = set(diagnosis.culprits)
    return tuple(sorted(broken))
