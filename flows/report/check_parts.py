"""What is broken, and what is so in parts of the window: quality, segments, groups, value."""

from collections.abc import Mapping
from typing import Any

from factory.nouns import ROWS
from flows.report.check import interval_of
from flows.report.check_figures import Figures, cut, listed, metric_words, percent
from flows.report.check_rows import Cell, folded
from flows.report.check_words import problem_words
from flows.report.history import known
from flows.report.markup import Markup, join, tag

SHOWN = 20
"""Rows of a table that are not folded away."""
_CELLS = ("tp", "fp", "fn", "tn")


def quality_table(told: Mapping[str, Any]) -> list[Markup]:
    """Show what is damaged rather than changed, the worst first."""
    problems = sorted(
        told.get("quality") or (),
        key=lambda p: (bool(p.get("handled")), -(known(p.get("share")) or 0.0)),
    )
    detailed = any(p.get("detail") for p in problems)
    rows = [_problem(p, detailed=detailed) for p in problems]
    return folded("quality", rows, SHOWN, "problems")


def _problem(problem: Mapping[str, Any], *, detailed: bool) -> list[Cell]:
    name = str(problem["feature"])
    share = known(problem.get("share")) or 0.0
    size = f"width:{100 * min(max(share, 0.0), 1.0):.1f}%"
    handled = bool(problem.get("handled"))
    bar = tag("span", tag("i", style=size, class_=None if handled else "bad"), class_="bar")
    state = ("", "the model does without it") if handled else ("pill bad", "alarm")
    return [
        ("Feature", "name", tag("bdi", "whole rows" if name == ROWS else name)),
        ("Problem", "", tag("span", problem_words(problem))),
        ("Rows", "number", tag("span", percent(problem.get("share")))),
        ("", "bars", bar),
        *(
            [("Detail", "detail", tag("span", str(problem.get("detail") or "")))]
            if detailed
            else []
        ),
        ("", "state", tag("span", state[1], class_=state[0] or "muted")),
    ]


def segment_table(told: Mapping[str, Any]) -> list[Markup]:
    """Show segments, those that alarm first and then those without power."""
    order = {True: 0, None: 1, False: 2}
    segments = sorted(told.get("segments") or (), key=lambda one: order[one.get("alarm")])
    known_values = [interval_of(_now(one["performance"])) for one in segments]
    figures = Figures.of([found.value for found in known_values if found is not None])
    return folded("parts", [_segment(one, figures) for one in segments], SHOWN, "segments")


def _now(performance: Mapping[str, Any]) -> Any:
    return performance.get("realised") or performance.get("estimated")


def _segment(segment: Mapping[str, Any], figures: Figures) -> list[Cell]:
    performance, drift = segment["performance"], segment["drift"]
    value = [tag("span", figures.interval(interval_of(_now(performance))))]
    if performance.get("estimated") and not performance.get("realised"):
        value.append(tag("span", "estimated", class_="muted"))
    moved = dict.fromkeys(cut(s["feature"], 24) for s in drift["features"] if s.get("alarm"))
    return [
        ("Segment", "name", _place(segment["segment"], segment)),
        ("Rows", "number", tag("span", f"{segment['rows']:,}")),
        ("Share", "number", tag("span", percent(segment.get("share")))),
        ("Expected", "number", tag("span", figures(performance.get("reference")))),
        ("Now", "number", join(value)),
        ("What moved", "", tag("span", listed(list(moved)) if moved else "")),
        ("Would show", "number muted", tag("span", _visible(segment))),
        ("", "state", _verdict(segment.get("alarm"))),
    ]


def _visible(segment: Mapping[str, Any]) -> str:
    """Say which drift and which loss such a segment would have shown."""
    drift = known(segment["drift"].get("detectable"))
    loss = known(segment["performance"].get("detectable"))
    found = [] if drift is None else [f"a drift of {drift:.2f}"]
    found += [] if loss is None else [f"a loss of {percent(loss)}"]
    return " or ".join(found) or "nothing"


def _place(where: Mapping[str, Any], part: Mapping[str, Any]) -> Markup:
    places = [f"{name} = {'missing' if at is None else at}" for name, at in where.items()]
    words = ", ".join(places) or ("all other rows" if part.get("pooled") else "all rows")
    return tag("bdi", words)


def _verdict(alarm: bool | None) -> Markup:
    if alarm is None:
        return tag("span", "too few rows to tell", class_="pill unsure")
    return tag("span", "alarm", class_="pill bad") if alarm else tag("span", "fine", class_="muted")


def group_tables(told: Mapping[str, Any]) -> list[Markup]:
    """Show how groups compare: what each gets, and the gaps between them with their intervals."""
    parts: list[Markup] = [
        tag("p", "No row has a value of ", tag("bdi", cut(name)), ": groups by it cannot be told.")
        for name in told.get("unparted") or ()
    ]
    for one in told.get("fairness") or ():
        columns = listed([str(name) for name in one["by"]], most=5)
        parts.append(tag("h3", "By ", tag("bdi", columns)))
        if one.get("impact"):
            parts.append(tag("p", _impact(one["impact"], one.get("favourable"))))
        metrics = dict.fromkeys(name for group in one["groups"] for name in group["metrics"])
        groups = [_group(group, list(metrics)) for group in one["groups"]]
        gaps = [_gap(name, gap) for name, gap in one["gaps"].items()]
        parts += [*folded("parts", groups, SHOWN, "groups"), *folded("parts", gaps, SHOWN, "gaps")]
    return parts


def _impact(impact: Mapping[str, Any], favourable: object) -> str:
    least = known(impact.get("least"))
    ratio = interval_of(impact.get("ratio"))
    if least is None or ratio is None:
        return "Selection rates cannot be compared."
    said = {True: "is kept to", False: "is not kept to", None: "cannot be told from these rows"}
    what = f"of {cut(favourable)} " if favourable else ""
    rule = (
        f"A ratio of at least {least:g} between the groups' rates {what}{said[impact.get('fair')]}"
    )
    return f"{rule}: it is {Figures(2).interval(ratio)}."


def _group(group: Mapping[str, Any], metrics: list[str]) -> list[Cell]:
    cells: list[Cell] = [
        ("Group", "name", _place(group["group"], group)),
        ("Rows", "number", tag("span", f"{group['rows']:,}")),
    ]
    for name in metrics:
        found = interval_of(group["metrics"].get(name))
        figures = Figures.of([found.value if found else None])
        title = metric_words(name)
        cells.append(
            (title[:1].upper() + title[1:], "number", tag("span", figures.interval(found)))
        )
    cells.append(("", "state", tag("span", "") if group["powered"] else _verdict(None)))
    return cells


def _gap(name: str, told: Mapping[str, Any]) -> list[Cell]:
    found = interval_of(told)
    figures = Figures.of([found.value if found else None])
    return [
        ("Gap between groups", "name", tag("span", metric_words(name))),
        ("Now", "number", tag("span", figures.interval(found))),
        ("Reference", "number", tag("span", figures(told.get("reference")))),
    ]


def value_words(told: Mapping[str, Any]) -> str | None:
    """Say what predictions are worth; None where the config gives them no value.

    >>> value = {"unit": "EUR", "per_row": 1.5, "reference_per_row": 2.0, "rows": 10, "total": 15}
    >>> value_words({"performance": {"value": value}})
    'A prediction is worth 1.50 EUR, where 2.00 EUR was expected: 15.0 EUR on 10 labelled rows.'
    """
    value = told["performance"].get("value")
    if value is None:
        return None
    unit = f" {value['unit']}" if value.get("unit") else ""
    now = interval_of({**value, "value": value.get("per_row")})
    guess, expected = known(value.get("estimated_per_row")), known(value.get("reference_per_row"))
    figures = Figures.of([expected, guess, now.value if now else None])
    before = "" if expected is None else f", where {figures(expected)}{unit} was expected"
    if now is None:
        what = "is not known" if guess is None else f"is estimated at {figures(guess)}{unit}"
        return f"What a prediction is worth {what}{before}."
    total = Figures.of([value.get("total")])(value.get("total"))
    rows = f"{value.get('rows') or 0:,} labelled rows"
    return f"A prediction is worth {figures.interval(now)}{unit}{before}: {total}{unit} on {rows}."


def outcome_tables(told: Mapping[str, Any]) -> list[Markup]:
    """Show what became of the labelled rows: one class against the rest, with the usual rates."""
    counts = told["performance"].get("counts") or {}
    rows = [_outcome("positive class", counts)] if "tp" in counts else []
    rows += [_outcome(name, one) for name, one in (counts.get("classes") or {}).items()]
    return folded("parts", rows, SHOWN, "classes")


def _outcome(name: str, told: Mapping[str, Any]) -> list[Cell]:
    cells: list[Cell] = [("Class", "name", tag("bdi", str(name)))]
    cells += [(key.upper(), "number", tag("span", f"{told[key]:,}")) for key in _CELLS]
    for key in ("precision", "recall", "specificity"):
        cells.append((key.capitalize(), "number", tag("span", percent(told.get(key)))))
    return cells
