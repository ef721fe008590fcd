"""A backtest as people look at it: policies in their colours, and what they cost and missed."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from flows.report.check_figures import Figures, metric_words
from flows.report.history import ReportRow, known
from flows.report.markup import Markup, tag

OURS, BEST = "factory", "oracle"
_COLOURS = 7
"""Classes ``p0`` to ``p6`` of the style; further policies start again, dashed."""

_FAR = 3.0


@dataclass(frozen=True, slots=True)
class Line:
    """One policy.

    Attributes:
        name: as it was asked for.
        style: its classes in the style sheet.
        scores: one a window, None where it is not known.
        actions: as told, one for each window but the last.
        mean: of the scores.
        trainings: models that were fitted and served.
        fits: all different fits.
        seconds: processor seconds.
    """

    name: str
    style: str
    scores: tuple[float | None, ...]
    actions: tuple[Mapping[str, Any], ...]
    mean: float | None
    trainings: int
    fits: int
    seconds: float


@dataclass(frozen=True)
class BacktestReport:
    """What ``factory backtest --json`` tells, ready to be drawn."""

    told: Mapping[str, Any]

    @cached_property
    def lines(self) -> tuple[Line, ...]:
        """The policies, in the order asked for."""
        styles = _styles(self.told["policies"])
        return tuple(
            Line(
                name,
                styles[name],
                tuple(known(score) for score in one["by_window"]),
                tuple(one["actions"]),
                known(one["mean"]),
                one["trainings"],
                one["fits"],
                one["seconds"],
            )
            for name, one in self.told["policies"].items()
        )

    @cached_property
    def rows(self) -> tuple[ReportRow, ...]:
        """The windows, as plots label them."""
        return tuple(
            ReportRow(str(number), span["start"] or "", span["end"] or "", None, None, None, {})
            for number, span in enumerate(self.told["spans"], 1)
        )

    @property
    def metric(self) -> str:
        """The metric's name in words."""
        return metric_words(self.told["metric"])

    @property
    def greater(self) -> bool:
        """Whether higher scores are better."""
        return bool(self.told["greater_is_better"])

    @cached_property
    def show(self) -> Figures:
        """Writes scores, with a digit more than usual since policies are near each other."""
        scores = [score for line in self.lines for score in line.scores]
        return Figures(Figures.of(scores).decimals + 1)

    def line(self, name: str) -> Line | None:
        """Return a policy, if it played."""
        return next((line for line in self.lines if line.name == name), None)

    @cached_property
    def best(self) -> tuple[float | None, ...]:
        """What regret is measured against: the oracle's scores, else each window's best."""
        oracle = self.line(BEST)
        if oracle is not None:
            return oracle.scores
        choose = max if self.greater else min
        columns = zip(*(line.scores for line in self.lines), strict=True)
        return tuple(choose(_present(column), default=None) for column in columns)

    def regret(self, line: Line) -> tuple[float | None, ...]:
        """Return a policy's loss against the best, window by window, above 0 where it lost."""
        sign = 1.0 if self.greater else -1.0
        pairs = zip(line.scores, self.best, strict=True)
        return tuple(
            None if own is None or best is None else sign * (best - own) for own, best in pairs
        )

    def mean_regret(self, line: Line) -> float | None:
        """Return the mean of its regret."""
        lost = _present(self.regret(line))
        return sum(lost) / len(lost) if lost else None

    @cached_property
    def off_the_scale(self) -> tuple[Line, ...]:
        """The policy that never acts, where its regret would flatten that of all others."""
        totals = {line.name: abs(summed(self.regret(line))[-1]) for line in self.lines}
        others = max((v for name, v in totals.items() if name != "never"), default=math.inf)
        return tuple(
            line for line in self.lines if line.name == "never" and totals["never"] > _FAR * others
        )

    def better(self, one: float, other: float) -> bool:
        """Whether one score is better than another."""
        return one > other if self.greater else one < other


def summed(values: Iterable[float | None]) -> tuple[float, ...]:
    """Add up as the windows pass; what is not known adds nothing.

    >>> summed([1.0, None, 2.0])
    (1.0, 1.0, 3.0)
    """
    total, sums = 0.0, []
    for value in values:
        total += value or 0.0
        sums.append(total)
    return tuple(sums)


def frontier(points: Sequence[tuple[float, float]], *, greater: bool) -> list[int]:
    """Return which points nothing beats in both cost and score, cheapest first.

    Args:
        points: cost and score of each.
        greater: whether higher scores are better.

    >>> frontier([(0, 9.0), (4, 8.0), (5, 8.5), (9, 7.0)], greater=False)
    [0, 1, 3]
    """
    sign = -1.0 if greater else 1.0
    order = sorted(range(len(points)), key=lambda i: (points[i][0], sign * points[i][1]))
    kept, best = [], math.inf
    for number in order:
        if sign * points[number][1] < best:
            kept.append(number)
            best = sign * points[number][1]
    return kept


def key_of(line: Line) -> Markup:
    """Draw a policy's colour, for legends and tables."""
    return tag("i", class_=f"key policy {line.style}")


def _present(values: Iterable[float | None]) -> list[float]:
    return [value for value in values if value is not None]


def _styles(names: Iterable[str]) -> dict[str, str]:
    styles, others = {}, 0
    for name in names:
        if name in {OURS, BEST, "never"}:
            styles[name] = f"of-{name}"
            continue
        again = " again" if others >= _COLOURS else ""
        styles[name] = f"p{others % _COLOURS}{again}"
        others += 1
    return styles
