"""Why a window looks as it does: where a fall comes from, and which features to look at first."""

from collections.abc import Mapping, Sequence
from typing import Any

from flows.report.check import CheckReport, Interval, interval_of
from flows.report.check_figures import Figures, metric_words, percent
from flows.report.check_plots import axis_text
from flows.report.history import known
from flows.report.markup import Markup, tag
from flows.report.plot import Scale, scale_for, shorten, ticks

SHOWN = 12
"""Features that get a bar."""
WIDTHS = (700, 400)
"""Of drawings on wide and on narrow pages, in pixels."""
SOURCES = {
    "broken": "broken rows",
    "covariates": "features moved",
    "labels": "target's mix moved",
    "relation": "relation moved",
}
_ROW, _LEFT, _RIGHT, _TOP = 30.0, 120.0, 52.0, 10.0
_BAR, _NARROW = 26.0, 500.0


def why_parts(report: CheckReport) -> list[Markup]:
    """Show the diagnosis: its sentence, the fall step by step, and drift x importance."""
    because = str((report.diagnosis or {}).get("because") or "")
    parts = [tag("p", f"{because[:1].upper()}{because[1:]}.")] if because else []
    steps = [waterfall(report, width=width) for width in WIDTHS]
    parts += _drawn(
        "Where the fall comes from",
        "From what was expected to this window, one step a source: the same features losing more "
        "than before is a moved relation. A line on a step is the interval of its end.",
        steps,
    )
    bars = [priorities(report, width=width) for width in WIDTHS]
    return parts + _drawn(
        "Which features to look at first",
        "How far a feature moved, times its share of what all features are worth to the model: a "
        "large move of what the model hardly reads matters little. Red alarms.",
        bars,
        *_keys(report),
    )


def _drawn(
    title: str, words: str, drawings: Sequence[Markup | None], *between: Markup
) -> list[Markup]:
    """Write a drawing for wide pages and one for narrow ones, with a title."""
    if any(drawing is None for drawing in drawings):
        return []
    kinds = zip(("wide plot", "narrow"), drawings, strict=True)
    plots = [tag("div", drawing or "", class_=kind) for kind, drawing in kinds]
    return [tag("h3", title), tag("p", words, class_="muted"), *between, *plots]


def _keys(report: CheckReport) -> list[Markup]:
    if not any(known(f.get("loss")) for f in features_of(report)):
        return []
    keys = [
        tag("li", tag("i", class_="key worth"), "drift \N{MULTIPLICATION SIGN} importance"),
        tag("li", tag("i", class_="key now"), "share of the fall that its move carries"),
    ]
    return [tag("ul", *keys, class_="legend")]


def waterfall(report: CheckReport, *, width: float) -> Markup | None:
    """Draw how the metric went from the reference to the window, one step a source.

    Args:
        report: a check with a diagnosis.
        width: in pixels, of the whole drawing.

    Returns:
        The drawing, or None where no fall was attributed.
    """
    told = report.told["performance"]
    before, after = interval_of(told["reference"]), interval_of(told.get("realised"))
    shares = _shares(report)
    if before is None or after is None or not shares:
        return None
    fall = after.value - before.value
    steps = _steps(shares, before.value, fall)
    ends = [before.value, after.value, *(end for _, _, step in steps for end in _reach(step, fall))]
    scale = scale_for(ends, _LEFT, width - _RIGHT)
    bottom = _TOP + _ROW * (len(steps) + 2)
    show = Figures.of(ends)
    parts = [*_grid(scale, bottom), _point("expected", before.value, scale, 0, show)]
    for place, (name, start, step) in enumerate(steps, 1):
        parts.append(_step(name, start, step, scale, _TOP + _ROW * (place + 0.5), fall))
    parts.append(_point("this window", after.value, scale, len(steps) + 1, show))
    return tag(
        "svg",
        *parts,
        viewBox=f"0 0 {width:g} {bottom + 20:g}",
        role="img",
        aria_label=f"{metric_words(told['metric'])}: from what was expected to this window, "
        "by where the change comes from",
    )


def _shares(report: CheckReport) -> list[tuple[str, Interval]]:
    found = []
    for share in (report.diagnosis or {}).get("shares") or ():
        value = interval_of({**share, "value": share.get("share")})
        if value is not None and share.get("source") in SOURCES:
            found.append((SOURCES[share["source"]], value))
    return found


def _steps(
    shares: Sequence[tuple[str, Interval]], start: float, fall: float
) -> list[tuple[str, float, Interval]]:
    """Return each source's name, where its step starts, and where it ends with an interval."""
    steps = []
    for name, share in shares:
        low, high = (None if end is None else start + end * fall for end in (share.low, share.high))
        end = start + share.value * fall
        steps.append((name, start, Interval(end, low, high)))
        start = end
    return steps


def _reach(step: Interval, fall: float) -> list[float]:
    """Return what of a step must be seen: its end, and its interval as far as the fall again."""
    most = abs(fall)
    bounds = [end for end in (step.low, step.high) if end is not None]
    near = [min(max(end, step.value - most), step.value + most) for end in bounds]
    return [step.value, *near]


def _grid(scale: Scale, bottom: float) -> list[Markup]:
    parts = []
    for value in ticks(scale, 4):
        x = scale(value)
        parts += [
            tag("line", x1=x, x2=x, y1=_TOP, y2=bottom, class_="grid"),
            tag("text", axis_text(value), x=x, y=bottom + 15, class_="tick middle"),
        ]
    return parts


def _point(name: str, value: float, scale: Scale, place: int, show: Figures) -> Markup:
    y = _TOP + _ROW * (place + 0.5)
    return tag(
        "g",
        tag("title", f"{name}: {show(value)}"),
        tag("text", name, x=_LEFT - 12, y=y + 4, class_="label end"),
        tag("circle", cx=scale(value), cy=y, r=5.5, class_=f"dot {'now' if place else 'ref'}"),
    )


def _step(name: str, start: float, step: Interval, scale: Scale, y: float, fall: float) -> Markup:
    left, right = sorted((scale(start), scale(step.value)))
    adds = (step.value - start) * fall >= 0
    share = percent(round((step.value - start) / fall, 2) + 0.0) if fall else ""
    parts = [
        tag("title", f"{name}: {share} of the change"),
        tag("text", name, x=_LEFT - 12, y=y + 4, class_="label end"),
        tag("line", x1=scale(start), x2=scale(start), y1=y - _ROW, y2=y, class_="through"),
        tag("rect", x=left, y=y - 7, width=max(right - left, 1.5), height=14,
            class_="step adds" if adds else "step takes"),
    ]  # fmt: skip
    ends = _reach(step, fall)[1:]
    if len(ends) == 2:  # noqa: PLR2004 - both bounds are known
        parts.append(tag("line", x1=scale(ends[0]), x2=scale(ends[1]), y1=y, y2=y, class_="error"))
    if share:
        parts.append(tag("text", share, x=scale.end + _RIGHT, y=y + 4, class_="tick end"))
    return tag("g", *parts)


def features_of(report: CheckReport) -> list[Mapping[str, Any]]:
    """Return the features that get a bar: those of the highest priority, or that carry a loss."""
    features = (report.diagnosis or {}).get("features") or ()
    telling = [f for f in features if known(f.get("priority")) or known(f.get("loss"))]
    return telling[:SHOWN]


def priorities(report: CheckReport, *, width: float) -> Markup | None:
    """Draw drift x importance as bars, the highest first, and what each feature's move costs.

    Args:
        report: a check with a diagnosis.
        width: in pixels, of the whole drawing.

    Returns:
        The drawing, or None where nothing that matters to the model moved at all.
    """
    shown = features_of(report)
    if not shown:
        return None
    costs = any(known(f.get("loss")) is not None for f in shown)
    columns = 64.0 * costs + (118.0 if width > _NARROW else 0.0)
    right, top = width - columns - 8.0, _TOP + 8.0
    largest = max(known(f.get("priority")) or 0.0 for f in shown) or 1.0
    parts = [
        _bar(feature, top + _BAR * place, right, largest, width, costs=costs)
        for place, feature in enumerate(shown)
    ]
    if width > _NARROW:
        words = "drift \N{MULTIPLICATION SIGN} importance"
        parts.append(tag("text", words, x=right + 8, y=_TOP, class_="tick"))
    if costs:
        parts.append(tag("text", "of the fall", x=width, y=_TOP, class_="tick end"))
    return tag(
        "svg",
        *parts,
        viewBox=f"0 0 {width:g} {top + _BAR * len(shown) + 8:g}",
        role="img",
        aria_label="drift times importance of each feature",
    )


def _bar(
    feature: Mapping[str, Any], y: float, right: float, largest: float, width: float, *, costs: bool
) -> Markup:
    name = str(feature["feature"])
    drift, worth = known(feature.get("drift")), known(feature.get("importance"))
    loss, size = known(feature.get("loss")), known(feature.get("priority")) or 0.0
    factors = f"{0.0 if drift is None else drift:.2f} \N{MULTIPLICATION SIGN} {percent(worth)}"
    told = f"{name}: drift {factors.split(maxsplit=1)[0]}, importance {percent(worth)}"
    if loss is not None:
        told += f", its move costs {percent(loss)} of the fall"
    alarm = " bad" if feature.get("alarm") else ""
    parts = [
        tag("title", told),
        tag("text", shorten(name, 20), x=_LEFT - 12, y=y + 15, class_="label end"),
        tag("rect", x=_LEFT, y=y + 3, width=max((right - _LEFT) * size / largest, 1.5), height=11,
            class_=f"worth{alarm}"),
    ]  # fmt: skip
    if width > _NARROW:
        parts.append(tag("text", factors, x=right + 8, y=y + 15, class_="tick"))
    if costs:
        share = min(max(loss or 0.0, 0.0), 1.0)
        parts += [
            tag("rect", x=_LEFT, y=y + 15, width=(right - _LEFT) * share, height=4, class_="cost"),
            tag("text", percent(loss), x=width, y=y + 15, class_="tick end"),
        ]
    return tag("g", *parts)
