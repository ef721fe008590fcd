"""What moved: one bar a signal, the largest first."""

from collections.abc import Mapping, Sequence
from typing import Any

from flows.report.check_figures import chance
from flows.report.check_rows import row, table
from flows.report.check_words import KINDS
from flows.report.history import known
from flows.report.markup import Markup, join, tag

SHOWN = 30
"""Signals that get a bar; the rest stand in a plain table."""
SPIKE = 2.5
"""Bars taller than so many times the reference's tallest are cut off."""
_WIDTH, _TALL, _BAR = 320.0, 96.0, 30.0


def signal_table(signals: Sequence[Mapping[str, Any]]) -> Markup:
    """Show signals, the worst 30 with bars and all others folded away."""
    shown, rest = signals[:SHOWN], signals[SHOWN:]
    parts = [_bars(shown)]
    if rest:
        alarms = sum(bool(s.get("alarm")) for s in rest)
        words = f"The other {len(rest):,} signals, {alarms or 'none'} of which alarm"
        parts.append(tag("details", tag("summary", words), _plain(rest)))
    return join(parts)


def _bars(signals: Sequence[Mapping[str, Any]]) -> Markup:
    names = ("Feature", "Effect", "", "Visible from", "p-value", "Detector", "")
    rows = [_bar_row(s) for s in signals]
    return table("signals", names, rows)


def _bar_row(signal: Mapping[str, Any]) -> Markup:
    effect = known(signal.get("effect"))
    cells = [
        ("Feature", "name", _name(signal)),
        ("Effect", "number", tag("span", _figure(effect))),
        ("", "bars", _bar(effect, known(signal.get("detectable")), bool(signal.get("alarm")))),
        ("Visible from", "number muted", tag("span", _figure(known(signal.get("detectable"))))),
        ("p-value", "number", tag("span", chance(signal.get("p_value")))),
        ("Detector", "muted", tag("span", str(signal.get("detector") or ""))),
        ("", "state", _state(signal)),
    ]
    return row(cells)


def _plain(signals: Sequence[Mapping[str, Any]]) -> Markup:
    rows = [
        row(
            [
                ("Feature", "name", _name(s)),
                ("Effect", "number", tag("span", _figure(known(s.get("effect"))))),
                ("p-value", "number", tag("span", chance(s.get("p_value")))),
                ("Detector", "muted", tag("span", str(s.get("detector") or ""))),
                ("", "state", _state(s)),
            ]
        )
        for s in signals
    ]
    return table("signals plain", ("Feature", "Effect", "p-value", "Detector", ""), rows)


def _figure(value: float | None) -> str:
    return "\N{EN DASH}" if value is None else f"{value:.2f}"


def _name(signal: Mapping[str, Any]) -> Markup:
    about = KINDS.get(str(signal.get("kind")))
    parts = [tag("bdi", str(signal["feature"]))]
    if about:
        parts.append(tag("span", about, class_="muted"))
    return join(parts)


def _bar(effect: float | None, detectable: float | None, alarm: bool) -> Markup:
    parts = []
    if effect is not None:
        size = f"width:{100 * min(max(effect, 0.0), 1.0):.1f}%"
        parts.append(tag("i", style=size, class_="bad" if alarm else None))
    if detectable is not None and 0 <= detectable <= 1:
        parts.append(tag("b", style=f"left:{100 * detectable:.1f}%"))
    return tag("span", *parts, class_="bar")


def _state(signal: Mapping[str, Any]) -> Markup:
    return tag("span", "alarm", class_="pill bad") if signal.get("alarm") else tag("span", "")
