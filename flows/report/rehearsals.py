"""The plot of a decision: what each remedy scored on the same rows, with its interval."""

from collections.abc import Mapping, Sequence
from typing import Any

from flows.report.history import ReportData, ReportRow, kind_of, known, remedy_words
from flows.report.markup import Markup, join, tag
from flows.report.plot import Scale, mark, mark_icon, scale_for, shorten, tick_text, ticks

_WIDTH, _LEFT, _RIGHT, _ROW, _SHOWN = 350.0, 158.0, 50.0, 20.0, 8


def decision_card(data: ReportData, row: ReportRow) -> Markup:
    """Show one window's rehearsals, best first; the chosen remedy stands out."""
    remedy = row.run.get("remedy", {})
    head = tag(
        "figcaption",
        tag("strong", row.name),
        tag("span", mark_icon(kind_of(row)), remedy_words(remedy), class_="remedy"),
    )
    rehearsals = [r for r in row.run.get("rehearsals", ()) if known(r["score"]) is not None]
    if not rehearsals:
        return tag("figure", head, tag("p", "Nothing was rehearsed.", class_="muted"))
    ordered = sorted(rehearsals, key=lambda r: r["score"], reverse=data.greater_is_better)
    shown = _most_telling(ordered, remedy)
    parts = [head, _chart(data, shown, remedy)]
    if len(shown) < len(ordered):
        parts.append(
            tag("p", f"{len(ordered) - len(shown)} worse ones are not shown.", class_="muted")
        )
    return tag("figure", *parts)


def _most_telling(ordered: Sequence[Mapping[str, Any]], remedy: object) -> list[Mapping[str, Any]]:
    needed = [r for r in ordered[_SHOWN:] if r["remedy"] == remedy or _keeps(r["remedy"])]
    return [*ordered[:_SHOWN], *needed]


def _keeps(remedy: Mapping[str, Any] | str) -> bool:
    return remedy_words(remedy) == "keep"


def _chart(data: ReportData, shown: Sequence[Mapping[str, Any]], remedy: object) -> Markup:
    bounds = [known(r[key]) for r in shown for key in ("score", "low", "high")]
    values = [value for value in bounds if value is not None]
    scale = scale_for(values, _LEFT, _WIDTH - _RIGHT)
    bottom = _ROW * len(shown) + 4
    parts: list[Markup] = []
    for value in ticks(scale, 5):
        x = scale(value)
        parts += [
            tag("line", x1=x, x2=x, y1=2, y2=bottom, class_="grid"),
            tag("text", tick_text(value), x=x, y=bottom + 14, class_="tick middle"),
        ]
    parts += [
        tag("line", x1=x, x2=x, y1=2, y2=bottom, class_="kept")
        for x in (scale(r["score"]) for r in shown if _keeps(r["remedy"]))
    ]
    for i, rehearsal in enumerate(shown):
        chosen = rehearsal["remedy"] == remedy
        parts.append(_entry(data, rehearsal, scale, _ROW * i + 13, chosen=chosen))
    return tag(
        "svg",
        *parts,
        viewBox=f"0 0 {_WIDTH:g} {bottom + 20:g}",
        role="img",
        aria_label="score of each remedy with its interval",
    )


def _entry(
    data: ReportData, rehearsal: Mapping[str, Any], scale: Scale, y: float, *, chosen: bool
) -> Markup:
    remedy = rehearsal["remedy"]
    words = remedy_words(remedy)
    low, high = known(rehearsal["low"]), known(rehearsal["high"])
    interval = "" if low is None or high is None else f" ({data.show(low)} to {data.show(high)})"
    cost = known(rehearsal.get("cost_seconds"))
    seconds = "" if cost is None else f", took {cost:.1f} s"
    title = tag("title", f"{words}: {data.show(rehearsal['score'])}{interval}{seconds}")
    kind = remedy if isinstance(remedy, str) else str(remedy.get("kind", "keep"))
    parts = [title, tag("text", shorten(words, 25), x=0, y=y, class_="label")]
    if low is not None and high is not None:
        parts.append(tag("line", x1=scale(low), x2=scale(high), y1=y - 4, y2=y - 4, class_="range"))
    parts += [
        mark(kind, scale(rehearsal["score"]), y - 4),
        tag("text", data.show(rehearsal["score"]), x=_WIDTH, y=y, class_="label end"),
    ]
    return tag("g", join(parts), class_="chosen" if chosen else None)
