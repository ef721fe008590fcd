"""The drawings of a backtest: scores and actions over time, regret, and what a score costs."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from flows.report.backtest import BacktestReport, Line, frontier, summed
from flows.report.history import remedy_words
from flows.report.markup import Markup, tag
from flows.report.plot import Scale, mark, scale_for, shorten, tick_text, ticks, window_labels

_TOP, _LEFT, _RIGHT, _LANE, _LABELS = 14.0, 62.0, 10.0, 22.0, 28.0
_NAME = 14
"""Letters of a policy's name beside its lane."""
_NEAR, _NAMES = 14.0, 88.0
"""Pixels below which two labels would touch, and those that a column of names takes."""


def score_plot(report: BacktestReport, *, width: float, height: float) -> Markup:
    """Draw each policy's score per window, and below it what each policy did after the window.

    Args:
        report: what was told.
        width: in pixels, of the whole drawing.
        height: in pixels, of the scores alone; each policy adds a lane.
    """
    left = _LEFT + 30
    centres, step = _centres(report, width, left)
    values = [score for line in report.lines for score in line.scores if score is not None]
    y = scale_for(values, height - _LABELS, _TOP, from_zero=not report.greater)
    lanes = [
        part
        for number, line in enumerate(report.lines)
        for part in _lane(line, centres, height + _LANE * number, left, width)
    ]
    total = height + _LANE * len(report.lines) + 6
    return tag(
        "svg",
        *_grid(y, left, width),
        *window_labels(report.rows, centres, height - 10),
        *(_path(centres, line.scores, y, line) for line in _ours_last(report)),
        *lanes,
        *(_column(report, i, x, step, height) for i, x in enumerate(centres)),
        viewBox=f"0 0 {width:g} {total:g}",
        role="img",
        aria_label=f"{report.metric} per window and policy, and what each policy did",
    )


def regret_plot(report: BacktestReport, *, width: float, height: float) -> Markup:
    """Draw each policy's regret, added up over the windows."""
    centres, _ = _centres(report, width, _LEFT)
    lines = [line for line in _ours_last(report) if line not in report.off_the_scale]
    sums = {line.name: summed(report.regret(line)) for line in lines}
    y = scale_for([value for one in sums.values() for value in one], height - _LABELS, _TOP)
    return tag(
        "svg",
        *_grid(y, _LEFT, width),
        *window_labels(report.rows, centres, height - 10),
        *(_path(centres, sums[line.name], y, line) for line in lines),
        viewBox=f"0 0 {width:g} {height:g}",
        role="img",
        aria_label=f"{report.metric} lost against the best, added up over the windows",
    )


def cost_plot(
    report: BacktestReport, costs: Sequence[float], what: str, *, width: float, height: float
) -> Markup:
    """Draw each policy's mean score against what it cost, and who is beaten by nobody.

    Args:
        report: what was told.
        costs: one a policy.
        what: name of the cost.
        width: in pixels.
        height: in pixels.
    """
    shown = [
        (cost, line.mean, line)
        for cost, line in zip(costs, report.lines, strict=True)
        if line.mean is not None
    ]
    points = [(cost, mean) for cost, mean, _ in shown]
    bottom = height - 36
    y = scale_for([mean for _, mean in points], bottom, _TOP)
    x = scale_for([*costs, 0.0], _LEFT + 4, width - _NAMES - 24)
    best = [points[i] for i in frontier(points, greater=report.greater)]
    edge = " ".join(f"{x(cost):.1f} {y(mean):.1f}" for cost, mean in best)
    dots = [
        tag("circle", tag("title", f"{line.name}: {report.show(mean)}, {cost:,.4g} {what}"),
            cx=x(cost), cy=y(mean), r=6, class_=f"dot {line.style}")
        for cost, mean, line in shown
    ]  # fmt: skip
    names = [
        part
        for (cost, mean, line), at in zip(
            shown, _apart([y(mean) for _, mean in points], bottom), strict=True
        )
        for part in _name(line, (x(cost), y(mean)), (width - _NAMES, at))
    ]
    at_ticks = [
        tag("text", tick_text(value), x=x(value), y=bottom + 18, class_="tick middle")
        for value in ticks(x, 5)
        if value >= 0
    ]
    return tag(
        "svg",
        *_grid(y, _LEFT, width),
        *at_ticks,
        tag("text", what, x=width - _RIGHT, y=bottom + 32, class_="tick end"),
        tag("path", d=f"M{edge}" if edge else "M0 0", class_="frontier"),
        *names,
        *dots,
        viewBox=f"0 0 {width:g} {height:g}",
        role="img",
        aria_label=f"mean {report.metric} of each policy against its {what}",
    )


def _name(line: Line, dot: tuple[float, float], at: tuple[float, float]) -> list[Markup]:
    """Write a policy's name at the edge, and join it to its dot."""
    (x, y), (left, height) = dot, at
    return [
        tag("line", x1=x, x2=left - 4, y1=y, y2=height, class_=f"rail {line.style}"),
        tag("text", shorten(line.name, _NAME), x=left, y=height + 4, class_="label"),
    ]


def _apart(heights: Sequence[float], bottom: float) -> list[float]:
    """Move labels until none touches another or the bottom; they keep their order."""
    order = sorted(range(len(heights)), key=lambda i: heights[i])
    placed = list(heights)
    for above, number in pairwise(order):
        placed[number] = max(placed[number], placed[above] + _NEAR)
    limit = bottom
    for number in reversed(order):
        placed[number] = min(placed[number], limit)
        limit = placed[number] - _NEAR
    return placed


def _centres(report: BacktestReport, width: float, left: float) -> tuple[list[float], float]:
    step = (width - left - _RIGHT) / max(len(report.rows), 1)
    return [left + step * (i + 0.5) for i in range(len(report.rows))], step


def _ours_last(report: BacktestReport) -> list[Line]:
    """Return the lines so that ours is drawn over the others."""
    return sorted(report.lines, key=lambda line: line.style == "of-factory")


def _grid(y: Scale, left: float, width: float) -> list[Markup]:
    parts = []
    for value in ticks(y, 6):
        at = y(value)
        parts += [
            tag("line", x1=left, x2=width - _RIGHT, y1=at, y2=at, class_="grid"),
            tag("text", tick_text(value), x=left - 8, y=at + 4, class_="tick end"),
        ]
    return parts


def _path(centres: Sequence[float], values: Sequence[float | None], y: Scale, line: Line) -> Markup:
    words, pen = [], "M"
    for x, value in zip(centres, values, strict=True):
        if value is None:
            pen = "M"
            continue
        words.append(f"{pen}{x:.1f} {y(value):.1f}")
        if pen == "M":
            words.append("h0")
        pen = "L"
    name = tag("title", line.name)
    return tag("path", name, d=" ".join(words) or "M0 0", class_=f"line {line.style}")


def _lane(
    line: Line, centres: Sequence[float], top: float, left: float, width: float
) -> list[Markup]:
    middle = top + _LANE / 2
    parts = [
        tag("text", shorten(line.name, _NAME), x=left - 8, y=middle + 4, class_="tick end"),
        tag("line", x1=left, x2=width - _RIGHT, y1=middle, y2=middle, class_=f"rail {line.style}"),
    ]
    for action in line.actions:
        kind = str(action["kind"])
        if kind != "keep":
            drawn = mark(kind, centres[int(action["window"])], middle)
            parts.append(tag("g", tag("title", _did(action)), drawn))
    return parts


def _did(action: Mapping[str, Any]) -> str:
    remedy = action.get("remedy") or {"kind": action["kind"]}
    return f"after window {int(action['window']) + 1}: {remedy_words(remedy)}\n{action['because']}"


def _column(report: BacktestReport, number: int, x: float, step: float, height: float) -> Markup:
    row = report.rows[number]
    when = f", {row.start[:10]} to {row.end[:10]}" if row.start else ""
    lines = [f"window {number + 1}{when}"]
    lines += [f"{line.name}: {report.show(line.scores[number])}" for line in report.lines]
    title = tag("title", "\n".join(lines))
    tall = height - _LABELS
    return tag("rect", title, x=x - step / 2, y=0, width=step, height=tall, class_="hit")
