"""Metrics that are a share of some rows: their falls have exact p-values, however few rows.

Precision is the share of hits among rows said to be positive, recall that among positive rows, and
F1 rises and falls with the share among rows that are either. How many those are is not all rows,
and where they are few or nearly all hits, neither the normal law nor resampling tells how far the
share strays by chance.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import hypergeom

from factory.breakdown.rates import Rate
from factory.calibrate import BINARY, dependence
from factory.metrics import Metric, encode
from factory.nouns import Outputs

FEWEST = 2
"""Rows that a share has to be of, to be compared."""


@dataclass(frozen=True)
class Compared:
    """Two samples' shares, compared as if they were drawn from the same rows.

    Attributes:
        p_value: chance that the second is as low by chance.
        error: standard error of the metric's difference.
        freedom: degrees of freedom of that.
    """

    p_value: float
    error: float
    freedom: float


def proportion(metric: Metric, y: NDArray[Any], outputs: Outputs) -> Rate | None:
    """Return the share that a metric is or follows, None where it is of another kind.

    Args:
        metric: any.
        y: true values, shape (n,).
        outputs: shape (n,) or (n, k).

    >>> metric = Metric("precision", True, "binary", ("no", "yes"))
    >>> said = np.array([[0.2, 0.8], [0.3, 0.7], [0.9, 0.1]])
    >>> rate = proportion(metric, np.array(["yes", "no", "yes"]), said)
    >>> rate.some.sum(), rate.of.sum()
    (1.0, 2.0)
    """
    if metric.name == "accuracy":
        right = outputs.argmax(axis=1) == encode(metric.classes, y, outputs)
        return Rate(right.astype(np.float64), np.ones(len(y)))
    if len(metric.classes) != BINARY:
        return None
    said, true = outputs.argmax(axis=1) == 1, encode(metric.classes, y, outputs) == 1
    of = {"precision": said, "recall": true, "f1": said | true, "jaccard": said | true}
    if metric.name not in of:
        return None
    return Rate((said & true).astype(np.float64), of[metric.name].astype(np.float64))


def compare(metric: Metric, before: Rate, now: Rate) -> Compared | None:
    """Test that a share is no lower now, by Fisher's exact test with the middle p-value.

    Rows in time order count for as many as there are independent ones.

    Args:
        metric: whose share it is.
        before: of the rows before.
        now: of the rows now.

    Returns:
        None where either is of fewer than two rows.

    Source:
        Lancaster, Significance tests in discrete distributions (1961), for the middle p-value;
        Rao and Scott, A simple method for the analysis of clustered binary data (1992), for
        dependent rows.

    >>> metric = Metric("recall", True, "binary", ("no", "yes"))
    >>> before, now = (Rate(np.repeat([1.0, 0.0], n), np.ones(20)) for n in ([18, 2], [3, 17]))
    >>> compare(metric, before, now).p_value < 1e-5
    True
    """
    if min(before.of.sum(), now.of.sum()) < FEWEST:
        return None
    share = (before.some.sum() + now.some.sum()) / (before.of.sum() + now.of.sum())
    (hits, rows), (hits_now, rows_now) = (
        _independent(rate, share, ordered=metric.ordered) for rate in (before, now)
    )
    law = hypergeom(rows + rows_now, hits + hits_now, rows_now)
    fewest = min(rows, rows_now)
    error = max(float(np.sqrt(share * (1 - share) * (1 / rows + 1 / rows_now))), 1 / fewest)
    if metric.name == "f1":
        # F1 is 2 s / (1 + s) of the share s.
        error *= 2 / (1 + share) ** 2
    p_value = float(law.cdf(hits_now) - law.pmf(hits_now) / 2)
    return Compared(min(max(p_value, 0.0), 1.0), error, float(fewest - 1))


def _independent(rate: Rate, share: float, *, ordered: bool) -> tuple[int, int]:
    """Return how many hits among how many independent rows say as much."""
    there = rate.of > 0
    inflation = dependence(rate.some[there] - share) if ordered else 1.0
    rows = max(FEWEST, round(float(there.sum()) / inflation))
    return round(rows * float(rate.some.sum() / there.sum())), rows
