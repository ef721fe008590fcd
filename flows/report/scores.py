"""The plot of scores: what served against what was never touched, window by window."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from flows.report.history import ReportData, ReportRow, kind_of, remedy_words, scores_of
from flows.report.markup import Markup, tag
from flows.report.plot import Scale, mark, scale_for, tick_text, ticks, window_labels

_TOP, _LEFT, _RIGHT, _LANE = 24.0, 50.0, 6.0, 16.0


@dataclass(frozen=True, slots=True)
class Incident:
    """Consecutive windows with the same mark; ``first`` and ``last`` are their positions."""

    number: int
    words: str
    first: int
    last: int


def incidents_of(rows: Sequence[ReportRow]) -> list[Incident]:
    """Merge equal marks on consecutive windows, and number what remains."""
    found: list[Incident] = []
    for words, group in groupby(enumerate(rows), key=lambda pair: pair[1].incident):
        positions = [position for position, _ in group]
        if words:
            found.append(Incident(len(found) + 1, words, positions[0], positions[-1]))
    return found


def score_chart(data: ReportData, *, width: float, height: float) -> Markup:
    """Draw both models' scores per window, with incidents, remedies and serving versions.

    Args:
        data: the history, one window at least.
        width: in pixels, of the whole drawing.
        height: in pixels, of the whole drawing.
    """
    rows = data.rows
    bottom = height - _LANE - 32
    step = (width - _LEFT - _RIGHT) / len(rows)
    centres = [_LEFT + step * (i + 0.5) for i in range(len(rows))]
    values = [score for row in rows for score in scores_of(row) if score is not None]
    scale = scale_for(values, bottom, _TOP, from_zero=not data.greater_is_better)
    served = [scores_of(row)[0] for row in rows]
    static = [scores_of(row)[1] for row in rows]
    return tag(
        "svg",
        *_bands(rows, step, bottom),
        *_grid(scale, width),
        *window_labels(rows, centres, bottom + 17),
        _line(centres, static, scale, "static"),
        _line(centres, served, scale, "served"),
        *(_mark(row, x, scale) for row, x in zip(rows, centres, strict=True)),
        *_versions(rows, step, bottom + 28),
        *(_column(data, row, x, step, height) for row, x in zip(rows, centres, strict=True)),
        viewBox=f"0 0 {width:g} {height:g}",
        role="img",
        aria_label=f"{data.metric_words} per window, of the serving and of the untouched model",
    )


def _bands(rows: Sequence[ReportRow], step: float, bottom: float) -> list[Markup]:
    parts, top = [], _TOP - 8
    for incident in incidents_of(rows):
        left = _LEFT + step * incident.first
        wide = step * (incident.last - incident.first + 1)
        middle = left + wide / 2
        parts += [
            tag("rect", x=left + 1.5, y=top, width=wide - 3, height=bottom - top, class_="band"),
            tag("circle", cx=middle, cy=_TOP - 13, r=9, class_="badge"),
            tag("text", str(incident.number), x=middle, y=_TOP - 9, class_="badge-text middle"),
        ]
    return parts


def _grid(scale: Scale, width: float) -> list[Markup]:
    parts = []
    for value in ticks(scale, 6):
        y = scale(value)
        parts += [
            tag("line", x1=_LEFT, x2=width - _RIGHT, y1=y, y2=y, class_="grid"),
            tag("text", tick_text(value), x=_LEFT - 8, y=y + 4, class_="tick end"),
        ]
    return parts


def _line(
    centres: Sequence[float], scores: Sequence[float | None], scale: Scale, kind: str
) -> Markup:
    words, pen = [], "M"
    for x, score in zip(centres, scores, strict=True):
        if score is None:
            pen = "M"
            continue
        words.append(f"{pen}{x:.1f} {scale(score):.1f}")
        if pen == "M":
            words.append("h0")
        pen = "L"
    return tag("path", d=" ".join(words) or "M0 0", class_=f"line {kind}")


def _mark(row: ReportRow, x: float, scale: Scale) -> Markup:
    score = scores_of(row)[0]
    return mark(kind_of(row), x, scale.start if score is None else scale(score))


def _versions(rows: Sequence[ReportRow], step: float, top: float) -> list[Markup]:
    parts = [tag("text", "serves", x=_LEFT - 8, y=top + 12, class_="tick end")]
    served = groupby(enumerate(rows), key=lambda pair: pair[1].run.get("champion_before"))
    for order, (version, group) in enumerate(served):
        positions = [position for position, _ in group]
        left, wide = _LEFT + step * positions[0], step * len(positions)
        first, last = rows[positions[0]].name, rows[positions[-1]].name
        span = first if len(positions) == 1 else f"{first} until {last}"
        title = tag("title", f"version {version}: {span}")
        shade = "lane" if order % 2 else "lane other"
        box = tag(
            "rect", title, x=left + 1, y=top, width=wide - 2, height=_LANE, rx=3, class_=shade
        )
        parts.append(box)
        label = f"v{version}"
        if version is not None and wide >= 8 * len(label):
            parts.append(
                tag("text", label, x=left + wide / 2, y=top + 12, class_="lane-text middle")
            )
    return parts


def _column(data: ReportData, row: ReportRow, x: float, step: float, height: float) -> Markup:
    version = row.run.get("champion_before", "?")
    lines = [
        row.name,
        f"version {version} serves: {data.show(row.score)}",
        f"untouched model: {data.show(row.static_score)}",
        f"remedy: {remedy_words(row.run.get('remedy', {}))}",
    ]
    if row.incident:
        lines.append(f"incident: {row.incident}")
    tall = height - _LANE - 28
    title = tag("title", "\n".join(lines))
    return tag("rect", title, x=x - step / 2, y=0, width=step, height=tall, class_="hit")
