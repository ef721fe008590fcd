"""``missing``: values that are lost."""

from collections.abc import Mapping

from factory.detectors import shares
from factory.nouns import Bools
from factory.quality.feature import Feature, Finding
from factory.summary import Summary

CERTAIN, SURE = 1e-3, 1e-5
"""Largest p-value at which a share counts as higher: where nothing was missing, and where there
was, since a check looks at many features."""
MISSING = 0.05
"""Additional share of missing values that is a problem."""
GONE, MOSTLY = 0.9, 0.5
"""Share of what is usually present whose loss is a problem, where this much is present."""
STRETCHES = 5
"""Stretches of the reference in which missing values are compared, at least."""


def missing(feature: Feature, found: Mapping[str, Bools]) -> Finding | None:
    """Find a share of missing values that is certainly higher than in any stretch before.

    It exceeds the share in the worst stretch of the reference, as long as the window or a fifth
    of it, by more than 5 points and by more than that stretch exceeded the whole; or, of a
    feature that is mostly present, nine tenths of what is usually present are gone. A feature
    that is mostly missing has to be missing in every row.
    """
    del found
    if feature.current.missing == 0:
        return None
    lost = feature.current.lost & ~feature.unreadable
    if not lost.any():
        return None
    reference, share = feature.reference, float(lost.mean())
    certain = SURE if reference.missing else CERTAIN
    if shares.missing(reference, Summary(lost)).p_value >= certain:
        return None
    usual = reference.missing / max(reference.rows, 1)
    if share <= _most(reference, len(lost), usual) or (usual >= MOSTLY and share < 1):
        return None
    return Finding(lost, f"{usual:.1%} were in the reference")


def _most(reference: Summary, rows: int, usual: float) -> float:
    worst = reference.most_missing(min(rows, reference.rows // STRETCHES))
    limit = worst + max(MISSING, worst - usual)
    gone = usual + GONE * (1 - usual)
    return min(limit, max(worst, gone)) if usual < MOSTLY else limit
