"""The parts every plot shares: scales, ticks, labels of windows, and the marks of remedies."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from flows.report.history import ReportRow
from flows.report.markup import Markup, tag

_MARKS = {
    "keep": "M4 0A4 4 0 1 1-4 0 4 4 0 1 1 4 0Z",
    "adapt": "M6 0 3 5.2-3 5.2-6 0-3-5.2 3-5.2Z",
    "roll_back": "M-7 0 4.5-6.5V6.5Z",
    "drop_features": "M-5.2-5.2H5.2V5.2H-5.2Z",
    "retrain": "M0-7 6.5 4.8H-6.5Z",
    "fix_source": "M-2-6.5H2V-2H6.5V2H2V6.5H-2V2H-6.5V-2H-2Z",
    "ask_labels": "M0-7 7 0 0 7-7 0Z",
}


@dataclass(frozen=True, slots=True)
class Scale:
    """A straight line from values to pixels."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Return the pixel of a value."""
        share = (value - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)


def scale_for(
    values: Sequence[float], start: float, end: float, *, from_zero: bool = False
) -> Scale:
    """Fit a scale around values, with a little air; any finite values do, also none or one.

    Args:
        values: what must fit.
        start: pixel of the lowest.
        end: pixel of the highest.
        from_zero: begin at 0 where that does not flatten the values.

    >>> scale_for([2.0, 4.0], 0, 100, from_zero=True).low
    0.0
    """
    low, high = min(values, default=0.0), max(values, default=1.0)
    if from_zero and 0 <= low < 0.7 * high:
        return Scale(0.0, high * 1.08, start, end)
    air = 0.08 * (high - low) or 0.05 * abs(high) or 0.5
    return Scale(low - air, high + air, start, end)


def ticks(scale: Scale, most: int) -> list[float]:
    """Choose round values within a scale, ``most`` at most.

    >>> ticks(Scale(0, 33, 0, 1), 5)
    [0.0, 10.0, 20.0, 30.0]
    """
    rough = (scale.high - scale.low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(s * power for s in (1, 2, 5, 10) if s * power >= rough)
    first, last = math.ceil(scale.low / step), math.floor(scale.high / step)
    return [round(i * step, 10) for i in range(first, last + 1)]


def tick_text(value: float) -> str:
    """Write a tick's value without needless digits.

    >>> tick_text(0.25), tick_text(12000.0)
    ('0.25', '12,000')
    """
    return f"{value:,.6f}".rstrip("0").rstrip(".")


def short_date(row: ReportRow, number: int) -> str:
    """Label a window by its first day; by its number where that is no date."""
    try:
        first = date.fromisoformat(row.start[:10])
    except ValueError:
        return str(number)
    return f"{first.day} {first:%b}"


def window_labels(
    rows: Sequence[ReportRow], centres: Sequence[float], y: float, room: float = 50
) -> list[Markup]:
    """Label as many windows below a plot as there is room for."""
    step = (centres[1] - centres[0]) if len(centres) > 1 else room
    every = max(1, math.ceil(room / step))
    return [
        tag("text", short_date(rows[i], i + 1), x=centres[i], y=y, class_="tick middle")
        for i in range(0, len(rows), every)
    ]


def mark(kind: str, x: float, y: float) -> Markup:
    """Draw the mark of a remedy; an unknown kind gets the diamond."""
    known = kind if kind in _MARKS else "ask_labels"
    place = f"translate({x:.1f} {y:.1f})"
    return tag("path", d=_MARKS[known], transform=place, class_=f"mark {known}")


def mark_icon(kind: str) -> Markup:
    """Draw a remedy's mark on its own, for text and legends."""
    drawing = mark(kind, 0, 0)
    return tag("svg", drawing, viewBox="-8 -8 16 16", class_="icon", aria_hidden="true")


def shorten(text: str, most: int) -> str:
    """Cut a label to a length.

    >>> shorten("temperature", 6)
    'tempe…'
    """
    return text if len(text) <= most else f"{text[: most - 1]}…"
