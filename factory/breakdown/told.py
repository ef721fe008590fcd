"""A window's parts as plain JSON; what could not have been seen is null, not false."""

import math
from typing import Any

from factory.breakdown.parts import (
    ClassCounts,
    Fairness,
    Gap,
    Group,
    Outcomes,
    Segment,
    SegmentPerformance,
    Value,
)
from factory.nouns import Estimate, Signal
from factory.plain import estimate_json, number, signal_json

WORST = 3
"""Features of a segment that are told, the surest first."""


def segment_json(segment: Segment) -> dict[str, Any]:
    """Return one segment as plain JSON, with the three features that moved most surely.

    >>> unknown = SegmentPerformance()
    >>> told = segment_json(Segment({"a": "x"}, False, 5, 0, 0.5, 9, (), False, unknown))
    >>> told["segment"], told["powered"], told["alarm"]
    ({'a': 'x'}, False, None)
    """
    seen = [signal.detectable for signal in segment.drift]
    known = [one for one in seen if one is not None]
    return {
        "segment": dict(segment.where),
        "pooled": segment.pooled,
        "rows": segment.rows,
        "labelled": segment.labelled,
        "share": number(segment.share),
        "reference_rows": segment.reference_rows,
        "drift": {
            "alarm": segment.drift_alarm,
            "powered": segment.drift_powered,
            "detectable": number(max(known)) if known and len(known) == len(seen) else None,
            "features": [signal_json(signal) for signal in _worst(segment.drift)],
        },
        "performance": _performance(segment.performance),
        "powered": segment.powered,
        "alarm": segment.alarm,
    }


def fairness_json(found: Fairness) -> dict[str, Any]:
    """Return the comparison of groups as plain JSON.

    >>> found = Fairness(("sex",), "yes", (), {}, 0.8, None, False)
    >>> fairness_json(found)["impact"]
    {'least': 0.8, 'ratio': None, 'fair': None}
    """
    ratio = found.gaps.get("demographic_parity_ratio")
    return {
        "by": list(found.columns),
        "favourable": found.favourable,
        "groups": [_group(group) for group in found.groups],
        "gaps": {
            name: {**_gap(gap), "reference": number(gap.reference)}
            for name, gap in found.gaps.items()
        },
        "impact": {
            "least": found.impact_ratio,
            "ratio": None if ratio is None else _gap(ratio),
            "fair": found.fair,
        },
        "alarm": found.alarm,
    }


def value_json(value: Value | None) -> dict[str, Any] | None:
    """Return business value as plain JSON; ``total`` is over the labelled rows.

    >>> told = value_json(Value("EUR", Estimate(2.0, 1.0, 3.0, 10), 2.5, None))
    >>> told["per_row"], told["low"], told["total"], told["total_high"]
    (2.0, 1.0, 20.0, 30.0)
    """
    if value is None:
        return None
    nothing = Estimate(math.nan, math.nan, math.nan, 0)
    told = value.per_row or nothing
    return {
        "unit": value.unit,
        "per_row": number(told.value),
        "low": number(told.low),
        "high": number(told.high),
        "rows": told.rows,
        "total": number(told.value * told.rows),
        "total_low": number(told.low * told.rows),
        "total_high": number(told.high * told.rows),
        "reference_per_row": number(value.reference_per_row),
        "estimated_per_row": number(value.estimated_per_row),
    }


def counts_json(found: Outcomes | None) -> dict[str, Any] | None:
    """Return counts as plain JSON.

    >>> counts_json(Outcomes(3, {"accuracy": 1.0}, binary=ClassCounts(1, 0, 0, 2)))["tn"]
    2
    """
    if found is None:
        return None
    told: dict[str, Any] = {"rows": found.rows}
    told |= {name: number(value) for name, value in found.metrics.items()}
    if found.binary is not None:
        told |= _class_counts(found.binary)
    if found.classes is not None:
        told["classes"] = {name: _class_counts(one) for name, one in found.classes.items()}
        told["classes_left_out"] = found.left_out
    return told


def _worst(drift: tuple[Signal, ...]) -> list[Signal]:
    best: dict[str, Signal] = {}
    for signal in sorted(drift, key=lambda s: (not s.alarm, s.p_value, -s.effect)):
        best.setdefault(signal.feature, signal)
    return list(best.values())[:WORST]


def _performance(told: SegmentPerformance) -> dict[str, Any]:
    return {
        "reference": number(told.reference),
        "realised": estimate_json(told.realised, rows=True),
        "estimated": estimate_json(told.estimated, rows=False),
        "fall": number(told.fall),
        "p_value": number(told.p_value),
        "detectable": number(told.detectable),
        "powered": told.powered,
        "alarm": told.alarm,
    }


def _group(group: Group) -> dict[str, Any]:
    return {
        "group": dict(group.where),
        "pooled": group.pooled,
        "rows": group.rows,
        "labelled": group.labelled,
        "metrics": {name: estimate_json(one, rows=True) for name, one in group.metrics.items()},
        "gaps": {name: _gap(gap) for name, gap in group.gaps.items()},
        "detectable": number(group.detectable),
        "powered": group.powered,
    }


def _gap(gap: Gap) -> dict[str, Any]:
    return {"value": number(gap.value), "low": number(gap.low), "high": number(gap.high)}


def _class_counts(found: ClassCounts) -> dict[str, Any]:
    counts = {name: getattr(found, name) for name in ("tp", "fp", "fn", "tn")}
    shares = {name: getattr(found, name) for name in ("precision", "recall", "specificity")}
    return {**counts, **shares}
