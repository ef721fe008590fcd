"""The trace of online detectors over a stream: each statistic against its threshold."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

from flows.report.markup import Markup, join, tag
from flows.report.plot import Scale, scale_for, shorten, tick_text, ticks

_TOP, _LEFT, _RIGHT, _BELOW = 14.0, 62.0, 8.0, 26.0
_MOST = 100
"""Alarms that are listed."""
_RADIUS = 4.0
_THOUSANDS, _MILLIONS = 10_000, 1_000_000


@dataclass(frozen=True, slots=True)
class TraceLine:
    """One detector's trace, piece by piece.

    Attributes:
        name: the detector, and its window.
        places: the row of the stream that each piece begins with.
        statistics: the piece's highest, NaN where there was none.
        thresholds: not finite where the detector tells none.
        alarms: number of alarms in each piece.
    """

    name: str
    places: Sequence[float]
    statistics: Sequence[float]
    thresholds: Sequence[float]
    alarms: Sequence[int]


@dataclass(frozen=True, slots=True)
class TraceReport:
    """What the page shows: title, what to make of it, the traces, and the newest alarms.

    ``alarms`` are rows of a table whose head is ``columns``.
    """

    title: str
    words: str
    lines: Sequence[TraceLine]
    columns: Sequence[str] = ()
    alarms: Sequence[Sequence[str]] = ()


def render_trace(report: TraceReport) -> str:
    """Show a stream as one self-contained HTML page, without a script or any request."""
    style = files("flows.report").joinpath("style.css").read_text(encoding="utf-8")
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name_="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name_="color-scheme", content="light dark"),
        tag("link", rel="icon", href="data:,"),
        tag("title", report.title),
        tag("style", Markup(style)),
    )
    header = tag("header", tag("h1", report.title), tag("p", report.words, class_="verdict"))
    sections = [header, *(_section(line) for line in report.lines), _table(report)]
    body = tag("body", tag("main", *sections))
    return f"<!doctype html>\n{tag('html', head, body, lang='en')}\n"


def _section(line: TraceLine) -> Markup:
    number = sum(line.alarms)
    keys = [tag("li", tag("i", class_="key served"), "statistic")]
    if any(map(math.isfinite, line.thresholds)):
        keys.append(tag("li", tag("i", class_="key static"), "threshold"))
    dot = tag("circle", r=_RADIUS, class_="alarm")
    icon = tag("svg", dot, viewBox="-8 -8 16 16", class_="icon", aria_hidden="true")
    keys.append(tag("li", icon, f"{number:,} alarm{'' if number == 1 else 's'}"))
    return tag(
        "section",
        tag("h2", line.name),
        tag("ul", *keys, class_="legend"),
        tag("div", trace_plot(line, width=1080, height=260), class_="wide"),
        tag("div", trace_plot(line, width=400, height=240), class_="narrow"),
    )


def trace_plot(line: TraceLine, *, width: float, height: float) -> Markup:
    """Draw one detector's statistic and threshold over the rows of the stream.

    Args:
        line: the trace; it may be empty.
        width: in pixels, of the whole drawing.
        height: in pixels, of the whole drawing.
    """
    bottom = height - _BELOW
    shown = [v for v in (*line.statistics, *line.thresholds) if math.isfinite(v)]
    y = scale_for(shown, bottom, _TOP, from_zero=True)
    last = max(line.places, default=1.0)
    x = Scale(min(line.places, default=0.0), max(last, 2.0), _LEFT, width - _RIGHT)
    dots = [
        tag("circle", tag("title", _told(line, i)), cx=x(line.places[i]), cy=y(value), r=_RADIUS,
            class_="alarm")
        for i, value in enumerate(line.statistics)
        if line.alarms[i] and math.isfinite(value)
    ]  # fmt: skip
    return tag(
        "svg",
        *_grid(x, y, width, bottom),
        _path(line.places, line.thresholds, x, y, "static"),
        _path(line.places, line.statistics, x, y, "served"),
        *dots,
        viewBox=f"0 0 {width:g} {height:g}",
        role="img",
        aria_label=f"{line.name}: statistic and threshold over the rows of the stream",
    )


def _told(line: TraceLine, piece: int) -> str:
    words = f"row {line.places[piece]:,.0f}: {line.statistics[piece]:.4g}"
    limit = line.thresholds[piece]
    return f"{words}, above {limit:.4g}" if math.isfinite(limit) else words


def _grid(x: Scale, y: Scale, width: float, bottom: float) -> list[Markup]:
    parts = []
    for value in ticks(y, 5):
        at = y(value)
        parts += [
            tag("line", x1=_LEFT, x2=width - _RIGHT, y1=at, y2=at, class_="grid"),
            tag("text", tick_text(value), x=_LEFT - 8, y=at + 4, class_="tick end"),
        ]
    parts += [
        tag("text", rows_text(value), x=x(value), y=bottom + 18, class_="tick middle")
        for value in ticks(x, max(2, int(width / 140)))
        if x(value) < width - _RIGHT - 16 and value.is_integer()
    ]
    parts.append(tag("text", "row", x=_LEFT - 8, y=bottom + 18, class_="tick end"))
    return parts


def rows_text(value: float) -> str:
    """Write a number of rows shortly.

    >>> rows_text(500.0), rows_text(20_000.0), rows_text(2_500_000.0)
    ('500', '20k', '2.5M')
    """
    if value < _THOUSANDS:
        return f"{value:g}"
    return f"{value / 1e3:g}k" if value < _MILLIONS else f"{value / 1e6:g}M"


def _path(
    places: Sequence[float], values: Sequence[float], x: Scale, y: Scale, kind: str
) -> Markup:
    words, pen = [], "M"
    for place, value in zip(places, values, strict=True):
        if not math.isfinite(value):
            pen = "M"
            continue
        words.append(f"{pen}{x(place):.1f} {y(value):.1f}")
        if pen == "M":
            words.append("h0")
        pen = "L"
    return tag("path", d=" ".join(words) or "M0 0", class_=f"line {kind}")


def _table(report: TraceReport) -> Markup:
    if not report.alarms:
        return tag(
            "section", tag("h2", "Alarms"), tag("p", "None in the rows that were read last.")
        )
    head = tag("tr", *(tag("th", name, scope="col") for name in report.columns))
    rows = [
        tag("tr", *(tag("td", tag("div", shorten(cell, 60)), data_label=name)
                    for name, cell in zip(report.columns, row, strict=True)))
        for row in report.alarms[-_MOST:]
    ]  # fmt: skip
    told = f"Those in the rows that were read last, {_MOST} at most, the newest below."
    return tag(
        "section",
        tag("h2", "Alarms"),
        tag("p", told, class_="muted"),
        tag("table", tag("thead", head), tag("tbody", join(rows))),
    )
