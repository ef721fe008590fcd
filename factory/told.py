"""Evidence as plain JSON: what is not known or not finite is null."""

import math
from typing import Any

from factory.nouns import Estimate, Evidence, Signal

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
    >>> check_json(Evidence("m", 1, window, 0, (), (), None, None, None, told))["performance"]
    {'metric': 'accuracy', 'reference': 0.9, 'realised': None, 'estimated': None, 'alarm': False}
    """
    version, told = evidence.window, evidence.performance
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
                "share": _plain(p.share),
                "handled": p.handled,
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
        "performance": {
            "metric": told.metric,
            "reference": _plain(told.reference),
            "realised": _estimate_json(told.realised, rows=True),
            "estimated": _estimate_json(told.estimated, rows=False),
            "alarm": told.alarm,
        },
        "alarm": evidence.alarm,
    }


def signal_json(signal: Signal) -> dict[str, Any]:
    """Return one signal as plain JSON.

    >>> signal_json(Signal("a", "number", "ks", float("nan"), 1.0, 0.0, alarm=False))["statistic"]
    """
    return {
        "feature": signal.feature,
        "kind": signal.kind,
        "detector": signal.detector,
        "statistic": _plain(signal.statistic),
        "p_value": _plain(signal.p_value),
        "effect": _plain(signal.effect),
        "alarm": signal.alarm,
        "detectable": None if signal.detectable is None else _plain(signal.detectable),
    }


def _joint_json(signal: Signal | None) -> dict[str, Any]:
    if signal is None:
        return {**UNKNOWN}
    told = signal_json(signal)
    return {name: told[name] for name in UNKNOWN if name in told} | {"tells": list(signal.tells)}


def _estimate_json(estimate: Estimate | None, *, rows: bool) -> dict[str, Any] | None:
    if estimate is None:
        return None
    told = {name: _plain(getattr(estimate, name)) for name in ("value", "low", "high")}
    return {**told, "rows": estimate.rows} if rows else told


def _plain(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
