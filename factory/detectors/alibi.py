"""alibi-detect's detectors of single features, by name: ``alibi:KSDrift`` and its like.

The statistic is alibi-detect's. Its p-value takes every row for an independent one, so the same
test's law is applied to the statistic here, for as many rows as there are independent ones; where
that is all of them, it is alibi-detect's own to its digits. The effect is that of our detector of
the same test, so that ``minimum_effect`` means the same.

alibi-detect is under the Business Source License; it is optional, and imported when it is used.
"""

from importlib import import_module
from typing import Any

import numpy as np
from scipy.special import chdtrc
from scipy.stats import kstwo

from factory.detectors.chi2 import counts
from factory.detectors.cvm import FEWEST, _p_value
from factory.detectors.finding import NOTHING, Finding
from factory.errors import Unavailable
from factory.nouns import Floats
from factory.profile import Categories, Numbers


def alibi(name: str) -> Any:
    """Load one of alibi-detect's classes.

    Args:
        name: in ``alibi_detect.cd``.

    Raises:
        Unavailable: alibi-detect is not installed.

    >>> from importlib.util import find_spec
    >>> find_spec("alibi_detect") is None or alibi("KSDrift").__name__ == "KSDrift"
    True
    """
    try:
        return getattr(import_module("alibi_detect.cd"), name)
    except ImportError:
        raise Unavailable(
            f"alibi:{name} needs alibi-detect, which is not installed.",
            hint="pip install 'drift-factory[alibi]'",
        ) from None


def ks_drift(reference: Numbers, window: Numbers, deff: float = 1.0) -> Finding:
    """Compare numbers by alibi-detect's ``KSDrift``; the effect is the distance itself.

    Args:
        reference: the reference's values.
        window: the window's values.
        deff: design effect: for how many dependent rows there is one independent row.

    Source:
        Van Looveren et al., Alibi Detect (2019); Hodges, The significance probability of the
        Smirnov two-sample test (1958).

    >>> ks_drift(Numbers.of(np.array([1.0])), Numbers.of(np.array([])))
    Finding(statistic=0.0, p_value=1.0, effect=0.0)
    """
    n, m = reference.size, window.size
    if min(n, m) == 0:
        return NOTHING
    distance = _distance("KSDrift", _rows(reference), _rows(window))
    p_value = float(kstwo.sf(distance, max(1.0, np.round(n * m / (n + m) / deff))))
    return Finding(distance, p_value, distance)


def cvm_drift(reference: Numbers, window: Numbers, deff: float = 1.0) -> Finding:
    """Compare numbers by alibi-detect's ``CVMDrift``; the effect is our ``cvm``'s.

    Args:
        reference: the reference's values.
        window: the window's values.
        deff: design effect: for how many dependent rows there is one independent row.

    Source:
        Van Looveren et al., Alibi Detect (2019); Anderson, On the distribution of the two-sample
        Cramér-von Mises criterion (1962).

    >>> cvm_drift(Numbers.of(np.array([1.0])), Numbers.of(np.array([])))
    Finding(statistic=0.0, p_value=1.0, effect=0.0)
    """
    n, m = reference.size, window.size
    if min(n, m) < FEWEST:
        return NOTHING
    statistic = max(0.0, _distance("CVMDrift", _rows(reference), _rows(window)))
    effect = min(1.0, float(np.sqrt(3 * statistic * (n + m) / n / m)))
    return Finding(statistic, _p_value(statistic / deff, n, m), effect)


def chi_square_drift(reference: Categories, window: Categories, deff: float = 1.0) -> Finding:
    """Compare categories by alibi-detect's ``ChiSquareDrift``.

    No rare category is pooled, and the statistic of two categories is corrected for continuity,
    as alibi-detect does it. The effect is the total variation distance of the shares.

    Args:
        reference: the reference's categories.
        window: the window's categories.
        deff: design effect: for how many dependent rows there is one independent row.

    Source:
        Van Looveren et al., Alibi Detect (2019); Rao and Scott, The analysis of categorical data
        from complex sample surveys (1981), for the design effect.

    >>> chi_square_drift(Categories.of(np.array(["a"])), Categories.of(np.array([], dtype=object)))
    Finding(statistic=0.0, p_value=1.0, effect=0.0)
    """
    table = counts(reference, window)
    table = table[:, table.any(axis=0)]
    k = table.shape[1]
    if k == 0 or table.sum(axis=1).min() == 0:
        return NOTHING
    effect = float(np.abs(np.diff(table / table.sum(axis=1, keepdims=True), axis=0)).sum() / 2)
    if k == 1:
        return NOTHING
    before, now = (np.repeat(np.arange(k), side.astype(np.intp)) for side in table)
    known = {0: list(range(k))}
    statistic = _distance("ChiSquareDrift", before, now, categories_per_feature=known)
    return Finding(statistic, float(chdtrc(k - 1, statistic / deff)), min(effect, 1.0))


def _rows(side: Numbers) -> Floats:
    """Return a summary's values, each as often as it came."""
    return np.repeat(side.distinct, np.diff(side.upto(side.distinct), prepend=0))


def _distance(name: str, reference: Any, window: Any, **options: Any) -> float:
    found = alibi(name)(reference[:, None], **options).predict(window[:, None])
    return float(found["data"]["distance"][0])
