"""The chi-squared test of two samples of categories."""

import numpy as np
from scipy.special import chdtrc

from factory.detectors.finding import NOTHING, Finding
from factory.nouns import Floats
from factory.profile import Categories

ENOUGH = 5.0
"""Rows that a cell is expected to hold at least; rarer categories share one."""


def chi2(reference: Categories, window: Categories, deff: float = 1.0) -> Finding:
    """Compare the shares of categories.

    Categories of which either sample should hold fewer than 5 rows, if both had the same
    shares, are pooled into one cell; if that cell is still too small, it joins the next rarest.
    The effect is the total variation distance over the cells: the share of rows that would
    have to change category.

    Args:
        reference: the reference's categories.
        window: the window's categories.
        deff: design effect: for how many dependent rows there is one independent row.

    Source:
        Pearson, On the criterion that a given system of deviations ... can be reasonably
        supposed to have arisen from random sampling (1900); on the pooled counts it equals
        ``scipy.stats.chi2_contingency(correction=False)``. Rao and Scott, The analysis of
        categorical data from complex sample surveys (1981), for the design effect.

    >>> even = Categories.of(np.array(["a", "b"] * 50, dtype=object))
    >>> one = Categories.of(np.array(["a"] * 100, dtype=object))
    >>> chi2(even, one).effect
    0.5
    """
    table = pooled(counts(reference, window))
    rows = table.sum(axis=1)
    if rows.min() == 0:
        return NOTHING
    expected = rows[:, None] * table.sum(axis=0) / rows.sum()
    statistic = float(((table - expected) ** 2 / expected).sum())
    shares = table / rows[:, None]
    effect = float(np.abs(shares[0] - shares[1]).sum() / 2)
    freedom = table.shape[1] - 1
    p_value = float(chdtrc(freedom, statistic / deff)) if freedom else 1.0
    return Finding(statistic, p_value, min(effect, 1.0))


def counts(reference: Categories, window: Categories) -> Floats:
    """Return rows per category of either sample, shape (2, categories).

    >>> a = Categories.of(np.array(["a", "a"], dtype=object))
    >>> counts(a, Categories.of(np.array(["b"], dtype=object))).tolist()
    [[2.0, 0.0], [0.0, 1.0]]
    """
    before, now = reference.counts, window.counts
    new = {name: count for name, count in now.items() if name not in before}
    rows = [*before.values(), *[0] * len(new)], [*(now.get(n, 0) for n in before), *new.values()]
    return np.array(rows, dtype=np.float64).reshape(2, -1)


def pooled(table: Floats) -> Floats:
    """Return the table with its rare columns in one, which comes last.

    Args:
        table: counts, shape (2, categories).

    >>> pooled(np.array([[50.0, 1.0, 9.0], [50.0, 2.0, 9.0]])).tolist()
    [[50.0, 10.0], [50.0, 11.0]]
    """
    total = table.sum(axis=0)
    order = np.argsort(-total, kind="stable")
    table, total = table[:, order], total[order]
    least = float(table.sum(axis=1).min()) / max(float(total.sum()), 1.0)
    rare = total * least < ENOUGH
    kept = int((~rare).sum())
    if rare.any() and kept and total[kept:].sum() * least < ENOUGH:
        kept -= 1
    return np.column_stack([table[:, :kept], table[:, kept:].sum(axis=1)])[:, : kept + rare.any()]
