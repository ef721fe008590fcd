"""How well a score tells strange rows from known ones, in the field's four figures."""

from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from factory.nouns import Bools, Floats

LEVEL = 0.95
"""Share of known rows that must count as known where false ones are counted."""


@dataclass(frozen=True, slots=True)
class Separation:
    """What belongs together: a detector that bought its figures with accuracy shows it here.

    Attributes:
        accuracy: of the model on known rows; NaN where it is not told.
        auroc: chance that a strange row scores above a known one, ties counting half.
        aupr_in: average precision with the known rows as what is looked for.
        aupr_out: the same with the strange rows.
        fpr95: share of strange rows taken for known where 95 % of the known rows are.
    """

    accuracy: float
    auroc: float
    aupr_in: float
    aupr_out: float
    fpr95: float


def separation(known: Floats, strange: Floats, *, accuracy: float = float("nan")) -> Separation:
    """Measure how well scores separate two sets of rows.

    Args:
        known: scores of rows like those that were learnt from, shape (n,); larger is stranger.
        strange: scores of others, shape (m,).
        accuracy: of the model on the known rows.

    Raises:
        ValueError: one of the sets is empty.

    Source:
        Hendrycks and Gimpel (2017); Davis and Goadrich, The relationship between
        precision-recall and ROC curves (2006).

    >>> found = separation(np.array([1.0, 2.0]), np.array([3.0, 1.5]), accuracy=1.0)
    >>> found.auroc, found.fpr95
    (0.75, 0.5)
    """
    n, m = len(known), len(strange)
    if min(n, m) == 0:
        message = f"{n} known and {m} strange rows cannot be told apart"
        raise ValueError(message)
    # What is not a number is stranger than any number.
    scores = np.nan_to_num(np.concatenate([known, strange]), nan=np.inf, posinf=np.inf)
    out = np.arange(n + m) >= n
    auroc = (rankdata(scores)[out].sum() - m * (m + 1) / 2) / (n * m)
    threshold = np.quantile(scores[~out], LEVEL, method="inverted_cdf")
    return Separation(
        accuracy=accuracy,
        auroc=float(auroc),
        aupr_in=_average_precision(-scores, ~out),
        aupr_out=_average_precision(scores, out),
        fpr95=float((scores[out] <= threshold).mean()),
    )


def _average_precision(scores: Floats, wanted: Bools) -> float:
    order = np.argsort(-scores, kind="stable")
    found = np.cumsum(wanted[order])
    # Rows of one score come all at once.
    last = np.append(scores[order][1:] != scores[order][:-1], True)
    precision = (found / np.arange(1, len(scores) + 1))[last]
    gained = np.diff(found[last], prepend=0) / wanted.sum()
    return float((precision * gained).sum())
