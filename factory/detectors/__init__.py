"""Detectors: a feature's reference summary x its window summary -> a finding.

A detector is a function of two ``factory.profile`` summaries that returns a
``factory.detectors.finding.Finding``. It is one line in ``DETECTORS``, and one word in ``USED``
for each kind of feature that it reads. Dates are checked for missing values only: they move by
their nature.
"""

from collections.abc import Mapping

DETECTORS: Mapping[str, str] = {
    "chi2": "factory.detectors.chi2:chi2",
    "ks": "factory.detectors.ks:ks",
    "missing": "factory.detectors.shares:missing",
    "unseen": "factory.detectors.shares:unseen",
}
USED: Mapping[str, tuple[str, ...]] = {
    "number": ("ks", "missing"),
    "category": ("chi2", "missing", "unseen"),
    "date": ("missing",),
}
