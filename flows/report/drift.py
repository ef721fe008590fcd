"""The map of drift: how far each feature was from its reference, window by window."""

from bisect import bisect_right
from collections.abc import Mapping
from typing import Any

from flows.report.history import ReportData, ReportRow, known
from flows.report.markup import Markup, tag
from flows.report.plot import shorten, window_labels

STEPS = (0.02, 0.05, 0.1, 0.2, 0.35, 0.5)
"""Bounds of the shades of an effect, which lies in [0, 1]."""
_CELL, _MOST = 20.0, 30
_WHOLE = {"predictions": "prediction_drift", "labels": "label_drift"}


def drift_map(data: ReportData, *, width: float, left: float) -> Markup | None:
    """Draw features against windows, shaded by effect; a dot marks an alarm.

    Args:
        data: the history.
        width: in pixels, of the whole drawing.
        left: in pixels, kept for the features' names.

    Returns:
        The drawing, or None where no window tells of drift.
    """
    signals = [_signals(row) for row in data.rows]
    names = _ordered(signals)
    if not names:
        return None
    step = (width - left - 2) / len(data.rows)
    centres = [left + step * (i + 0.5) for i in range(len(data.rows))]
    parts: list[Markup] = []
    for line, name in enumerate(names):
        y = _CELL * line
        label = tag("text", tag("title", name), shorten(name, int(left / 7)), x=left - 8, y=y + 14)
        parts.append(tag("g", label, class_="label end"))
        for row, found, x in zip(data.rows, signals, centres, strict=True):
            parts.append(_cell(row, name, found.get(name), x - step / 2, y, step))
    bottom = _CELL * len(names)
    parts += window_labels(data.rows, centres, bottom + 16)
    return tag(
        "svg",
        *parts,
        viewBox=f"0 0 {width:g} {bottom + 22:g}",
        role="img",
        aria_label="drift effect of each feature in each window",
    )


def _signals(row: ReportRow) -> dict[str, Mapping[str, Any]]:
    check = row.run.get("check") or {}
    found: dict[str, Mapping[str, Any]] = {}
    for name, key in _WHOLE.items():
        if check.get(key):
            found[name] = check[key]
    for signal in (check.get("drift") or {}).get("features", ()):
        name = str(signal["feature"])
        if name not in found or _effect(signal) > _effect(found[name]):
            found[name] = signal
    return found


def _effect(signal: Mapping[str, Any]) -> float:
    return known(signal.get("effect")) or 0.0


def _ordered(signals: list[dict[str, Mapping[str, Any]]]) -> list[str]:
    largest: dict[str, float] = {}
    for found in signals:
        for name, signal in found.items():
            largest[name] = max(largest.get(name, 0.0), _effect(signal))
    whole = [name for name in _WHOLE if name in largest]
    features = sorted(largest.keys() - _WHOLE.keys(), key=lambda name: (-largest[name], name))
    return whole + features[:_MOST]


def _cell(
    row: ReportRow, name: str, signal: Mapping[str, Any] | None, x: float, y: float, step: float
) -> Markup:
    box = {"x": x + 1, "y": y + 1, "width": step - 2, "height": _CELL - 2, "rx": 2.0}
    effect = None if signal is None else known(signal.get("effect"))
    if signal is None or effect is None:
        return tag("rect", tag("title", f"{name}, {row.name}: not measured"), class_="q-", **box)
    alarm = bool(signal.get("alarm"))
    words = f"{name}, {row.name}: effect {effect:.2f}"
    detector = signal.get("detector")
    told = f"{words} ({detector}){', alarm' if alarm else ''}" if detector else words
    cell = tag("rect", tag("title", told), class_=f"q{bisect_right(STEPS, effect)}", **box)
    if not alarm:
        return cell
    dot = tag("circle", cx=x + step / 2, cy=y + _CELL / 2, r=2.5, class_="alarm")
    return tag("g", cell, dot)
