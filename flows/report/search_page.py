"""One page on a search: its history, what mattered, and whether the model is too small or large."""

import math
from collections.abc import Mapping, Sequence
from itertools import accumulate

from flows.report.document import document
from flows.report.markup import Markup, tag
from flows.report.plot import Scale, scale_for, shorten, tick_text, ticks
from training.curves import Curves, Point
from training.objective import TrialRecord

_WIDTH, _HEIGHT = 520.0, 260.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 70.0, 12.0, 14.0, 34.0
_DECADES = 1.5
"""Orders of magnitude from which on an axis is logarithmic."""
_GOOD = 4
"""The best of so many trials are drawn in colour."""


def search_page(
    model: str, metric: str, *, greater: bool, trials: Sequence[TrialRecord], curves: Curves
) -> str:
    """Return the page as HTML that stands alone.

    Args:
        model: its name.
        metric: its name.
        greater: whether more of it is better.
        trials: of the search, in order.
        curves: see ``training.curves``.
    """
    told = [t for t in trials if t.score is not None and math.isfinite(t.score)]
    best = _best(told, greater=greater)
    dial = curves.dial
    plots = [
        _section("History", f"{metric} of each trial; the line is the best so far, pruned trials "
                 "are hollow.", _history(told, greater=greater)),
        _section("Importance of hyperparameters", "Share of the scores' variance that each "
                 "explains, in the best family.", _bars(curves.importance)),
        _section("Parallel coordinates", "The best family's trials, the best quarter in colour.",
                 _threads(told, best, greater=greater)),
        _section("Learning curve", f"{metric} by rows fitted on: held-out rows as a line, the "
                 "fitted ones dashed.", _curve(curves.learning, "rows")),
        _section(f"Capacity: {dial}", f"{metric} by {dial}: held-out rows as a line, the fitted "
                 "ones dashed. Far apart is overfitted, both poor is underfitted.",
                 _curve(curves.capacity, dial)),
    ]  # fmt: skip
    count = f"{len(trials)} trials, {sum(t.state == 'pruned' for t in trials)} pruned, "
    verdict = count + f"{sum(t.state == 'failed' for t in trials)} failed."
    if best is not None and best.score is not None:
        verdict = f"{best.family} reached {best.score:.5g} in trial {best.number}. {verdict}"
    head = (tag("h1", f"The search of {model}"), tag("p", verdict, class_="verdict"))
    drawn = (plot for plot in plots if plot is not None)
    return document(f"Search of {model}", (*head, tag("div", *drawn, class_="plots")), "search")


def _best(trials: Sequence[TrialRecord], *, greater: bool) -> TrialRecord | None:
    whole = [t for t in trials if t.state == "complete"]
    sign = -1.0 if greater else 1.0
    return min(whole, key=lambda trial: sign * (trial.score or 0.0), default=None)


def _section(title: str, words: str, plot: Markup | None) -> Markup | None:
    if plot is None:
        return None
    return tag("section", tag("h2", title), tag("p", words, class_="muted"), plot)


def _history(trials: Sequence[TrialRecord], *, greater: bool) -> Markup | None:
    if not trials:
        return None
    y = _vertical([t.score for t in trials if t.score is not None])
    x = scale_for([float(t.number) for t in trials], _LEFT, _WIDTH - _RIGHT)
    whole = [t for t in trials if t.state == "complete"]
    pick = max if greater else min
    best = list(accumulate((t.score or 0.0 for t in whole), pick))
    steps = [(x(float(t.number)), y(value)) for t, value in zip(whole, best, strict=True)]
    dots = [
        tag(
            "circle",
            tag("title", f"trial {t.number}: {t.family} {t.score:.5g} {t.state}"),
            cx=x(float(t.number)),
            cy=y(t.score or 0.0),
            r=3.5,
            class_=f"trial {t.state}",
        )
        for t in trials
    ]
    return _svg("score of each trial", *_axes(x, y, "trial"), _line(steps, "line"), *dots)


def _bars(told: Mapping[str, float]) -> Markup | None:
    if not told:
        return None
    left, step = 150.0, 26.0
    x = Scale(0.0, max(told.values()) or 1.0, left, _WIDTH - 60)
    rows = []
    for place, (name, value) in enumerate(told.items()):
        y = _TOP + step * place
        rows.append(tag("text", shorten(name, 20), x=left - 8, y=y + 13, class_="tick end"))
        rows.append(tag("rect", x=left, y=y, width=x(value) - left, height=16, class_="bar"))
        rows.append(tag("text", f"{value:.0%}", x=x(value) + 6, y=y + 13, class_="tick"))
    return _svg("importance", *rows, height=_TOP + step * len(told))


def _threads(
    trials: Sequence[TrialRecord], best: TrialRecord | None, *, greater: bool
) -> Markup | None:
    if best is None:
        return None
    told = [t for t in trials if t.family == best.family]
    names = [n for n in best.params if len({str(t.params.get(n)) for t in told}) > 1]
    if len(told) < 2 or not names:  # noqa: PLR2004 - one trial is no comparison
        return None
    ranked = sorted(told, key=lambda t: (t.score or 0.0) * (-1 if greater else 1))
    good = {t.number for t in ranked[: max(1, len(ranked) // _GOOD)]}
    places = [_LEFT + (_WIDTH - _LEFT - 40) * i / max(1, len(names)) for i in range(len(names) + 1)]
    columns = [_positions([t.params.get(name) for t in told]) for name in names]
    columns.append(_positions([t.score for t in told]))
    threads = [
        _line(
            [(places[i], columns[i][row]) for i in range(len(places))],
            "line thread good" if t.number in good else "line thread",
        )
        for row, t in sorted(enumerate(told), key=lambda one: one[1].number in good)
    ]
    axes = [
        part
        for place, name in zip(places, [*names, "score"], strict=True)
        for part in (
            tag("line", x1=place, x2=place, y1=_TOP, y2=_HEIGHT - _BOTTOM, class_="axis"),
            tag("text", shorten(name, 14), x=place, y=_HEIGHT - 12, class_="tick middle"),
        )
    ]
    return _svg("hyperparameters of each trial", *axes, *threads)


def _positions(values: Sequence[object]) -> list[float]:
    """Return a pixel per value: numbers by size or magnitude, others by name."""
    numbers = [v for v in values if isinstance(v, int | float) and not isinstance(v, bool)]
    if len(numbers) == len(values):
        logs = _wide(numbers)
        told = [math.log10(v) if logs else float(v) for v in numbers]
    else:
        names = sorted({str(v) for v in values})
        told = [float(names.index(str(v))) for v in values]
    scale = scale_for(told, _HEIGHT - _BOTTOM, _TOP)
    return [scale(value) for value in told]


def _curve(points: Sequence[Point], name: str) -> Markup | None:
    if len(points) < 2:  # noqa: PLR2004 - a point is no curve
        return None
    logs = _wide([p.at for p in points])
    at = [math.log10(p.at) if logs else p.at for p in points]
    x = scale_for(at, _LEFT, _WIDTH - _RIGHT)
    y = _vertical([value for p in points for value in (p.train, p.validation)])
    held = [(x(a), y(p.validation)) for a, p in zip(at, points, strict=True)]
    fitted = [(x(a), y(p.train)) for a, p in zip(at, points, strict=True)]
    labels = [
        tag("text", f"{p.at:.4g}", x=x(a), y=_HEIGHT - 16, class_="tick middle")
        for a, p in zip(at, points, strict=True)
    ]
    return _svg(
        f"score by {name}",
        *_levels(y),
        *labels,
        tag("text", name, x=_WIDTH - _RIGHT, y=_HEIGHT - 2, class_="tick end"),
        _line(fitted, "line train"),
        _line(held, "line"),
    )


def _wide(values: Sequence[float]) -> bool:
    return min(values) > 0 and math.log10(max(values) / min(values)) >= _DECADES


def _vertical(values: Sequence[float]) -> Scale:
    return scale_for(values, _HEIGHT - _BOTTOM, _TOP)


def _axes(x: Scale, y: Scale, name: str) -> list[Markup]:
    marks = [
        tag("text", tick_text(v), x=x(v), y=_HEIGHT - 16, class_="tick middle")
        for v in ticks(x, 6)
        if v == round(v)
    ]
    return [*_levels(y), *marks, tag("text", name, x=_WIDTH - _RIGHT, y=_HEIGHT - 2,
                                     class_="tick end")]  # fmt: skip


def _levels(y: Scale) -> list[Markup]:
    drawn = []
    for value in ticks(y, 5):
        at = y(value)
        drawn.append(tag("line", x1=_LEFT, x2=_WIDTH - _RIGHT, y1=at, y2=at, class_="axis"))
        drawn.append(tag("text", tick_text(value), x=_LEFT - 8, y=at + 4, class_="tick end"))
    return drawn


def _line(points: Sequence[tuple[float, float]], kind: str) -> Markup:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return tag("polyline", points=path, class_=kind)


def _svg(words: str, *parts: str, height: float = _HEIGHT) -> Markup:
    return tag("svg", *parts, viewBox=f"0 0 {_WIDTH:g} {height:g}", role="img", aria_label=words)
