"""``priors``: probabilities are moved to how common the classes are in the window."""

from dataclasses import replace

import numpy as np
import pandas as pd

from factory.adapt.corrected import codes_of, known_classes, scaled
from factory.adapt.scaling import Scaling
from factory.adapt.shares import HALF, Codes, moved, shares_of, with_labels
from factory.bundle import Bundle, row_hashes
from factory.nouns import Floats

ROWS = 20_000
"""Rows of a window that are looked at, evenly spread over it."""
FEWEST = 50
"""Rows of a window, and labelled ones of the reference, below which nothing is estimated."""
LIKELY = 0.05
"""Chance of so different counts, of what is said or of labels, below which shares have moved."""
KEPT = 200
"""Rows that a reference must keep when it is thinned to new shares."""


def with_priors(bundle: Bundle, learn: pd.DataFrame, window: pd.DataFrame) -> Bundle | None:
    """Move probabilities by Bayes' rule to the window's class shares.

    The shares are estimated from what the champion says of the window's rows (see
    ``factory.adapt.shares``), with the labels that are known. The reference is thinned to the same
    shares where enough of it remains.

    Args:
        bundle: the champion.
        learn: labelled rows, perhaps none.
        window: all rows of the window.
    """
    if bundle.schema.task == "regression":
        return None
    truth, at = codes_of(bundle, bundle.reference)
    known = bundle.reference_outputs[at][:, known_classes(bundle)]
    classes = known.shape[1]
    if len(truth) < FEWEST or classes == 1:
        return None
    calibration = Scaling.fit(known, truth, biased=True)
    counts = np.bincount(truth, minlength=classes)
    source = (counts + HALF) / (len(truth) + HALF * classes)
    others = _others(bundle, learn, window)
    now = np.empty((0, classes))
    if len(others) >= FEWEST:
        now = bundle.outputs(others)[:, known_classes(bundle)]
    labels, labelled = codes_of(bundle, learn)
    said = moved(known.argmax(axis=1), now.argmax(axis=1), classes)
    if min(said, moved(truth, labels, classes)) >= LIKELY / 2:
        return None
    found = None
    if len(now):
        before, after = calibration.probabilities(known), calibration.probabilities(now)
        found = shares_of(truth, before, after, source, int(bundle.config.get("seed", 0)))
    shares = with_labels(found, labels, classes)
    if shares is None:
        return None
    wanted = np.maximum(shares.values, HALF / (shares.rows + len(truth)))
    by_bayes = Scaling(1.0, np.log(wanted / source))
    seen = np.union1d(bundle.seen, bundle.hashes(learn.iloc[labelled]))
    rows = _thinned(truth, wanted / wanted.sum(), bundle)
    corrected = by_bayes.after(calibration)
    return replace(bundle.taking(at[rows]), seen=seen).saying(
        lambda pipeline: scaled(pipeline, corrected),
        hedges={names: scaled(fallback, by_bayes) for names, fallback in bundle.hedges.items()},
    )


def _others(bundle: Bundle, learn: pd.DataFrame, window: pd.DataFrame) -> pd.DataFrame:
    """Return rows of the window that are not among the labelled ones, at most so many."""
    schema = bundle.schema
    if len(learn) and schema.target in window:
        again = np.isin(row_hashes(window, schema), row_hashes(learn, schema))
        window = window.loc[~again]
    some = np.linspace(0, len(window) - 1, min(len(window), ROWS)).astype(np.intp)
    return window.iloc[some]


def _thinned(truth: Codes, shares: Floats, bundle: Bundle) -> Codes:
    """Return positions of rows among which the classes have such shares, in order.

    All of them where too few would remain.
    """
    counts = np.bincount(truth, minlength=len(shares))
    total = float((counts / shares).min())
    if total < KEPT:
        return np.arange(len(truth))
    rng = np.random.default_rng(int(bundle.config.get("seed", 0)))
    chosen = [
        rng.permutation(np.flatnonzero(truth == code))[: round(total * share)]
        for code, share in enumerate(shares)
    ]
    return np.sort(np.concatenate(chosen))
