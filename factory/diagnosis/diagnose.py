"""Why a window looks as it does: one cause, the features to blame, a sentence."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from factory.bundle import Bundle
from factory.check import Checked
from factory.config import CheckConfig
from factory.diagnosis import words
from factory.diagnosis.attribution import Attribution, attribute
from factory.diagnosis.mix import class_mix
from factory.diagnosis.parts import Better, ClassShare, Share, Source, Suspect
from factory.diagnosis.priority import suspects
from factory.nouns import ROWS, Bools, Cause, Diagnosis, Evidence, Performance, Problem, Window

MOST_CULPRITS = 5
CARRIES = 0.05
"""A feature that moved is blamed for a fall where its move carries this share of it."""
CAUSES: Mapping[Source, Cause] = {
    "broken": "data_quality",
    "covariates": "covariate_drift",
    "labels": "label_drift",
    "relation": "concept_drift",
}


def diagnose_window(
    bundle: Bundle,
    window: Window,
    checked: Checked,
    labelled: Bools,
    config: CheckConfig,
    *,
    better: Better | None,
    enough: bool,
    seed: int,
) -> Diagnosis:
    """Diagnose a checked window: attribute its fall, or estimate its mix of classes, and conclude.

    Args:
        bundle: the champion.
        window: the rows that were checked.
        checked: what was measured.
        labelled: rows with a label that it was not trained on, shape (rows,).
        config: of the check; its confidence and resamples are those of the intervals.
        better: an earlier version that measurably beats the champion on these rows.
        enough: whether the labelled rows are enough to conclude from.
        seed: of everything random.
    """
    evidence = checked.evidence
    drawn: dict[str, Any] = {
        "confidence": config.confidence,
        "resamples": config.resamples,
        "seed": seed,
    }
    attribution: Attribution | None = None
    mix: tuple[ClassShare, ...] = ()
    if enough and evidence.performance.alarm:
        attribution = attribute(
            bundle,
            window.frame.loc[labelled].reset_index(drop=True),
            checked.outputs[labelled],
            sound=_sound(bundle, checked, labelled)[labelled],
            target_moved=evidence.label_drift is not None and evidence.label_drift.alarm,
            **drawn,
        )
    elif not enough and (evidence.drift_alarm or evidence.performance.alarm):
        mix = class_mix(bundle, window.frame, checked.outputs, **drawn)
    return diagnose(
        evidence,
        importance=bundle.importance,
        better=better,
        attribution=attribution,
        mix=mix,
    )


def _sound(bundle: Bundle, checked: Checked, labelled: Bools) -> Bools:
    """Mark the labelled rows of which the champion reads no broken value."""
    sound = labelled.copy()
    for name in {*bundle.schema.without(bundle.neutralised).names, ROWS} & set(checked.broken):
        sound &= ~checked.broken[name]
    return sound


def diagnose(
    evidence: Evidence,
    *,
    importance: Mapping[str, float],
    better: Better | None,
    attribution: Attribution | None,
    mix: tuple[ClassShare, ...] = (),
) -> Diagnosis:
    """Name the cause of what a check found.

    Args:
        evidence: what the check measured.
        importance: per feature, what permuting it costs the champion (relative).
        better: an earlier version that measurably beats the champion on this window.
        attribution: where the fall comes from; None without one, or without enough labels.
        mix: the classes' shares, estimated without labels; empty where more than they moved.

    Returns:
        The first that holds of: broken data, a regression, and, when performance fell, label
        drift, covariate drift or concept drift, whichever for certain costs most, or ``unknown``
        where none does. A drift that costs nothing is named as such.
    """
    by_feature = attribution.by_feature if attribution is not None else None
    ranked = suspects(evidence.drift, importance, by_feature)
    cause, culprits, because = _concluded(evidence, importance, better, attribution, mix, ranked)
    found = Diagnosis(cause, culprits, because, suspects=ranked, mix=mix)
    shares = attribution.shares if attribution is not None else ()
    if better is not None and evidence.performance.alarm:
        shares = (*shares, _released(evidence.performance, better))
    if attribution is not None:
        found = replace(found, labels_needed=attribution.needed, overlap=attribution.overlap)
    return replace(found, shares=shares)


Conclusion = tuple[Cause, tuple[str, ...], str]


def _concluded(
    evidence: Evidence,
    importance: Mapping[str, float],
    better: Better | None,
    attribution: Attribution | None,
    mix: tuple[ClassShare, ...],
    ranked: Sequence[Suspect],
) -> Conclusion:
    broken = _broken(evidence.quality, importance)
    damaged = bool(broken) or any(p.of_rows and not p.handled for p in evidence.quality)
    fell = evidence.performance.alarm
    if damaged and (not fell or attribution is None or attribution.named == "broken"):
        return "data_quality", broken, words.broken(evidence.quality, broken, attribution)
    if better is not None:
        return "regression", (), words.regression(better)
    if fell and attribution is not None:
        return _why_it_fell(evidence, attribution, ranked)
    moved = _moved(ranked)
    if evidence.performance.realised is None:
        return _without_labels(evidence, moved, mix)
    if fell:
        return "unknown", moved, words.open_fall(evidence.performance)
    if evidence.label_drift is not None and evidence.label_drift.alarm and not moved:
        return "label_drift", (), "the target moved, and performance held"
    if moved:
        return "covariate_drift", moved, f"{words.names(moved)} moved, and performance held"
    handled = tuple(p.feature for p in evidence.quality if p.handled)
    if handled:
        return "none", (), f"{words.names(handled)} still broken, which the champion does without"
    return "none", (), "nothing moved that matters"


def _why_it_fell(
    evidence: Evidence, attribution: Attribution, ranked: Sequence[Suspect]
) -> Conclusion:
    if attribution.named is None:
        return "unknown", _moved(ranked), words.undecided(evidence.performance, attribution)
    culprits = _moved(ranked)
    if attribution.named == "covariates":
        carrying = [s for s in ranked if s.alarm and (s.loss or 0.0) >= CARRIES]
        carrying.sort(key=lambda s: (-(s.loss or 0.0), -s.priority, s.feature))
        culprits = tuple(s.feature for s in carrying)[:MOST_CULPRITS] or culprits
    elif attribution.named == "labels":
        culprits = ()
    because = words.fall_from(evidence.performance, attribution, culprits)
    return CAUSES[attribution.named], culprits, because


def _without_labels(
    evidence: Evidence, moved: tuple[str, ...], mix: tuple[ClassShare, ...]
) -> Conclusion:
    if mix:
        return "label_drift", (), words.mixed(mix)
    if evidence.performance.alarm and evidence.performance.estimated is not None:
        return "covariate_drift", moved, words.estimated(evidence.performance)
    if moved:
        because = f"{words.names(moved)} moved; without labels the cost is not known"
        return "covariate_drift", moved, because
    single = (evidence.prediction_drift, evidence.joint)
    if any(signal is not None and signal.alarm for signal in single):
        because = "predictions or features moved jointly; without labels the cost is not known"
        return "unknown", (), because
    if evidence.behaviour is not None and evidence.behaviour.alarm:
        because = "the champion behaves otherwise than it did; without labels the cost is not known"
        return "unknown", (), because
    return "none", (), "nothing moved; there are too few labels to say more"


def _broken(quality: Sequence[Problem], importance: Mapping[str, float]) -> tuple[str, ...]:
    worst: dict[str, float] = {}
    for problem in quality:
        if problem.handled or problem.of_rows:
            continue
        harm = problem.share * (1.0 + max(importance.get(problem.feature, 0.0), 0.0))
        worst[problem.feature] = max(worst.get(problem.feature, 0.0), harm)
    return tuple(sorted(worst, key=lambda name: (-worst[name], name)))


def _moved(ranked: Sequence[Suspect]) -> tuple[str, ...]:
    return tuple(suspect.feature for suspect in ranked if suspect.alarm)[:MOST_CULPRITS]


def _released(performance: Performance, better: Better) -> Share:
    """Return the share of a fall that an earlier version would undo; no upper bound is known."""
    value = performance.realised.value if performance.realised is not None else float("nan")
    size = abs(value) / abs(value - performance.reference)
    return Share("release", better.gain * size, better.low * size, float("nan"))
