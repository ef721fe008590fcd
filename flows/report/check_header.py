"""The head of a check's page: alarm or not and why, in a sentence and three figures."""

from flows.report.check import CheckReport, moved_of
from flows.report.check_figures import Figures, count, metric_words
from flows.report.check_words import headline, measured
from flows.report.markup import Markup, tag


def header(report: CheckReport) -> Markup:
    """Show the verdict, what to do, and the three figures that matter most."""
    said, told = headline(report), report.told
    window = told["window"]
    when = f"{_moment(window['start'])} to {_moment(window['end'])}" if window["start"] else None
    facts = [count(window["rows"], "row"), when, f"checked {_moment(report.at)} UTC"]
    word = {"alarm": "Alarm", "calm": "No alarm", "unknown": "Not known"}[said.state]
    return tag(
        "header",
        tag(
            "h1",
            tag("bdi", str(told["model"])),
            " ",
            tag("span", f"version {told['version']}", class_="light"),
            tag("span", word, class_=f"pill big {said.state}"),
        ),
        tag("p", " \N{MIDDLE DOT} ".join(f for f in facts if f), class_="muted facts"),
        tag("p", said.sentence, class_="verdict"),
        tag("p", said.next_step, *_command(said.command), class_="next"),
        _tiles(report),
    )


def _command(command: str | None) -> list[str]:
    return [" ", tag("code", command)] if command else []


def _moment(text: object) -> str:
    return str(text)[:16].replace("T", " ")


def _tiles(report: CheckReport) -> Markup:
    told = report.told
    performance = told["performance"]
    now = measured(told)
    shown = now[1].value if now else None
    figures = Figures.of([performance["reference"], shown])
    moved, features = moved_of(told)
    problems = [p for p in told.get("quality") or () if not p.get("handled")]
    how = f"{now[0]}, " if now else ""
    bad = {True: "worse", False: None}
    return tag(
        "div",
        _tile(
            metric_words(performance["metric"]).capitalize(),
            figures(shown),
            f"{how}{figures(performance['reference'])} expected",
            bad[bool(performance["alarm"])],
        ),
        _tile(
            "Features that moved",
            f"{len(moved)}",
            f"of {features:,} compared",
            bad[bool(moved)],
        ),
        _tile(
            "Problems with the data",
            f"{len(problems)}",
            "broken rather than changed",
            bad[bool(problems)],
        ),
        class_="tiles",
    )


def _tile(name: str, value: str, told: str, kind: str | None) -> Markup:
    return tag(
        "div",
        tag("span", name, class_="name"),
        tag("span", value, class_=f"value {kind or ''}".strip()),
        tag("span", told, class_="muted"),
        class_="tile",
    )
