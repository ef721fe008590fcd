"""The page of one check: what was found, how bad it is, and how it was measured."""

from dataclasses import replace

from flows.report.check import CheckReport, clean, signals_of
from flows.report.check_cards import shape_card, shape_cards
from flows.report.check_figures import chance, count, listed, metric_words, percent
from flows.report.check_header import header
from flows.report.check_moved import signal_table
from flows.report.check_parts import (
    group_tables,
    outcome_tables,
    quality_table,
    segment_table,
    value_words,
)
from flows.report.check_plots import over_time, performance_plot
from flows.report.check_shapes import Shape, Shares
from flows.report.check_why import why_parts
from flows.report.check_words import headline
from flows.report.document import document
from flows.report.history import known
from flows.report.markup import Markup, join, tag
from flows.report.page import link
from flows.report.pictures import strip

MOST_SEEN = 60
"""Windows that performance over time shows, the newest."""


def render_check(report: CheckReport) -> str:
    """Show one check as one self-contained HTML page.

    Args:
        report: what was found, and what it takes to draw it.

    Returns:
        The page. All in it that came from outside is escaped; it has no script and makes no
        request. The links given are its only addresses.
    """
    report = _cleaned(report)
    said = headline(report)
    sections = [
        header(report),
        _performance(report),
        _why(report),
        _over_time(report),
        _quality(report),
        _moved(report),
        _whole(report),
        _together(report),
        _segments(report),
        _groups(report),
        _value(report),
        _made(report),
    ]
    return document(said.title, sections, "check")


def _cleaned(report: CheckReport) -> CheckReport:
    return replace(
        report,
        told=clean(report.told),
        shapes={clean(name): _named(shape) for name, shape in report.shapes.items()},
        predictions=None if report.predictions is None else _named(report.predictions),
        labels=None if report.labels is None else _named(report.labels),
        decision=None if report.decision is None else clean(report.decision),
        diagnosis=None if report.diagnosis is None else clean(report.diagnosis),
        settings=tuple((clean(name), clean(value)) for name, value in report.settings),
        links=tuple((clean(label), clean(address)) for label, address in report.links),
        pictures={clean(name): strips for name, strips in report.pictures.items()},
    )


def _named(shape: Shape) -> Shape:
    return replace(shape, names=tuple(clean(shape.names))) if isinstance(shape, Shares) else shape


def _section(title: str, told: str, *parts: str) -> Markup:
    return tag("section", tag("h2", title), tag("p", told, class_="muted"), *parts)


def _performance(report: CheckReport) -> Markup:
    wide, narrow = (performance_plot(report, width=w) for w in (700, 400))
    notes = _rests_on(report)
    if wide is None or narrow is None:
        return _section("Performance", "How the model does on this window is not known.", *notes)
    metric = metric_words(report.told["performance"]["metric"])
    words = (
        f"{metric[:1].upper()}{metric[1:]}; {'higher' if report.greater_is_better else 'lower'} is "
        "better. A line through a dot is its interval. Shaded is a loss of more than the "
        f"{percent(report.tolerance)} accepted."
    )
    plots = [tag("div", wide, class_="wide plot"), tag("div", narrow, class_="narrow")]
    return _section("Performance", words, *plots, *notes)


def _rests_on(report: CheckReport) -> list[Markup]:
    performance, rows = report.told["performance"], report.told["window"]["rows"]
    realised = performance.get("realised")
    labelled = report.told.get("labelled")
    notes = []
    if isinstance(realised, dict):
        on = realised.get("rows") or labelled
        notes.append(f"Realised was measured on the {on:,} rows whose labels are in." if on else "")
    elif labelled is not None:
        few = f"only {labelled:,} of {rows:,} rows" if labelled else "no row"
        notes.append(f"Realised is not known: {few} can be judged.")
    if performance.get("estimated") is not None:
        notes.append(
            "Estimated is told from the features and what the model said of all rows. It sees what "
            "changed features do to the model, but not a relation that changed: only labels tell."
        )
    if performance.get("predicted") is not None:
        notes.append("Predicted is what a model of such failures expects of these rows.")
    needed = known(performance.get("labels_needed"))
    if needed:
        notes.append(f"{count(round(needed), 'label')} would tell for certain.")
    return [tag("p", note, class_="muted") for note in notes if note]


def _why(report: CheckReport) -> Markup | None:
    parts = why_parts(report)
    return tag("section", tag("h2", "Why"), *parts) if parts else None


def _over_time(report: CheckReport) -> Markup | None:
    metric = str(report.told["performance"]["metric"])
    points = [s for s in report.seen if s.metric == metric and (s.realised or s.estimated)]
    newest = sorted(points, key=lambda s: (s.moment, s.at))[-MOST_SEEN:]
    if len({one.sha256 for one in newest} - {report.told["window"]["sha256"]}) == 0:
        return None
    keys = [
        tag("li", tag("i", class_="key point realised"), "realised"),
        tag("li", tag("i", class_="key point estimated"), "estimated"),
        tag("li", tag("i", class_="key line"), "expected"),
        tag("li", tag("i", class_="key point alarmed"), "alarm"),
    ]
    return _section(
        "Performance over time",
        f"Every window that this model was checked on, {len(newest)} of them; the shaded one is "
        "this. Below, the version that was checked.",
        tag("ul", *keys, class_="legend"),
        tag("div", over_time(report, newest, width=1080, height=280), class_="wide"),
        tag("div", over_time(report, newest[-20:], width=400, height=260), class_="narrow"),
    )


def _quality(report: CheckReport) -> Markup:
    tables = quality_table(report.told)
    if not tables:
        return _section("Data quality", "The data are sound: nothing is broken.")
    told = "What is broken rather than changed. No model learns from such rows."
    return _section("Data quality", told, *tables)


def _moved(report: CheckReport) -> Markup:
    signals = signals_of(report.told)
    if not signals:
        return _section("What moved", "No feature was compared.")
    words = (
        "How far each feature is from the reference: the rows on which this version was judged. "
        "The effect is 0 where nothing changed and 1 where nothing is shared; the p-value is how "
        "often chance, and the reference's own ups and downs, would do as much. An alarm needs a "
        "large effect and a small p-value."
    )
    if any(known(s.get("detectable")) is not None for s in signals):
        words += (
            " The mark on a bar is the smallest change that four of five such windows would show: "
            "a smaller one may have gone unseen."
        )
    parts = [signal_table(signals)]
    cards = shape_cards(report)
    if cards:
        parts += [tag("h3", "What they look like"), _sides(), cards]
    for name, strips in report.pictures.items():
        parts += [tag("h3", tag("bdi", name)), *map(strip, strips)]
    return _section("What moved", words, *parts)


def _sides() -> Markup:
    keys = [
        tag("li", tag("i", class_="key area"), "reference"),
        tag("li", tag("i", class_="key now"), "this window"),
    ]
    return tag("ul", *keys, class_="legend")


def _whole(report: CheckReport) -> Markup | None:
    cards = []
    for key, shape, name in (
        ("prediction_drift", report.predictions, "What the model says"),
        ("behaviour", None, "How the model behaves"),
        ("label_drift", report.labels, "What came true"),
    ):
        signal = report.told.get(key)
        if signal is None:
            continue
        note = tag("p", _signal_words(signal))
        if shape is None:
            cards.append(tag("figure", tag("figcaption", tag("strong", name)), note))
        else:
            cards.append(shape_card(name, shape, note, alarm=bool(signal.get("alarm"))))
    if not cards:
        return None
    told = "Predictions need no labels: they are the first to tell that a change reached the model."
    return _section("Predictions and labels", told, _sides(), tag("div", *cards, class_="cards"))


def _signal_words(signal: dict[str, object]) -> str:
    effect = known(signal.get("effect"))
    shown = "not known" if effect is None else f"{effect:.2f}"
    return f"Effect {shown}, p {chance(signal.get('p_value'))}, by {signal.get('detector')}."


def _together(report: CheckReport) -> Markup | None:
    joint = (report.told.get("drift") or {}).get("joint")
    if not joint:
        return None
    title = "All features together"
    if joint.get("detector") is None:
        return _section(title, "The window is too small for a test of all features together.")
    told = "Can the window's rows be told from the reference's by all their features at once?"
    verdict = "Yes, for certain" if joint.get("alarm") else "No more than is usual"
    effect = known(joint.get("effect"))
    size = "" if effect is None else f"; effect {effect:.2f}"
    words = f"{verdict}{size}, p {chance(joint.get('p_value'))}, by {joint['detector']}."
    tells = [str(name) for name in joint.get("tells") or joint.get("features") or ()]
    more = f" What tells them apart most: {listed(tells, 8)}." if tells else ""
    return _section(title, told, tag("p", words + more))


def _segments(report: CheckReport) -> Markup | None:
    tables = segment_table(report.told)
    told = (
        "Parts of the window, each against the same part of the reference. Where rows are too few "
        "to see a change that matters, that is said: it does not mean that all is fine."
    )
    return _section("Segments", told, *tables) if tables else None


def _groups(report: CheckReport) -> Markup | None:
    tables = group_tables(report.told)
    told = "How the model treats groups, and the gaps between them with their intervals."
    return _section("Fairness", told, *tables) if tables else None


def _value(report: CheckReport) -> Markup | None:
    words, tables = value_words(report.told), outcome_tables(report.told)
    if words is None and not tables:
        return None
    told = "What the predictions on labelled rows came to."
    first = [tag("p", words)] if words else []
    return _section("Value and outcomes", told, *first, *tables)


def _made(report: CheckReport) -> Markup:
    told, window = report.told, report.told["window"]
    facts = [
        ("model", f"{told['model']}, version {told['version']}"),
        ("window", f"{count(window['rows'], 'row')}, {told.get('labelled', 0):,} can be judged"),
        ("its content", f"SHA-256 {window['sha256']}"),
        ("time span", f"{window['start'] or '?'} to {window['end'] or '?'}"),
        ("checked", report.at),
    ]
    entries = [join([tag("dt", n), tag("dd", v)]) for n, v in facts]
    parts = [tag("dl", *entries)]
    if report.settings:
        rows = [join([tag("dt", n), tag("dd", v)]) for n, v in report.settings]
        parts.append(tag("details", tag("summary", "Settings of the check"), tag("dl", *rows)))
    links = [tag("li", link(label, address)) for label, address in report.links]
    if links:
        parts.append(tag("ul", *links))
    return _section(
        "How this was measured",
        "The same window, version and settings give the same figures again.",
        *parts,
    )
