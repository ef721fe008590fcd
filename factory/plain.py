"""Signals and estimates as plain JSON: what is not known or not finite is null."""

import math
from typing import Any

from factory.nouns import Estimate, Signal


def number(value: float | None) -> float | None:
    """Return a finite number, else None.

    >>> number(float("inf")), number(1)
    (None, 1.0)
    """
    return float(value) if value is not None and math.isfinite(value) else None


def signal_json(signal: Signal) -> dict[str, Any]:
    """Return one signal as plain JSON.

    >>> signal_json(Signal("a", "number", "ks", float("nan"), 1.0, 0.0, alarm=False))["statistic"]
    """
    return {
        "feature": signal.feature,
        "kind": signal.kind,
        "detector": signal.detector,
        "statistic": number(signal.statistic),
        "p_value": number(signal.p_value),
        "effect": number(signal.effect),
        "alarm": signal.alarm,
        "detectable": number(signal.detectable),
    }


def estimate_json(estimate: Estimate | None, *, rows: bool) -> dict[str, Any] | None:
    """Return a value with its interval as plain JSON, and the rows it rests on if asked for.

    >>> estimate_json(Estimate(1.0, 0.5, float("nan"), 9), rows=True)
    {'value': 1.0, 'low': 0.5, 'high': None, 'rows': 9}
    """
    if estimate is None:
        return None
    told = {name: number(getattr(estimate, name)) for name in ("value", "low", "high")}
    return {**told, "rows": estimate.rows} if rows else told
