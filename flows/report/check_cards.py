"""Both distributions of a feature, drawn over each other: the reference, and the window."""

from typing import Any

import numpy as np

from flows.report.check import CheckReport, signals_of
from flows.report.check_figures import percent
from flows.report.check_shapes import Numeric, Shape, Shares
from flows.report.markup import Markup, tag
from flows.report.plot import shorten

SPIKE = 2.5
"""Bars taller than so many times the reference's tallest are cut off."""
PLAIN = (1e-4, 1e7)
"""Sizes of numbers that are written without an exponent."""
WHOLE = 1_000
"""Numbers from here on are written without decimals."""
_WIDTH, _TALL, _BAR = 320.0, 96.0, 30.0


def shape_cards(report: CheckReport) -> Markup:
    """Draw both distributions of the features that moved most."""
    cards = []
    for name, shape in report.shapes.items():
        signals = [s for s in signals_of(report.told) if str(s["feature"]) == name]
        alarm = any(s.get("alarm") for s in signals)
        cards.append(shape_card(name, shape, alarm=alarm))
    return tag("div", *cards, class_="cards") if cards else Markup()


def shape_card(name: str, shape: Shape, *notes: Markup, alarm: bool) -> Markup:
    """Draw one feature's distributions on a card, with notes below."""
    pill = [tag("span", "alarm", class_="pill bad")] if alarm else []
    head = tag("figcaption", tag("strong", tag("bdi", name)), *pill)
    drawing: list[str] = []
    match shape:
        case Numeric():
            drawing = [_histogram(shape)] if shape.shares.any() else []
        case Shares():
            drawing = [_pairs(shape)] if shape.names else []
    if not drawing:
        drawing = [tag("p", "There is no distribution to draw.", class_="muted")]
    words = _notes(shape)
    below = [tag("p", words, class_="muted")] if words else []
    return tag("figure", head, *drawing, *below, *notes)


def _notes(shape: Shape) -> str:
    before, now = shape.missing
    notes = []
    if isinstance(shape, Numeric) and not np.isnan(shape.quantiles[:, 2]).any():
        middle = [_plain_number(v) for v in shape.quantiles[:, 2]]
        notes.append(f"median {middle[0]} \N{RIGHTWARDS ARROW} {middle[1]}")
    if before or now:
        notes.append(f"missing {percent(before)} \N{RIGHTWARDS ARROW} {percent(now)}")
    if isinstance(shape, Numeric) and any(shape.infinite):
        first, second = map(percent, shape.infinite)
        notes.append(f"infinite {first} \N{RIGHTWARDS ARROW} {second}")
    if not shape.rows[1]:
        notes.append("the window has no rows")
    return " \N{MIDDLE DOT} ".join(notes)


def _plain_number(value: float) -> str:
    size = abs(value)
    if size and not PLAIN[0] <= size < PLAIN[1]:
        return f"{value:.3g}"
    return f"{float(f'{value:.3g}') if size < WHOLE else round(value):,.10g}".replace(
        "-", "\N{MINUS SIGN}"
    )


def _histogram(shape: Numeric) -> Markup:
    count = shape.shares.shape[1]
    step = (_WIDTH - 4) / count
    # A window of a few rows, or a placeholder, must not flatten what is usual.
    usual, most = float(shape.shares[0].max()), float(shape.shares.max())
    top = min(most, SPIKE * usual) if usual else most
    parts = []
    for side, kind in ((0, "ref"), (1, "now")):
        if shape.shares[side].any():
            parts.append(_outline(shape.shares[side] / top, step, kind))
    parts.append(tag("line", x1=0, x2=_WIDTH, y1=_TALL, y2=_TALL, class_="axis"))
    parts += _value_ticks(shape, step)
    height = _TALL + 18
    if not shape.few:
        parts += [_spread(shape, side, _TALL + 26 + 9 * side) for side in (0, 1)]
        height = _TALL + 42
    return tag(
        "svg",
        *parts,
        viewBox=f"0 0 {_WIDTH:g} {height:g}",
        role="img",
        aria_label="distribution in the reference and in the window",
    )


def _outline(heights: Any, step: float, kind: str) -> Markup:
    words = [f"M2 {_TALL:g}"]
    for i, tall in enumerate(heights):
        y = _TALL - (_TALL - 6) * min(1.0, float(tall))
        words.append(f"V{y:.1f}H{2 + step * (i + 1):.1f}")
    words.append(f"V{_TALL:g}")
    return tag("path", d="".join(words) + ("Z" if kind == "ref" else ""), class_=f"area {kind}")


def _place(shape: Numeric, value: float) -> float:
    low, high = float(shape.edges[0]), float(shape.edges[-1])
    share = (value / 2 - low / 2) / (high / 2 - low / 2) if high > low else 0.5
    return 2 + (_WIDTH - 4) * min(max(share, 0.0), 1.0)


def _value_ticks(shape: Numeric, step: float) -> list[Markup]:
    y = _TALL + 14
    if shape.few:
        every = -(-len(shape.edges) * 44 // int(_WIDTH))
        return [
            tag(
                "text",
                shorten(_plain_number(float(v)), 9),
                x=2 + step * (i + 0.5),
                y=y,
                class_="tick middle",
            )
            for i, v in enumerate(shape.edges)
            if i % every == 0
        ]
    low, high = float(shape.edges[0]), float(shape.edges[-1])
    ends = [(0.0, low, "tick"), (_WIDTH, high, "tick end")]
    middle = low / 2 + high / 2
    words = [tag("text", _plain_number(v), x=x, y=y, class_=kind) for x, v, kind in ends]
    words.append(tag("text", _plain_number(middle), x=_WIDTH / 2, y=y, class_="tick middle"))
    return words


def _spread(shape: Numeric, side: int, y: float) -> Markup:
    """Draw a side's quantiles: 5 to 95 % thin, 25 to 75 % thick, the median as a dot."""
    if np.isnan(shape.quantiles[side]).any():
        return Markup()
    x = [_place(shape, float(q)) for q in shape.quantiles[side]]
    kind = ("ref", "now")[side]
    values = ", ".join(_plain_number(float(q)) for q in shape.quantiles[side])
    title = tag("title", f"{('reference', 'window')[side]}: 5, 25, 50, 75 and 95 % at {values}")
    return tag(
        "g",
        title,
        tag("line", x1=x[0], x2=x[4], y1=y, y2=y, class_=f"thin {kind}"),
        tag("line", x1=x[1], x2=x[3], y1=y, y2=y, class_=f"thick {kind}"),
        tag("circle", cx=x[2], cy=y, r=3.5, class_=f"dot {kind}"),
    )


def _pairs(shape: Shares) -> Markup:
    rows = [
        (name, float(shape.shares[0, i]), float(shape.shares[1, i]))
        for i, name in enumerate(shape.names)
    ]
    if shape.others:
        rows.append((f"{shape.others:,} others", *shape.other_shares))
    top = max(max(before, now) for _, before, now in rows) or 1.0
    left, right = 104.0, 92.0
    room = _WIDTH - left - right
    parts = []
    for i, (name, before, now) in enumerate(rows):
        y = _BAR * i
        told = f"{percent(before)} \N{RIGHTWARDS ARROW} {percent(now)}"
        parts.append(
            tag(
                "g",
                tag("title", f"{name}: {told}"),
                tag("text", shorten(name, 14), x=left - 8, y=y + 17, class_="label end"),
                tag(
                    "rect", x=left, y=y + 4, width=room * before / top, height=8, class_="area ref"
                ),
                tag("rect", x=left, y=y + 14, width=room * now / top, height=8, class_="bars now"),
                tag("text", told, x=_WIDTH, y=y + 17, class_="tick end"),
            )
        )
    return tag(
        "svg",
        *parts,
        viewBox=f"0 0 {_WIDTH:g} {_BAR * len(rows):g}",
        role="img",
        aria_label="shares of the categories in the reference and in the window",
    )
