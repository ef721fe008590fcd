"""Labels needed: how many labelled rows would show a fall that no estimate can see."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from factory.calibrate import dependence
from factory.metrics import Metric, encode
from factory.nouns import Outputs
from factory.power import POWER_Z
from factory.scorers import ROW_LOSSES, score

GROUPS = 20
"""Groups of rows that are left out one by one."""
ROWS = 5_000
"""Rows on which a metric that is no mean is computed."""
FEWEST = 10
"""Fewer labelled rows are never said to be enough."""


def labels_needed(
    metric: Metric, y: NDArray[Any], outputs: Outputs, *, tolerance: float, level: float
) -> int | None:
    """Return how many labelled rows would show a fall of the metric in four of five windows.

    The fall is shown where it is significant beside the reference rows, whose own number sets
    a bound to that. A row's part in the metric's variance is taken from them: of a mean over
    rows it is known, of other metrics it is the jackknife's.

    Args:
        metric: the champion's.
        y: true values of the reference rows, in time order where there is one, shape (m,).
        outputs: the champion's on them, shape (m,) or (m, k).
        tolerance: the fall, relative to the metric on these rows.
        level: chance of an alarm where the metric is no worse.

    Returns:
        None where no number would do, because the reference is too small itself, and where the
        metric is 0, undefined, or the same whichever rows are left out.

    Source:
        Cohen, Statistical Power Analysis for the Behavioral Sciences (1988).

    >>> metric = Metric("accuracy", True, "binary", ("no", "yes"))
    >>> y = np.array(["yes", "yes", "yes", "no"] * 5000, dtype=object)
    >>> said = np.tile([0.3, 0.7], (20_000, 1))
    >>> labels_needed(metric, y, said, tolerance=0.05, level=0.025)
    1213
    >>> labels_needed(metric, y[:400], said[:400], tolerance=0.05, level=0.025)
    """
    value = metric.value(y, outputs)
    reach = tolerance * abs(value) / (POWER_Z - float(ndtri(level)))
    if not (np.isfinite(reach) and reach > 0):
        return None
    variance = _row_variance(metric, y, outputs)
    if metric.name == "accuracy":
        # Without an error there is no spread, but after the fall there is.
        fallen = value * (1 - tolerance)
        variance = max(variance, fallen * (1 - fallen))
    left = reach**2 - variance / len(y)
    if not np.isfinite(variance) or variance == 0 or left <= 0:
        return None
    return max(FEWEST, int(np.ceil(variance / left)))


def _row_variance(metric: Metric, y: NDArray[Any], outputs: Outputs) -> float:
    """Return the metric's variance on n rows, times n."""
    truth = encode(metric.classes, y, outputs)
    if metric.name in ROW_LOSSES:
        losses = ROW_LOSSES[metric.name](truth, outputs)
        mean = losses.mean()
        variance = float(losses.var())
        if metric.ordered:
            variance *= dependence(losses - mean)
        if metric.name.startswith("root_"):
            # The root of a mean varies as the mean does, over twice the root.
            variance /= 4 * mean
        return variance
    few = np.linspace(0, len(truth) - 1, min(len(truth), ROWS)).astype(int)
    if metric.ordered:
        # Rows that are not neighbours would not tell what neighbours share.
        few = np.arange(len(truth))[-ROWS:]
    truth, outputs = truth[few], outputs[few]
    groups = np.arange(len(few)) * GROUPS // len(few)
    if not metric.ordered:
        groups = np.arange(len(few)) % GROUPS
    without = [score(metric.name, truth[groups != g], outputs[groups != g]) for g in range(GROUPS)]
    return len(few) * (GROUPS - 1) * float(np.var(without))
