"""The alarm budget: how sure a check must be, so that false alarms stay as rare as was asked for.

A check makes many tests, and they depend on each other: features are correlated, and rows that
are near in time resemble each other. Both are learnt from the reference's own rows.

* How many *independent* tests its tests amount to, from the smallest p-values of windows drawn
  from the reference at random.
* By how much chunks of the reference in time order differ more than random ones would: the
  *design effect* of each test, for chunks of many sizes. A window of n rows is then worth n
  divided by it. What differs from chunk to chunk however long they are grows with the rows, so
  that a large window does not alarm on what is usual, and a small one does not go blind.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from factory.nulls import Column, design_effects, independence

DRAWN_FROM = 10_000
"""Rows that random windows are drawn from, at most."""
SMALLEST, CHUNKS = 25, 8
"""Rows of the smallest chunks, and number of the largest ones."""


@dataclass(frozen=True)
class AlarmBudget:
    """What the reference's own rows say of false alarms.

    Attributes:
        independent: independent tests per test.
        sizes: rows of the chunks whose design effects are known, ascending; empty where the rows
            have no order.
        effects: per test, named ``kind:feature``, the design effect at each size.
        joint: that of the joint test, at the largest size.
        behaviour: that of the test of the champion's behaviour, likewise.
    """

    independent: float = 1.0
    sizes: tuple[int, ...] = ()
    effects: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    joint: float = 1.0
    behaviour: float = 1.0

    def threshold(self, false_alarms: float, tests: int) -> float:
        """Return the p-value below which a test alarms.

        Args:
            false_alarms: share of windows without drift in which any of the tests may alarm.
            tests: how many there are.

        Source:
            Sidak, Rectangular confidence regions for the means of multivariate normal
            distributions (1967), for an effective number of tests.

        >>> round(AlarmBudget().threshold(0.05, 10), 5), AlarmBudget().threshold(0.05, 0)
        (0.00512, 0.05)
        """
        effective = max(1.0, self.independent * tests)
        return float(-np.expm1(np.log1p(-false_alarms) / effective))

    def deff(self, test: str, rows: int, reference: int) -> float:
        """Return the design effect of a comparison of that many rows with the reference's.

        Args:
            test: its name, ``kind:feature``.
            rows: of the window.
            reference: rows of the reference.

        >>> usual = AlarmBudget(sizes=(25, 50), effects={"number:a": (1.0, 3.0)})
        >>> usual.deff("number:b", 50, 400), round(usual.deff("number:a", 50, 400), 9)
        (1.0, 3.0)
        >>> usual.deff("number:a", 500, 400) > 10
        True
        """
        known = self.effects.get(test)
        if known is None or min(rows, reference) == 0:
            return 1.0
        return self._pair(known, rows, reference)

    def joint_deff(self, rows: int, reference: int) -> float:
        """Return the design effect of the joint test; as ``deff``."""
        return self._together(self.joint, rows, reference)

    def behaviour_deff(self, rows: int, reference: int) -> float:
        """Return the design effect of the test of the champion's behaviour; as ``deff``."""
        return self._together(self.behaviour, rows, reference)

    def _together(self, largest: float, rows: int, reference: int) -> float:
        if largest <= 1 or min(rows, reference) == 0:
            return 1.0
        return self._pair((1.0,) * (len(self.sizes) - 1) + (largest,), rows, reference)

    def _pair(self, known: tuple[float, ...], rows: int, reference: int) -> float:
        largest, highest = self.sizes[-1], known[-1]
        here = float(np.interp(np.log(rows), np.log(self.sizes), known))
        if rows > largest:
            # What sets the largest chunks apart has not averaged out in them, and may never.
            here = 1 + (highest - 1) * rows / largest
        return (here / rows + highest / reference) / (1 / rows + 1 / reference)


def fit_budget(columns: Sequence[Column], *, ordered: bool, seed: int) -> AlarmBudget:
    """Learn from a reference how often its tests would alarm for nothing.

    Args:
        columns: what is tested, each of the same rows.
        ordered: whether the rows come in time order.
        seed: of the windows drawn.

    >>> from factory.nulls import Column
    >>> rng = np.random.default_rng(0)
    >>> same = [Column(f"number:{name}", rng.normal(size=2000), ranked=True) for name in "ab"]
    >>> twice = [same[0], *[Column(f"number:{i}", same[0].rows, ranked=True) for i in range(9)]]
    >>> apart, together = (fit_budget(c, ordered=False, seed=0) for c in (same, twice))
    >>> 0.8 < apart.independent < 1.2, together.independent < 0.2
    (True, True)
    """
    rng = np.random.default_rng(seed)
    columns = [column for column in columns if column.tells]
    rows = len(columns[0].rows) if columns else 0
    some = np.sort(rng.permutation(rows)[:DRAWN_FROM])
    independent = independence([column.take(some) for column in columns], rng)
    if not ordered or rows < CHUNKS * SMALLEST:
        return AlarmBudget(independent)
    count = int(np.log2(rows / (CHUNKS * SMALLEST))) + 1
    sizes = tuple(SMALLEST * 2**power for power in range(count))
    effects: dict[str, Sequence[float]] = {}
    for column in columns:
        found = design_effects(column, sizes, rng)
        # A test may look at several columns: it is as unsure as the worst of them.
        effects[column.test] = [*map(max, found, effects.get(column.test, found))]
    moved = {test: tuple(found) for test, found in effects.items() if max(found) > 1}
    return AlarmBudget(independent, sizes, moved)
