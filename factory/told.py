"""Evidence as plain JSON: what is not known or not finite is null."""

from typing import Any

from factory.breakdown.parts import Breakdown
from factory.breakdown.told import counts_json, fairness_json, segment_json, value_json
from factory.nouns import Evidence, Signal
from factory.plain import estimate_json, number, signal_json

__all__ = ["check_json", "signal_json"]

UNKNOWN: dict[str, Any] = {
    "detector": None,
    "statistic": None,
    "p_value": None,
    "effect": None,
    "alarm": False,
    "tells": [],
}
"""The joint test of a window that is too small for it."""


def check_json(evidence: Evidence) -> dict[str, Any]:
    """Return evidence as plain JSON; what is not known or not finite is null.

    >>> from factory.nouns import DataVersion, Performance
    >>> told = Performance("accuracy", 0.9, None, None, alarm=False)
    >>> window = DataVersion("00", 5)
    >>> found = check_json(Evidence("m", 1, window, 0, (), (), None, None, None, told))
    >>> found["performance"]["reference"], found["performance"]["realised"], found["segments"]
    (0.9, None, [])
    """
    version, told = evidence.window, evidence.performance
    broken_down = evidence.breakdown or Breakdown()
    return {
        "model": evidence.model,
        "version": evidence.version,
        "window": {
            "rows": version.rows,
            "sha256": version.sha256,
            "start": version.start,
            "end": version.end,
        },
        "labelled": evidence.labelled,
        "quality": [
            {
                "feature": p.feature,
                "problem": p.problem,
                "share": number(p.share),
                "handled": p.handled,
                "detail": p.detail,
                "unit": None if p.unit is None else list(p.unit),
                "of_labels": p.of_labels,
            }
            for p in evidence.quality
        ],
        "drift": {
            "alarm": evidence.drift_alarm,
            "features": [signal_json(signal) for signal in evidence.drift],
            "joint": _joint_json(evidence.joint),
        },
        "prediction_drift": signal_json(evidence.prediction_drift)
        if evidence.prediction_drift
        else None,
        "label_drift": signal_json(evidence.label_drift) if evidence.label_drift else None,
        "behaviour": signal_json(evidence.behaviour) if evidence.behaviour else None,
        "performance": {
            "metric": told.metric,
            "reference": number(told.reference),
            "realised": estimate_json(told.realised, rows=True),
            "estimated": estimate_json(told.estimated, rows=False),
            "combined": estimate_json(told.combined, rows=False),
            "predicted": estimate_json(told.predicted, rows=False),
            "labels_needed": told.labels_needed,
            "tolerance": number(told.tolerance),
            "alarm": told.alarm,
            "value": value_json(broken_down.value),
            "counts": counts_json(broken_down.counts),
        },
        "segments": [segment_json(segment) for segment in broken_down.segments],
        "fairness": [fairness_json(found) for found in broken_down.fairness],
        "unparted": list(broken_down.lacking),
        "alarm": evidence.alarm,
    }


def _joint_json(signal: Signal | None) -> dict[str, Any]:
    if signal is None:
        return {**UNKNOWN}
    told = signal_json(signal)
    return {name: told[name] for name in UNKNOWN if name in told} | {"tells": list(signal.tells)}
