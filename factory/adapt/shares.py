"""Class shares of rows without labels, under label shift: P(y) moved and P(x|y) did not."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls
from scipy.stats import chi2, chi2_contingency

from factory.nouns import Floats, Outputs

STEPS, STILL = 2_000, 1e-7
"""Most steps of expectation and maximisation, and the change of a share below which they end."""
DRAWS = 100
"""Draws of the counts that tell how sure the estimate from confusion is."""
DISAGREE = 0.01
"""Chance of labels so far from the estimate below which the labels alone are believed."""
ENOUGH = 30
"""Labelled rows that can overrule the estimate."""
HALF = 0.5
"""Rows that every class is given, so that none has a share of 0."""
Codes = NDArray[np.intp]


class Shares(NamedTuple):
    """Shares of the classes, shape (k,), and how many labelled rows would tell as much."""

    values: Floats
    rows: float

    def differ(self, other: Floats, rows: float) -> float:
        """Return the chance that labels of so many rows are so far from these shares.

        >>> Shares(np.array([0.5, 0.5]), 100).differ(np.array([0.5, 0.5]), 100)
        1.0
        """
        spread = np.maximum((self.values + other) / 2, 1e-9) * (1 / self.rows + 1 / rows)
        distance = float(((self.values - other) ** 2 / spread).sum())
        return float(chi2.sf(distance, len(other) - 1))


def from_confusion(known: Codes, said: Codes, window: Codes, classes: int) -> Floats:
    """Estimate class shares from which mistakes a classifier makes.

    Args:
        known: true classes of labelled rows, shape (m,).
        said: what the classifier says of them, shape (m,).
        window: what it says of the rows in question, shape (n,).
        classes: number of classes k.

    Returns:
        Shares, shape (k,). Weights below 0 are 0.

    Source:
        Lipton, Wang and Smola, Detecting and Correcting for Label Shift with Black Box Predictors
        (2018).

    >>> known, said = np.array([0] * 10 + [1] * 10), np.array([0] * 9 + [1] * 10 + [0])
    >>> from_confusion(known, said, np.array([0] * 26 + [1] * 74), 2).round(6).tolist()
    [0.2, 0.8]
    """
    cells = np.bincount(said * classes + known, minlength=classes**2).astype(np.float64)
    counts = np.bincount(window, minlength=classes).astype(np.float64)
    return _solved(cells.reshape(classes, classes), counts)


def from_probabilities(outputs: Outputs, source: Floats) -> Floats:
    """Estimate class shares by maximum likelihood from calibrated probabilities.

    Args:
        outputs: probabilities that are right where classes have the ``source`` shares, (n, k).
        source: shape (k,), above 0.

    Source:
        Saerens, Latinne and Decaestecker, Adjusting the outputs of a classifier to new a priori
        probabilities (2002).

    >>> outputs = np.repeat([[0.8, 0.2], [0.2, 0.8]], [26, 74], axis=0)
    >>> from_probabilities(outputs, np.array([0.5, 0.5])).round(3).tolist()
    [0.1, 0.9]
    """
    likely = outputs / source
    shares = source.copy()
    for _ in range(STEPS):
        joint = likely * shares
        after = (joint / joint.sum(axis=1, keepdims=True)).mean(axis=0)
        still = np.abs(after - shares).max() < STILL
        shares = after
        if still:
            break
    return shares


def shares_of(known: Codes, before: Outputs, now: Outputs, source: Floats, seed: int) -> Shares:
    """Combine both estimates, the surer one counting more.

    How sure the one from confusion is comes from drawing its counts again; of the other from the
    likelihood's curvature, with the labelled rows' part that it was calibrated on.

    Args:
        known: true classes of labelled rows, shape (m,).
        before: calibrated probabilities of them, shape (m, k).
        now: calibrated probabilities of the rows in question, shape (n, k).
        source: shares of the classes among the labelled rows, above 0, shape (k,).
        seed: of the draws.
    """
    k = len(source)
    said, window = before.argmax(axis=1), now.argmax(axis=1)
    rng = np.random.default_rng(seed)
    cells = np.bincount(said * k + known, minlength=k * k) / len(known)
    counts = np.bincount(window, minlength=k) / len(window)
    drawn = [
        _solved(each.reshape(k, k).astype(np.float64), some.astype(np.float64))
        for each, some in zip(
            rng.multinomial(len(known), cells, DRAWS),
            rng.multinomial(len(window), counts, DRAWS),
            strict=True,
        )
    ]
    spreads = float(np.var(drawn, axis=0).sum()) + 1e-12
    likeliest = from_probabilities(now, source)
    curved = _curvature(now, source, likeliest) * (1 + len(now) / len(known)) + 1e-12
    first, second = 1 / curved, 1 / spreads
    by_confusion = from_confusion(known, said, window, k)
    values = (first * likeliest + second * by_confusion) / (first + second)
    return Shares(values, float((1 - (values**2).sum()) * (first + second)) + 1)


def moved(before: Codes, now: Codes, classes: int) -> float:
    """Return the chance of counts that differ by so much where the shares are the same.

    Args:
        before: codes of some rows, shape (m,).
        now: of others, shape (n,).
        classes: number of classes k.

    >>> moved(np.array([0, 1] * 50), np.array([0, 1] * 50), 2)
    1.0
    """
    counts = np.stack([np.bincount(codes, minlength=classes) for codes in (before, now)])
    counts = counts[:, counts.sum(axis=0) > 0]
    if counts.shape[1] == 1 or 0 in counts.sum(axis=1):
        return 1.0
    return float(chi2_contingency(counts, correction=False).pvalue)


def with_labels(found: Shares | None, codes: Codes, classes: int) -> Shares | None:
    """Add the labels that are known to an estimate; where they contradict it they count alone.

    >>> with_labels(Shares(np.array([0.5, 0.5]), 100), np.repeat([0, 1], [60, 40]), 2).values
    array([0.55, 0.45])
    >>> with_labels(Shares(np.array([0.5, 0.5]), 100), np.zeros(100, dtype=np.intp), 2).values[0]
    0.995...
    """
    if len(codes) == 0:
        return found
    counts = np.bincount(codes, minlength=classes).astype(np.float64)
    if found is not None:
        contradict = found.differ(counts / len(codes), len(codes)) < DISAGREE
        if not (contradict and len(codes) >= ENOUGH):
            rows = found.rows + len(codes)
            return Shares((found.rows * found.values + counts) / rows, rows)
    elif len(codes) < ENOUGH:
        return None
    return Shares((counts + HALF) / (len(codes) + HALF * classes), float(len(codes)))


def _solved(cells: Floats, counts: Floats) -> Floats:
    """Solve for the shares; ``cells`` counts said x known, ``counts`` what is said now."""
    source = cells.sum(axis=0) / cells.sum()
    weights, _ = nnls(cells / cells.sum(), counts / counts.sum())
    shares = weights * source
    total = shares.sum()
    return np.asarray(shares / total if total > 0 else source)


def _curvature(outputs: Outputs, source: Floats, shares: Floats) -> float:
    """Return the sum of the shares' variances that the likelihood's curvature implies."""
    likely = outputs / source
    rates = likely / (likely @ shares)[:, None]
    k = len(source)
    # Directions in which shares can move while they add up to 1.
    ways = np.linalg.svd(np.eye(k) - 1 / k)[0][:, : k - 1]
    information = ways.T @ (rates.T @ rates) @ ways
    return float(np.trace(np.linalg.pinv(information, hermitian=True)))
