"""Why a window looks as it does: one cause, the features to blame, a sentence."""

from collections.abc import Mapping

from factory.attribution import Attribution
from factory.nouns import Diagnosis, Evidence, Problem

MOST_CULPRITS = 5
EXPLAINS = 0.5
"""A shift that reproduces at least this share of the extra loss is named as its cause."""


def diagnose(
    evidence: Evidence,
    *,
    importance: Mapping[str, float],
    better_version: int | None,
    attribution: Attribution | None,
    explained_by_broken: float = 1.0,
) -> Diagnosis:
    """Name the cause of what a check found.

    Args:
        evidence: what the check measured.
        importance: per feature, what permuting it costs the champion (relative).
        better_version: an earlier version that measurably beats the champion on this window.
        attribution: what reweighting explains of the loss; None without labels.
        explained_by_broken: share of the extra loss that is gone without the broken rows; where
            it is small, broken values are not the reason for the fall.

    Returns:
        The first that holds of: broken data, a regression, and, when performance fell, label
        drift, covariate drift or concept drift; a drift that costs nothing is named as such.
    """
    broken = _broken(evidence.quality, importance)
    damaged = bool(broken) or any(p.of_rows for p in evidence.quality)
    moved = _moved(evidence, importance)
    fell = evidence.performance.alarm
    if damaged and (not fell or explained_by_broken >= EXPLAINS):
        return Diagnosis("data_quality", broken, _broken_sentence(evidence.quality, broken))
    if better_version is not None:
        return Diagnosis(
            "regression", (), f"version {better_version} does better on this window's labels"
        )
    if fell and attribution is not None:
        return _why_it_fell(evidence, moved, attribution)
    if evidence.performance.realised is None:
        return _without_labels(evidence, moved)
    if evidence.label_drift is not None and evidence.label_drift.alarm and not moved:
        return Diagnosis("label_drift", (), "the target moved, and performance held")
    if moved:
        return Diagnosis("covariate_drift", moved, f"{_list(moved)} moved, and performance held")
    handled = tuple(p.feature for p in evidence.quality if p.handled)
    if handled:
        because = f"{_list(handled)} still broken, which the champion does without"
        return Diagnosis("none", (), because)
    return Diagnosis("none", (), "nothing moved that matters")


def _why_it_fell(evidence: Evidence, moved: tuple[str, ...], attribution: Attribution) -> Diagnosis:
    fall = _fall(evidence)
    labels = attribution.labels or 0.0
    target_moved = evidence.label_drift is not None and evidence.label_drift.alarm
    if target_moved and labels >= EXPLAINS and labels >= attribution.covariates:
        because = f"{fall}; the target's new mix explains {labels:.0%} of it"
        return Diagnosis("label_drift", (), because)
    if attribution.covariates >= EXPLAINS:
        because = f"{fall}; the features' new mix explains {attribution.covariates:.0%} of it"
        return Diagnosis("covariate_drift", moved, because)
    because = (
        f"{fall}; the features' new mix explains only {attribution.covariates:.0%} of it, "
        "so their relation to the target moved"
    )
    return Diagnosis("concept_drift", moved, because)


def _without_labels(evidence: Evidence, moved: tuple[str, ...]) -> Diagnosis:
    estimated = evidence.performance.estimated
    if evidence.performance.alarm and estimated is not None:
        metric = evidence.performance.metric.replace("_", " ")
        because = (
            f"{metric} is estimated at {estimated.value:.4g} against "
            f"{evidence.performance.reference:.4g}; only labels would tell for certain"
        )
        return Diagnosis("covariate_drift", moved, because)
    if moved:
        because = f"{_list(moved)} moved; without labels the cost is not known"
        return Diagnosis("covariate_drift", moved, because)
    single = (evidence.prediction_drift, evidence.joint)
    if any(signal is not None and signal.alarm for signal in single):
        because = "predictions or features moved jointly; without labels the cost is not known"
        return Diagnosis("unknown", (), because)
    return Diagnosis("none", (), "nothing moved; there are too few labels to say more")


def _broken(quality: tuple[Problem, ...], importance: Mapping[str, float]) -> tuple[str, ...]:
    worst: dict[str, float] = {}
    for problem in quality:
        if problem.handled or problem.of_rows:
            continue
        harm = problem.share * (1.0 + max(importance.get(problem.feature, 0.0), 0.0))
        worst[problem.feature] = max(worst.get(problem.feature, 0.0), harm)
    return tuple(sorted(worst, key=lambda name: (-worst[name], name)))


def _moved(evidence: Evidence, importance: Mapping[str, float]) -> tuple[str, ...]:
    weight: dict[str, float] = {}
    for signal in evidence.drift:
        if signal.alarm:
            harm = signal.effect * (0.01 + max(importance.get(signal.feature, 0.0), 0.0))
            weight[signal.feature] = max(weight.get(signal.feature, 0.0), harm)
    return tuple(sorted(weight, key=lambda name: (-weight[name], name)))[:MOST_CULPRITS]


def _broken_sentence(quality: tuple[Problem, ...], broken: tuple[str, ...]) -> str:
    said = {p.feature: _problem_sentence(p) for p in quality if not p.of_rows}
    of_rows = [_problem_sentence(p) for p in quality if p.of_rows]
    return "; ".join([*(said[name] for name in broken[:MOST_CULPRITS]), *of_rows])


def _problem_sentence(problem: Problem) -> str:
    share, detail = _percent(problem.share), f" ({problem.detail})" if problem.detail else ""
    if problem.problem == "duplicate":
        return f"{share} of rows repeat an earlier one{detail}"
    return f"{problem.feature!r} is {_WORDS[problem.problem]} in {share} of rows{detail}"


def _percent(share: float) -> str:
    return f"{share:.0%}" if share >= 0.01 else f"{share:.1%}"  # noqa: PLR2004 - one percent


_WORDS = {
    "missing": "missing",
    "constant": "stuck at one value",
    "out_of_range": "out of range",
    "placeholder": "a placeholder",
    "unseen": "of unknown categories",
    "type": "unreadable",
    "schema": "gone",
    "unit": "in another unit",
    "stuck": "stuck at one value for a stretch",
    "late": "far too early",
    "future": "far too late",
}


def _fall(evidence: Evidence) -> str:
    performance = evidence.performance
    value = performance.realised.value if performance.realised else float("nan")
    metric = performance.metric.replace("_", " ")
    return f"{metric} went from {performance.reference:.4g} to {value:.4g}"


def _list(features: tuple[str, ...]) -> str:
    names = [repr(name) for name in features]
    return ", ".join(names[:-1]) + (" and " if len(names) > 1 else "") + names[-1]
