"""``type``: values that are not of the feature's kind."""

from collections.abc import Mapping

from factory.embedded import Embedded
from factory.nouns import Bools
from factory.profile import Categories, Numbers
from factory.quality.feature import Feature, Finding
from factory.summary import Summary

UNREADABLE = 0.01
"""Share of values of the wrong kind that is a problem; those cells are missing in any case."""


def unreadable(feature: Feature, found: Mapping[str, Bools]) -> Finding | None:
    """Find values of the wrong kind, from 1 % of the rows on."""
    del found
    if feature.name not in feature.window.unreadable:
        return None
    rows = feature.unreadable
    if rows.mean() < UNREADABLE:
        return None
    kind = _kind(feature.reference)
    example = feature.window.examples.get(feature.name)
    return Finding(rows, f"{example!r} is no {kind}" if example else f"cells are no {kind}")


def _kind(reference: Summary) -> str:
    match reference:
        case Numbers():
            return "number"
        case Categories():
            return "category"
        case Embedded():
            return reference.column.kind
    return "date"
