"""The plots of a check's performance: against what was expected, and over time."""

import math
from collections.abc import Sequence
from datetime import datetime
from itertools import groupby

from flows.report.check import CheckReport, Interval, Seen, interval_of
from flows.report.check_figures import Figures, metric_words
from flows.report.history import known
from flows.report.markup import Markup, tag
from flows.report.plot import Scale, scale_for, ticks

_ROW, _LEFT, _RIGHT = 30.0, 86.0, 14.0
_TOP, _LANE, _MARGIN = 10.0, 16.0, 54.0
LABELS = {"realised": "realised", "estimated": "estimated", "predicted": "predicted"}


def performance_plot(report: CheckReport, *, width: float) -> Markup | None:
    """Draw the metric as dots with their intervals, beside what was expected and is accepted.

    Args:
        report: the check.
        width: in pixels, of the whole drawing.

    Returns:
        The drawing, or None where the metric has no value on this window.
    """
    told = report.told["performance"]
    reference = interval_of(told["reference"])
    rows = [("expected", reference)] if reference else []
    found = [(name, interval_of(told.get(name))) for name in LABELS]
    now = [(name, value) for name, value in found if value is not None]
    if not now:
        return None
    rows += now
    limit = None if reference is None else accepted(report, reference.value)
    values = [v for _, i in rows for v in (i.value, i.low, i.high) if v is not None]
    values += [] if limit is None else [limit]
    scale = scale_for(values, _LEFT, width - _RIGHT)
    bottom = _TOP + _ROW * len(rows)
    parts = [*_beyond(report, limit, scale, width, bottom), *_grid_across(scale, bottom)]
    if reference is not None:
        x = scale(reference.value)
        parts.append(tag("line", x1=x, x2=x, y1=_TOP, y2=bottom, class_="expected"))
    show = Figures.of(values)
    for i, (name, value) in enumerate(rows):
        alarm = told["alarm"] and name == now[0][0]
        parts.append(_dot_row(name, value, scale, _TOP + _ROW * (i + 0.5), show, alarm=alarm))
    return tag(
        "svg",
        *parts,
        viewBox=f"0 0 {width:g} {bottom + 20:g}",
        role="img",
        aria_label=f"{metric_words(told['metric'])}: expected, and on this window with intervals",
    )


def accepted(report: CheckReport, reference: float) -> float:
    """Return the value beyond which a loss is more than is accepted."""
    sign = -1 if report.greater_is_better else 1
    return reference + sign * report.tolerance * abs(reference)


def _beyond(
    report: CheckReport, limit: float | None, scale: Scale, width: float, bottom: float
) -> list[Markup]:
    if limit is None:
        return []
    at = scale(limit)
    left, right = (scale.start, at) if report.greater_is_better else (at, width - _RIGHT)
    title = tag("title", "a larger loss than is accepted")
    tall = bottom - _TOP
    return [
        tag("rect", title, x=left, y=_TOP, width=max(0.0, right - left), height=tall, class_="band")
    ]


def _grid_across(scale: Scale, bottom: float) -> list[Markup]:
    parts = []
    for value in ticks(scale, 4):
        x = scale(value)
        parts += [
            tag("line", x1=x, x2=x, y1=_TOP, y2=bottom, class_="grid"),
            tag("text", axis_text(value), x=x, y=bottom + 15, class_="tick middle"),
        ]
    return parts


def axis_text(value: float) -> str:
    """Write a tick's value, large ones short.

    >>> axis_text(0.25), axis_text(12000.0), axis_text(1e13)
    ('0.25', '12,000', '1e+13')
    """
    return f"{value:,.6g}"


def _dot_row(
    name: str, value: Interval, scale: Scale, y: float, show: Figures, *, alarm: bool
) -> Markup:
    parts = [
        tag("title", f"{name}: {show.interval(value)}"),
        tag("text", name, x=_LEFT - 12, y=y + 4, class_="label end"),
    ]
    kind = "ref" if name == "expected" else f"now {name}"
    if value.low is not None and value.high is not None:
        ends = {"x1": scale(value.low), "x2": scale(value.high), "y1": y, "y2": y}
        parts.append(tag("line", **ends, class_=f"span {kind}"))
    parts.append(tag("circle", cx=scale(value.value), cy=y, r=5.5, class_=f"dot {kind}"))
    return tag("g", *parts, class_="bad" if alarm else None)


def over_time(report: CheckReport, seen: Sequence[Seen], *, width: float, height: float) -> Markup:
    """Draw realised and estimated values of one window after another.

    Args:
        report: the check; its own window stands out.
        seen: checks in time order, one at least.
        width: in pixels, of the whole drawing.
        height: in pixels, of the whole drawing.
    """
    bottom = height - _LANE - 32
    step = (width - _MARGIN - 6) / len(seen)
    centres = [_MARGIN + step * (i + 0.5) for i in range(len(seen))]
    told = [i for s in seen for i in (s.realised, s.estimated) if i is not None]
    bounds = [b for i in told for b in (i.low, i.high) if b is not None]
    values = [i.value for i in told] + _near(bounds, [i.value for i in told])
    values += [s.reference for s in seen if s.reference is not None]
    scale = scale_for(values, bottom, _TOP)
    show = Figures.of(values)
    return tag(
        "svg",
        *_grid_up(scale, width),
        *_dates(seen, centres, bottom + 17),
        *_references(seen, scale, step),
        *_series(seen, centres, scale, step),
        *_versions(seen, step, bottom + 28),
        *(
            _column(report, one, x, step, bottom, show)
            for one, x in zip(seen, centres, strict=True)
        ),
        viewBox=f"0 0 {width:g} {height:g}",
        role="img",
        aria_label=f"{metric_words(report.told['performance']['metric'])} per window, over time",
    )


def _near(bounds: list[float], values: list[float]) -> list[float]:
    """Leave out bounds so far off that they would flatten all else."""
    if not values:
        return []
    middle = sorted(values)[len(values) // 2]
    reach = 3 * (max(values) - min(values)) or 2 * abs(middle) or 1.0
    return [b for b in bounds if abs(b - middle) <= reach]


def _grid_up(scale: Scale, width: float) -> list[Markup]:
    parts = []
    for value in ticks(scale, 5):
        y = scale(value)
        parts += [
            tag("line", x1=_MARGIN, x2=width - 6, y1=y, y2=y, class_="grid"),
            tag("text", axis_text(value), x=_MARGIN - 8, y=y + 4, class_="tick end"),
        ]
    return parts


def _references(seen: Sequence[Seen], scale: Scale, step: float) -> list[Markup]:
    parts = []
    for i, one in enumerate(seen):
        if one.reference is not None:
            left, y = _MARGIN + step * i, scale(one.reference)
            parts.append(tag("line", x1=left, x2=left + step, y1=y, y2=y, class_="expected"))
    return parts


def _series(
    seen: Sequence[Seen], centres: Sequence[float], scale: Scale, step: float
) -> list[Markup]:
    """Draw the estimates beside the realised values, so that neither hides the other."""
    aside = min(5.0, step / 5)
    parts: list[Markup] = []
    for name, move in (("estimated", aside), ("realised", -aside)):
        points = [getattr(one, name) for one in seen]
        both = move if any(p is not None for p in points) else 0.0
        places = [x + both for x in centres]
        parts.append(_line(places, points, scale, name))
        for one, x, point in zip(seen, places, points, strict=True):
            if point is not None:
                parts.append(_point(one, x, point, scale, name))
    return parts


def _line(
    centres: Sequence[float], points: Sequence[Interval | None], scale: Scale, name: str
) -> Markup:
    words, pen = [], "M"
    for x, point in zip(centres, points, strict=True):
        if point is None:
            pen = "M"
            continue
        words.append(f"{pen}{x:.1f} {scale(point.value):.1f}")
        pen = "L"
    return tag("path", d=" ".join(words) or "M0 0", class_=f"through {name}")


def _point(one: Seen, x: float, point: Interval, scale: Scale, name: str) -> Markup:
    alarm = " bad" if one.alarm and (name == "realised" or one.realised is None) else ""
    parts = []
    if point.low is not None and point.high is not None:
        low, high = (_inside(scale(b), scale) for b in (point.low, point.high))
        parts.append(tag("line", x1=x, x2=x, y1=low, y2=high, class_=f"span now {name}"))
    parts.append(tag("circle", cx=x, cy=scale(point.value), r=4, class_=f"dot now {name}"))
    return tag("g", *parts, class_=alarm.strip() or None)


def _inside(y: float, scale: Scale) -> float:
    return min(max(y, scale.end), scale.start)


def _dates(seen: Sequence[Seen], centres: Sequence[float], y: float) -> list[Markup]:
    step = centres[1] - centres[0] if len(centres) > 1 else 50.0
    every = max(1, math.ceil(50 / step))
    return [
        tag("text", short_moment(seen[i].moment), x=centres[i], y=y, class_="tick middle")
        for i in range(0, len(seen), every)
    ]


def short_moment(moment: str) -> str:
    """Return the day of an ISO moment as people write it.

    >>> short_moment("2013-04-15T06:00:00"), short_moment("?")
    ('15 Apr', '?')
    """
    try:
        day = datetime.fromisoformat(moment)
    except ValueError:
        return moment[:10]
    return f"{day.day} {day:%b}"


def _versions(seen: Sequence[Seen], step: float, top: float) -> list[Markup]:
    parts = [tag("text", "version", x=_MARGIN - 8, y=top + 12, class_="tick end")]
    for order, (version, group) in enumerate(
        groupby(enumerate(seen), lambda pair: pair[1].version)
    ):
        positions = [position for position, _ in group]
        left, wide = _MARGIN + step * positions[0], step * len(positions)
        shade = "lane" if order % 2 else "lane other"
        size = {"x": left + 1, "y": top, "width": max(1.0, wide - 2), "height": _LANE, "rx": 3.0}
        parts.append(tag("rect", tag("title", f"version {version}"), **size, class_=shade))
        if wide >= 8 * len(str(version)):
            place = {"x": left + wide / 2, "y": top + 12}
            parts.append(tag("text", str(version), **place, class_="lane-text middle"))
    return parts


def _column(
    report: CheckReport, one: Seen, x: float, step: float, bottom: float, show: Figures
) -> Markup:
    told = report.told["window"]["sha256"]
    lines = [
        f"{one.moment[:16].replace('T', ' ')}, {one.rows:,} rows, version {one.version}",
        f"expected {show(known(one.reference))}",
        f"realised {show.interval(one.realised)}",
        f"estimated {show.interval(one.estimated)}",
        *([f"remedy: {one.remedy.replace('_', ' ')}"] if one.remedy else []),
    ]
    this = one.sha256 == told and one.version == report.told["version"]
    title = tag("title", "\n".join(lines))
    place = {"x": x - step / 2, "y": 0.0, "width": step, "height": bottom + 2}
    return tag("rect", title, **place, class_="hit this" if this else "hit")
