"""Figures of the newest recorded check of each model, for the metrics."""

import json
from datetime import datetime
from typing import Any

from registry.entries import Decision
from registry.ledger import Ledger


def newest_checks(ledger: Ledger, names: tuple[str, ...]) -> dict[str, dict[str, float]]:
    """Read the check that each model's last decision rests on.

    Returns:
        Per model that has one: ``at`` (seconds since 1970), ``alarm``, ``performance:SOURCE``,
        ``shift:KIND``.
    """
    decisions = {name: ledger.newest_decision(name) for name in names}
    return {name: figures(decision) for name, decision in decisions.items() if decision}


def figures(decision: Decision) -> dict[str, float]:
    """Return what a decision's check measured, as far as it is a number."""
    check: dict[str, Any] = json.loads(decision.body).get("check") or {}
    told: dict[str, float] = {"at": datetime.fromisoformat(decision.at).timestamp()}
    told["alarm"] = float(bool(check.get("alarm")))
    performance = check.get("performance") or {}
    for source in ("reference", "realised", "estimated", "combined", "predicted"):
        found = performance.get(source)
        value = found.get("value") if isinstance(found, dict) else found
        if isinstance(value, int | float):
            told[f"performance:{source}"] = float(value)
    drift = check.get("drift") or {}
    features = [signal.get("effect") or 0.0 for signal in drift.get("features") or []]
    shifts = {
        "feature_drift": max(features) if features else None,
        "joint_drift": (drift.get("joint") or {}).get("effect"),
        "prediction_drift": (check.get("prediction_drift") or {}).get("effect"),
        "behaviour": (check.get("behaviour") or {}).get("effect"),
        "label_drift": (check.get("label_drift") or {}).get("effect"),
    }
    told |= {f"shift:{name}": float(v) for name, v in shifts.items() if v is not None}
    return told
