"""The page: one file of HTML, its style and drawings inside, that asks nothing of any network."""

from importlib.resources import files
from urllib.parse import urlsplit

from flows.report.drift import STEPS, drift_map
from flows.report.history import (
    DONE,
    UNKNOWN,
    Means,
    ReportData,
    ReportRow,
    kind_of,
    means,
    remedy_counts,
    remedy_words,
    scores_of,
)
from flows.report.markup import Markup, join, tag
from flows.report.plot import mark_icon
from flows.report.rehearsals import decision_card
from flows.report.scores import incidents_of, score_chart


def render_report(story: ReportData) -> str:
    """Show a model's history as one self-contained HTML page.

    Args:
        story: title, metric, windows, notes and links.

    Returns:
        The page. Everything in it that came from outside is escaped; it has no script and makes
        no request. The links given are its only addresses.
    """
    sections = [_header(story)]
    if story.rows:
        sections += [_scores(story), _table(story), _decisions(story), _drift(story)]
    sections.append(_footer(story))
    style = files("flows.report").joinpath("style.css").read_text(encoding="utf-8")
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name_="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name_="color-scheme", content="light dark"),
        tag("link", rel="icon", href="data:,"),
        tag("title", story.title),
        tag("style", Markup(style)),
    )
    body = tag("body", tag("main", *sections))
    return f"<!doctype html>\n{tag('html', head, body, lang='en')}\n"


def _header(story: ReportData) -> Markup:
    average = means(story.rows)
    parts = [tag("h1", story.title), tag("p", verdict(story), class_="verdict")]
    if average is not None:
        parts.append(_tiles(story, average))
    return tag("header", *parts)


def verdict(story: ReportData) -> str:
    """Say in a few sentences what the factory was worth against the model left untouched."""
    average = means(story.rows)
    if not story.rows:
        return "No window has been checked yet."
    if average is None:
        return f"{_windows(len(story.rows))} checked; none has labels for both models yet."
    served = story.show(average.served)
    first = f"Over {_windows(average.windows)} the factory's {story.metric_words} averaged {served}"
    sentences = [f"{first}, {_compared(story, average)} of the model left untouched."]
    marked = sum(bool(row.incident) for row in story.rows)
    calm = means(row for row in story.rows if not row.incident)
    if marked and calm is not None:
        sentences.append(
            f"Without the {_windows(marked, 'marked ')} it was {story.show(calm.served)}, "
            f"{_compared(story, calm)}."
        )
    told = [f"{DONE.get(kind, kind)} {_times(n)}" for kind, n in remedy_counts(story.rows)]
    last = told.pop()
    sentences.append(f"It {', '.join(told)} and {last}." if told else f"It {last}.")
    return " ".join(sentences)


def _windows(count: int, word: str = "") -> str:
    return f"{count} {word}window{'' if count == 1 else 's'}"


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def _compared(story: ReportData, average: Means) -> str:
    static, change = story.show(average.static), average.change
    if story.show(average.served) == static:
        return f"the same as the {static}"
    if change is None:
        return f"against the {static}"
    return f"{abs(change):.0%} {'higher' if change > 0 else 'lower'} than the {static}"


def _tiles(story: ReportData, average: Means) -> Markup:
    change = average.change
    better = (average.served > average.static) == story.greater_is_better
    direction = "higher is better" if story.greater_is_better else "lower is better"
    tiles = [
        _tile("Factory", story.show(average.served), f"{story.metric_words}, {direction}"),
        _tile("Untouched model", story.show(average.static), "the first version, never replaced"),
    ]
    if change is not None:
        kind = "better" if better else "worse"
        told = f"mean over {_windows(average.windows)}"
        shown = f"{change:+.1%}".replace("-", "\N{MINUS SIGN}")
        tiles.append(_tile("Difference", shown, told, kind if average.change else None))
    return tag("div", *tiles, class_="tiles")


def _tile(name: str, value: str, told: str, kind: str | None = None) -> Markup:
    return tag(
        "div",
        tag("span", name, class_="name"),
        tag("span", value, class_=f"value {kind or ''}".strip()),
        tag("span", told, class_="muted"),
        class_="tile",
    )


def _section(title: str, told: str, *parts: str) -> Markup:
    return tag("section", tag("h2", title), tag("p", told, class_="muted"), *parts)


def _scores(story: ReportData) -> Markup:
    lines = [
        tag("li", tag("i", class_="key served"), "serving model"),
        tag("li", tag("i", class_="key static"), "untouched model"),
    ]
    lines += [
        tag("li", mark_icon(kind), f"{kind.replace('_', ' ')} {count}")
        for kind, count in remedy_counts(story.rows)
    ]
    notes = [
        tag(
            "li",
            tag("i", str(incident.number), class_="key number"),
            f"{incident.words}, {_span(story, incident.first, incident.last)}",
        )
        for incident in incidents_of(story.rows)
    ]
    direction = "higher" if story.greater_is_better else "lower"
    return _section(
        "Score per window",
        f"{story.metric_words.capitalize()} on each window's own rows; {direction} is better. The "
        "mark is the remedy that was chosen after the window was seen; it serves from the next on.",
        tag("ul", *lines, class_="legend"),
        tag("div", score_chart(story, width=1080, height=360), class_="wide"),
        tag("div", score_chart(story, width=400, height=320), class_="narrow"),
        tag("ul", *notes, class_="legend") if notes else Markup(),
    )


def _span(story: ReportData, first: int, last: int) -> str:
    start, end = story.rows[first], story.rows[last]
    if first == last:
        return start.name
    return f"{start.name} until {end.name}"


def _table(story: ReportData) -> Markup:
    names = ("Window", "What moved", "Remedy", "Champion", "Score", "Untouched", "Why")
    head = tag("tr", *(tag("th", name, scope="col") for name in names))
    rows = [_table_row(story, row) for row in story.rows]
    return _section(
        "Window by window",
        "What was found, what was done about it, and the decision's own words.",
        tag("table", tag("thead", head), tag("tbody", *rows)),
    )


def _table_row(story: ReportData, row: ReportRow) -> Markup:
    run = row.run
    size = (run.get("window") or (run.get("check") or {}).get("window") or {}).get("rows")
    window = [tag("strong", row.name)]
    if isinstance(size, int):
        window.append(tag("span", f"{size:,} rows", class_="muted"))
    if row.incident:
        window.append(tag("span", row.incident, class_="flag"))
    diagnosis = run.get("diagnosis") or {}
    cause = tag("span", str(diagnosis.get("cause", "unknown")).replace("_", " "))
    culprits = ", ".join(str(name) for name in diagnosis.get("culprits", ()))
    remedy = remedy_words(run.get("remedy", {}))
    served, static = scores_of(row)
    cells = [
        ("Window", "", join(window)),
        ("What moved", "", join([cause, tag("span", culprits, class_="muted")])),
        ("Remedy", "remedy", join([mark_icon(kind_of(row)), tag("span", remedy)])),
        ("Champion", "", _champions(run.get("champion_before"), run.get("champion_after"))),
        ("Score", _judged(story, served, static), story.show(served)),
        ("Untouched", "number", story.show(static)),
        ("Why", "why", _reasons(row)),
    ]
    return tag(
        "tr", *(tag("td", tag("div", c), data_label=name, class_=k or None) for name, k, c in cells)
    )


def _champions(before: object, after: object) -> str:
    start = UNKNOWN if before is None else str(before)
    return start if after in (before, None) else f"{start} → {after}"


def _judged(story: ReportData, served: float | None, static: float | None) -> str:
    if served is None or static is None or served == static:
        return "number"
    return "number better" if (served > static) == story.greater_is_better else "number worse"


def _reasons(row: ReportRow) -> Markup:
    parts = [tag("span", str(row.run.get("because", "")))]
    verdict_told = row.run.get("verdict")
    if verdict_told:
        outcome = "Gate passed" if verdict_told.get("passed") else "Gate refused"
        words = f"{outcome}: {verdict_told.get('because', '')}"
        parts.append(tag("span", words, class_="muted"))
    return join(parts)


def _decisions(story: ReportData) -> Markup:
    return _section(
        "Rehearsals behind each decision",
        "What every remedy scored on the same newest rows, which none of the models had seen, with "
        "its interval. The dashed line is the champion kept as it is; bold is what was chosen.",
        tag("div", *(decision_card(story, row) for row in story.rows), class_="cards"),
    )


def _drift(story: ReportData) -> Markup:
    wide = drift_map(story, width=1080, left=130)
    narrow = drift_map(story, width=400, left=92)
    if wide is None or narrow is None:
        return _section("Drift of each feature", "No window tells of drift.")
    bounds = ("0", *(f"{step:g}" for step in STEPS))
    shades = [tag("li", tag("i", class_=f"key q{i}"), bound) for i, bound in enumerate(bounds)]
    return _section(
        "Drift of each feature",
        "Effect size against the reference of the model that served, from 0 to 1, the most drifted "
        "feature first. A dot is an alarm.",
        tag("ul", *shades, class_="legend tight"),
        tag("div", wide, class_="wide"),
        tag("div", narrow, class_="narrow"),
    )


def _footer(story: ReportData) -> Markup:
    notes = [tag("p", note) for note in story.notes]
    links = [tag("li", link(label, address)) for label, address in story.links]
    return tag("footer", *notes, tag("ul", *links) if links else Markup())


def link(label: str, address: str) -> Markup:
    """Write a link to a page or file; any other address is only named."""
    if urlsplit(address).scheme.lower() not in {"", "http", "https", "file"}:
        return tag("span", f"{label}: {address}")
    return tag("a", label, href=address, rel="noreferrer")
