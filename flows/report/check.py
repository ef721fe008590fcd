"""What the page of one check is made of."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from flows.report.check_shapes import Shape
from flows.report.history import known
from flows.report.pictures import Strip

FEWEST_DRAWN, MOST_DRAWN = 3, 12
"""Features whose distributions are drawn: those that alarm within these bounds, the worst first."""
LARGEST = 1e100
"""Numbers beyond are shown as not known: no scale holds them."""
_UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class Interval:
    """A value between its bounds; a bound that is not known is None."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """One check of the model, as far as performance over time goes.

    Attributes:
        sha256: of the window.
        version: of the model that was checked.
        metric: the metric's name.
        start: the window's first moment, ISO; None where rows have none.
        at: when it was checked, ISO.
        rows: the window's.
        reference: what the metric was expected to be.
        realised: on the labelled rows.
        estimated: on all rows, without labels.
        alarm: whether performance alarmed.
        remedy: kind of what was decided; None where nothing was.
    """

    sha256: str
    version: int
    metric: str
    start: str | None
    at: str
    rows: int
    reference: float | None
    realised: Interval | None
    estimated: Interval | None
    alarm: bool
    remedy: str | None = None

    @property
    def moment(self) -> str:
        """What windows are ordered by."""
        return self.start or self.at


@dataclass(frozen=True, slots=True)
class CheckReport:
    """One check, ready to be shown.

    Attributes:
        told: what ``factory check --json`` prints; keys that are absent are not shown.
        at: when the window was checked, ISO.
        greater_is_better: whether higher values of the metric are better.
        tolerance: relative loss of it that is accepted.
        shapes: distributions of the features that are drawn, see ``drawn``.
        predictions: distributions of what the model said.
        labels: distributions of the target.
        seen: checks of this model, this one may be among them, in any order.
        decision: what ``factory run`` made of it; None where nothing was decided.
        diagnosis: why it looks so, as JSON; of a check without one, the features' priority alone.
        settings: how the check was made, as names and values.
        links: labels and addresses.
        pictures: rows of each feature that is an image, to be shown below each other.
    """

    told: Mapping[str, Any]
    at: str
    greater_is_better: bool
    tolerance: float
    shapes: Mapping[str, Shape] = field(default_factory=dict)
    predictions: Shape | None = None
    labels: Shape | None = None
    seen: tuple[Seen, ...] = ()
    decision: Mapping[str, Any] | None = None
    diagnosis: Mapping[str, Any] | None = None
    settings: tuple[tuple[str, str], ...] = ()
    links: tuple[tuple[str, str], ...] = ()
    pictures: Mapping[str, tuple[Strip, ...]] = field(default_factory=dict)


def interval_of(told: object) -> Interval | None:
    """Read ``{"value", "low", "high"}``, or a bare number; None where no value is known.

    >>> interval_of({"value": 2, "low": 1.0, "high": None}), interval_of({"value": None})
    (Interval(value=2.0, low=1.0, high=None), None)
    """
    parts = told if isinstance(told, Mapping) else {"value": told}
    value, low, high = (_drawable(parts.get(name)) for name in ("value", "low", "high"))
    return None if value is None else Interval(value, low, high)


def _drawable(value: object) -> float | None:
    number = known(value)
    return number if number is not None and abs(number) < LARGEST else None


def seen_of(told: Mapping[str, Any], at: str, remedy: str | None = None) -> Seen:
    """Keep of a check what performance over time needs."""
    window, performance = told["window"], told["performance"]
    return Seen(
        sha256=str(window["sha256"]),
        version=int(told["version"]),
        metric=str(performance["metric"]),
        start=window["start"],
        at=at,
        rows=int(window["rows"]),
        reference=_drawable(performance["reference"]),
        realised=interval_of(performance["realised"]),
        estimated=interval_of(performance["estimated"]),
        alarm=bool(performance["alarm"]),
        remedy=remedy,
    )


def signals_of(told: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the signals of all features, alarms first and the largest effect first."""
    found = (told.get("drift") or {}).get("features") or ()
    return sorted(found, key=lambda s: (not s.get("alarm"), -(known(s.get("effect")) or 0.0)))


def moved_of(told: Mapping[str, Any]) -> tuple[list[str], int]:
    """Return the features that alarm, the worst first, and how many there are in all.

    >>> moved_of({"drift": {"features": [{"feature": "a", "alarm": True}, {"feature": "b"}]}})
    (['a'], 2)
    """
    signals = signals_of(told)
    moved = dict.fromkeys(str(s["feature"]) for s in signals if s.get("alarm"))
    return list(moved), len({str(s["feature"]) for s in signals})


def drawn(told: Mapping[str, Any]) -> tuple[str, ...]:
    """Name the features whose distributions are worth drawing, the worst first.

    >>> quiet = [{"feature": n, "effect": e, "alarm": False} for n, e in zip("abcd", range(4))]
    >>> drawn({"drift": {"features": quiet}})
    ('d', 'c', 'b')
    """
    ordered = signals_of(told)
    alarmed = dict.fromkeys(str(s["feature"]) for s in ordered if s.get("alarm"))
    everyone = dict.fromkeys(str(s["feature"]) for s in ordered)
    return tuple(everyone)[: min(max(len(alarmed), FEWEST_DRAWN), MOST_DRAWN)]


def clean(value: Any) -> Any:
    """Copy nested values with what no page can hold, such as control characters, replaced.

    >>> clean({"a": ["b" + chr(0), 1]}) == {"a": ["b" + chr(0xFFFD), 1]}
    True
    """
    if isinstance(value, str):
        return _UNFIT.sub("\N{REPLACEMENT CHARACTER}", value)
    if isinstance(value, Mapping):
        return {clean(key): clean(item) for key, item in value.items()}
    if isinstance(value, Iterable):
        return [clean(item) for item in value]
    return value
