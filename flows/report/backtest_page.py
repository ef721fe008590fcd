"""The page of a backtest: who did best, at what cost, and what each policy did when."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from flows.report.backtest import BEST, OURS, BacktestReport, Line, key_of, summed
from flows.report.backtest_plots import cost_plot, regret_plot, score_plot
from flows.report.check import clean
from flows.report.document import document
from flows.report.history import UNKNOWN, remedy_words
from flows.report.markup import Markup, join, tag
from flows.report.plot import mark_icon


def render_backtest(told: Mapping[str, Any]) -> str:
    """Show a backtest as one self-contained HTML page, without a script or any request.

    Args:
        told: what ``factory backtest --json`` prints.
    """
    report = BacktestReport(clean(told))
    title = f"Backtest of {report.told['model']}"
    sections = [
        tag("header", tag("h1", title), tag("p", verdict(report), class_="verdict")),
        _policies(report),
        _scores(report),
        _costs(report),
        _regret(report),
        _windows(report),
        _footer(report),
    ]
    return document(title, sections, "backtest")


def verdict(report: BacktestReport) -> str:
    """Say in a few sentences who did best, and what ours was worth."""
    scored = [line for line in report.lines if line.mean is not None and line.name != BEST]
    if not scored:
        return "No window could be scored."
    sign = -1.0 if report.greater else 1.0
    best = min(scored, key=lambda line: sign * (line.mean or 0.0))
    count = f"{report.told['windows']} windows"
    mean = f"{report.metric} of {report.show(best.mean)} on average"
    words = [f"Over {count} {_named(best)} did best: {mean}, with {_trainings(best)}."]
    ours = report.line(OURS)
    if ours is not None and ours.mean is not None:
        words += [
            _against(report, ours, other)
            for other in scored
            if other.name in {"always", "never"} and other.mean is not None
        ]
    return " ".join(words)


def _named(line: Line) -> str:
    return "the factory" if line.name == OURS else f"the policy {line.name}"


def _trainings(line: Line) -> str:
    return f"{line.trainings} training{'' if line.trainings == 1 else 's'}"


def _against(report: BacktestReport, ours: Line, other: Line) -> str:
    own, theirs = ours.mean or 0.0, other.mean or 0.0
    change = abs(own - theirs) / abs(theirs) if theirs else 0.0
    if change < 0.0005:  # noqa: PLR2004 - what would be written as 0.0 %
        said = "the same score as"
    else:
        said = f"a score {change:.1%} {'better' if report.better(own, theirs) else 'worse'} than"
    return (
        f"Against {other.name} the factory had {said} its {report.show(theirs)}, with "
        f"{_trainings(ours)} against {other.trainings}."
    )


def _section(title: str, told: str, *parts: str) -> Markup:
    return tag("section", tag("h2", title), tag("p", told, class_="muted"), *parts)


def _policies(report: BacktestReport) -> Markup:
    names = ("Policy", "Mean score", "Regret", "Trainings", "All fits", "Seconds", "What it did")
    rows = [_policy(report, line) for line in report.lines]
    direction = "higher" if report.greater else "lower"
    against = "the oracle" if report.line(BEST) else "each window's best policy"
    return _section(
        "Policies",
        f"{report.metric.capitalize()}, {direction} is better. Regret is what was lost against "
        f"{against} in a window, on average. Trainings are models that were fitted and served; all "
        "fits count those too that only took part in a rehearsal. Seconds are of one processor.",
        _table(names, rows),
    )


def _policy(report: BacktestReport, line: Line) -> Markup:
    counts = Counter(str(action["kind"]) for action in line.actions)
    did = [
        tag("span", mark_icon(kind), f"{kind.replace('_', ' ')} {number}", class_="did")
        for kind, number in counts.most_common()
    ]
    lost = report.mean_regret(line)
    cells = [
        ("Policy", "", tag("span", key_of(line), tag("strong", line.name), class_="who")),
        ("Mean score", "number", report.show(line.mean)),
        ("Regret", "number", UNKNOWN if lost is None else report.show(lost)),
        ("Trainings", "number", f"{line.trainings}"),
        ("All fits", "number", f"{line.fits}"),
        ("Seconds", "number", f"{line.seconds:,.1f}"),
        ("What it did", "", join(did)),
    ]
    return _row(cells)


def _scores(report: BacktestReport) -> Markup:
    return _section(
        "Score per window",
        "Each window is scored by the model that serves, before anything is learnt from it. A mark "
        "below is what a policy did after that window; it serves from the next on.",
        _legend(report),
        tag("div", score_plot(report, width=1080, height=380), class_="wide"),
        tag("div", score_plot(report, width=400, height=300), class_="narrow"),
    )


def _legend(report: BacktestReport) -> Markup:
    kinds = dict.fromkeys(str(action["kind"]) for line in report.lines for action in line.actions)
    items = [tag("li", key_of(line), line.name) for line in report.lines]
    items += [
        tag("li", mark_icon(kind), kind.replace("_", " ")) for kind in kinds if kind != "keep"
    ]
    return tag("ul", *items, class_="legend")


def _costs(report: BacktestReport) -> Markup:
    trainings = [float(line.trainings) for line in report.lines]
    seconds = [line.seconds for line in report.lines]
    plots = [
        tag("div", cost_plot(report, costs, what, width=width, height=height), class_=kind)
        for costs, what in ((trainings, "trainings"), (seconds, "seconds"))
        for width, height, kind in ((520, 340, "wide"), (360, 300, "narrow"))
    ]
    end = "Up" if report.greater else "Down"
    return _section(
        "What a score costs",
        f"Mean score against trainings, and against processor seconds. {end} and to the left is "
        "better; the dashed line joins the policies that no other beats in both.",
        tag("div", *plots, class_="pair"),
    )


def _regret(report: BacktestReport) -> Markup:
    against = (
        "the oracle, which knows the next window's labels"
        if report.line(BEST)
        else "the best policy of each window, since the oracle did not play"
    )
    off = "".join(
        f" {line.name.capitalize()} lost {report.show(summed(report.regret(line))[-1])} and is "
        "left out."
        for line in report.off_the_scale
    )
    return _section(
        "Regret",
        f"{report.metric.capitalize()} lost against {against}, added up over the windows; a line "
        f"that goes down won.{off}",
        _legend(report),
        tag("div", regret_plot(report, width=1080, height=300), class_="wide"),
        tag("div", regret_plot(report, width=400, height=260), class_="narrow"),
    )


def _windows(report: BacktestReport) -> Markup:
    names = ("Window", *(line.name for line in report.lines), "What the factory did, and why")
    ours = report.line(OURS)
    shown = names if ours is not None else names[:-1]
    rows = [_window(report, ours, number) for number in range(len(report.rows))]
    return _section(
        "Window by window",
        "The score of each policy; the best but the oracle's in bold.",
        tag("div", _table(shown, rows), class_="scroll"),
    )


def _window(report: BacktestReport, ours: Line | None, number: int) -> Markup:
    row = report.rows[number]
    scores = {line.name: line.scores[number] for line in report.lines}
    known = [score for name, score in scores.items() if score is not None and name != BEST]
    best = (max if report.greater else min)(known, default=None)
    window = [tag("strong", str(number + 1)), tag("span", row.start[:10], class_="muted")]
    cells: list[tuple[str, str, str]] = [("Window", "", join(window))]
    for name, score in scores.items():
        told = report.show(score)
        top = score is not None and score == best and name != BEST
        cells.append((name, "number", tag("strong", told) if top else told))
    if ours is not None:
        action = ours.actions[number] if number < len(ours.actions) else None
        why = "nothing follows" if action is None else join(_why(action))
        cells.append(("What the factory did, and why", "why", why))
    return _row(cells)


def _why(action: Mapping[str, Any]) -> list[Markup]:
    parts = []
    for decision in action.get("decisions", ()):
        remedy = remedy_words(decision["remedy"])
        kind = str(decision["remedy"]["kind"])
        parts.append(tag("span", mark_icon(kind), tag("strong", remedy), class_="did"))
        parts.append(tag("span", str(decision["because"])))
        if decision["verdict"] is not None:
            outcome = "Gate passed" if decision["passed"] else "Gate refused"
            parts.append(tag("span", f"{outcome}: {decision['verdict']}", class_="muted"))
    return parts


def _table(names: tuple[str, ...], rows: list[Markup]) -> Markup:
    head = tag("tr", *(tag("th", name, scope="col") for name in names))
    return tag("table", tag("thead", head), tag("tbody", *rows))


def _row(cells: list[tuple[str, str, str]]) -> Markup:
    return tag(
        "tr", *(tag("td", tag("div", c), data_label=name, class_=k or None) for name, k, c in cells)
    )


def _footer(report: BacktestReport) -> Markup:
    told = report.told
    delay = told["label_delay"]
    late = f"{delay} window{'' if delay == 1 else 's'} late" if delay else "at once"
    how = f"The first {told['train_rows']:,} rows trained a {told['family']} model"
    said = f"{how}; labels came {late}. A rerun has the digest {told['digest']}."
    return tag("footer", *(tag("p", note) for note in (said, *told["notes"])))
