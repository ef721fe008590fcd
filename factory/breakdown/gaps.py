"""Gaps between groups: the differences and ratios of the field, with intervals for all pairs.

The largest gap of several groups is large by chance alone, the more so the more groups there
are. So an interval reaches as far as the farthest apart that any two groups' errors are: it
holds for all pairs of groups at once, and therefore for the largest gap.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from factory.breakdown.parts import Gap
from factory.nouns import Bools, Floats

FEWEST = 30
"""Rows that a group's rate must rest on to enter a gap."""
PAIR = 2
LOWER = frozenset({"false_positive_rate", "mean_absolute_error", "mean_error"})
"""Rates of which the least is best, or the nearest to 0."""
DIFFERENCES: Mapping[str, tuple[str, ...]] = {
    "demographic_parity_difference": ("selection_rate",),
    "equalized_odds_difference": ("true_positive_rate", "false_positive_rate"),
    "equal_opportunity_difference": ("true_positive_rate",),
    "predictive_parity_difference": ("precision",),
    "accuracy_difference": ("accuracy",),
    "mean_error_difference": ("mean_error",),
    "mean_absolute_error_difference": ("mean_absolute_error",),
}
"""By name, of which rates it is the largest difference between any two groups."""
RATIOS: Mapping[str, tuple[str, ...]] = {
    "demographic_parity_ratio": ("selection_rate",),
    "equalized_odds_ratio": ("true_positive_rate", "false_positive_rate"),
    "equal_opportunity_ratio": ("true_positive_rate",),
    "mean_absolute_error_ratio": ("mean_absolute_error",),
}
"""By name, of which rates it is the smallest ratio between any two groups."""


@dataclass(frozen=True)
class Compared:
    """One rate of all groups.

    Attributes:
        level: what it is, shape (groups,), NaN where there are no rows.
        rows: that it rests on, shape (groups,).
        drawn: on resamples, shape (resamples, groups).
        usual: on the reference, shape (groups,).
        apart: groups that are groups, not what is left over, shape (groups,).
    """

    level: Floats
    rows: Floats
    drawn: Floats
    usual: Floats
    apart: Bools

    @property
    def entering(self) -> Bools:
        """Groups that rest on enough rows, shape (groups,)."""
        return np.asarray(self.apart & (self.rows >= FEWEST) & np.isfinite(self.level))

    def reach(self, *, ratio: bool) -> Floats:
        """Return on each resample how far apart the errors of any two groups are."""
        some = self.entering
        if not ratio:
            errors = self.drawn[:, some] - self.level[some]
        else:
            # A rate is not told from 0 better than half a row does.
            least = 0.5 / self.rows[some]
            drawn, values = (
                np.maximum(self.drawn[:, some], least),
                np.maximum(self.level[some], least),
            )
            errors = np.log(drawn) - np.log(values)
        return np.asarray(np.nan_to_num(errors).max(axis=1) - np.nan_to_num(errors).min(axis=1))

    def ratio(self) -> float:
        """Return the smallest ratio of any two groups, none of them told from 0."""
        some = self.entering
        values = np.maximum(self.level[some], 0.5 / self.rows[some])
        return float(values.min() / values.max())


def gaps(rates: Mapping[str, Compared], confidence: float) -> dict[str, Gap]:
    """Return the gaps of which two groups or more have the rates.

    Args:
        rates: of all groups, by name.
        confidence: with which a gap's interval holds for all pairs of groups.

    Source:
        Hardt, Price and Srebro, Equality of opportunity in supervised learning (2016). The
        values equal fairlearn's where every group has enough rows.

    >>> rng = np.random.default_rng(0)
    >>> drawn = rng.normal([0.5, 0.4], 0.01, size=(500, 2))
    >>> both, rows = np.array([True, True]), np.array([900.0, 900.0])
    >>> rate = Compared(np.array([0.5, 0.4]), rows, drawn, np.array([0.5, 0.5]), both)
    >>> found = gaps({"selection_rate": rate}, 0.95)
    >>> {name: round(gap.value, 3) for name, gap in found.items()}
    {'demographic_parity_difference': 0.1, 'demographic_parity_ratio': 0.8}
    >>> 0.05 < found["demographic_parity_difference"].low < 0.1
    True
    """
    found = {}
    for title, names in (*DIFFERENCES.items(), *RATIOS.items()):
        some = [rates[name] for name in names if name in rates]
        if len(some) == len(names) and all(rate.entering.sum() >= PAIR for rate in some):
            gap = _ratio if title in RATIOS else _difference
            found[title] = gap(some, confidence)
    return {title: gap for title, gap in found.items() if gap is not None}


def gaps_to_best(rates: Mapping[str, Compared], confidence: float) -> list[dict[str, Gap]]:
    """Return for each group how far the best is ahead of it, by rate.

    The best has the highest rate or the least error; it is sought among the groups that rest on
    enough rows, and only those have a gap.
    """
    groups = len(next(iter(rates.values())).level)
    found: list[dict[str, Gap]] = [{} for _ in range(groups)]
    for name, rate in rates.items():
        some = rate.entering
        if some.sum() < PAIR:
            continue
        reach = float(np.quantile(rate.reach(ratio=False), confidence))
        worth = -np.abs(rate.level) if name in LOWER else rate.level
        best = worth[some].max()
        for group in np.flatnonzero(some):
            behind = float(best - worth[group])
            found[group][name] = Gap(behind, max(0.0, behind - reach), behind + reach)
    return found


def _difference(rates: Sequence[Compared], confidence: float) -> Gap | None:
    value = max(float(np.ptp(rate.level[rate.entering])) for rate in rates)
    reach = _quantile(rates, confidence, ratio=False)
    usual = [_usual(rate) for rate in rates]
    before = [float(np.ptp(side)) for side in usual if side is not None]
    reference = max(before) if len(before) == len(rates) else None
    return Gap(value, max(0.0, value - reach), value + reach, reference)


def _ratio(rates: Sequence[Compared], confidence: float) -> Gap | None:
    if any(rate.level[rate.entering].max() <= 0 for rate in rates):
        return None
    value = min(_least(rate.level[rate.entering]) for rate in rates)
    reach = _quantile(rates, confidence, ratio=True)
    told = min(rate.ratio() for rate in rates)
    usual = [_usual(rate) for rate in rates]
    before = [_least(side) for side in usual if side is not None and side.max() > 0]
    reference = min(before) if len(before) == len(rates) else None
    low, high = min(value, told * np.exp(-reach)), min(1.0, told * np.exp(reach))
    return Gap(value, float(low), float(max(high, value)), reference)


def _quantile(rates: Sequence[Compared], confidence: float, *, ratio: bool) -> float:
    reaches = np.max([rate.reach(ratio=ratio) for rate in rates], axis=0)
    return float(np.quantile(reaches, confidence))


def _usual(rate: Compared) -> Floats | None:
    usual = rate.usual[rate.entering]
    return usual if np.isfinite(usual).all() else None


def _least(values: Floats) -> float:
    return float(values.min() / values.max())
