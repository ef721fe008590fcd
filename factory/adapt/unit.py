"""``unit``: features that come in another unit are converted back before the model reads them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from factory.adapt.convert import Convert, rounded
from factory.bundle import Bundle
from factory.nouns import Floats, Problem, Schema
from factory.profile import Numbers
from factory.quality.conversions import CONVERSIONS
from factory.quality.pair import Pair

Unit = tuple[float, float]
"""Factor and offset: a value is the factor times what it was, plus the offset."""
SAME = 1e-9
"""Relative change of a value below which two units are the same."""
WRITTEN = 1e-6
"""The same for a measured unit, which is then taken as the known one."""


def with_units(
    bundle: Bundle, problems: Sequence[Problem], features: Sequence[str] = ()
) -> Bundle | None:
    """Convert features with a detected change of unit back.

    The reference is told in the new unit from then on. A later window in it is thus nothing new,
    and one in the old unit again is a change of unit back, which undoes this one.

    Args:
        bundle: the champion.
        problems: of the window.
        features: those to convert; all that changed where none is named.
    """
    wanted = features or bundle.schema.names
    found: dict[str, Unit] = {
        problem.feature: problem.unit
        for problem in problems
        if problem.unit is not None
        and problem.feature in wanted
        and problem.feature in bundle.schema.names
        and problem.feature not in bundle.neutralised
    }
    if not found:
        return None
    before = {name: bundle.reference[name].to_numpy(np.float64) for name in found}
    found = {
        name: _exact(unit, bundle.units.get(name, ()), _range(before[name]))
        for name, unit in found.items()
    }
    after = {name: rounded(unit[0] * before[name] + unit[1]) for name, unit in found.items()}
    known = {
        name: _known(bundle.units.get(name, ()), unit, after[name]) for name, unit in found.items()
    }
    moved = replace(bundle, reference=bundle.reference.assign(**after))
    return moved.saying(
        lambda pipeline: converting(pipeline, found, bundle.reference),
        units={**bundle.units, **known},
        hedges={
            gone: converting(
                fallback,
                {name: unit for name, unit in found.items() if name not in gone},
                bundle.reference,
            )
            for gone, fallback in bundle.hedges.items()
        },
    )


def converting(
    pipeline: Pipeline, changes: Mapping[str, Unit], reference: pd.DataFrame
) -> Pipeline:
    """Return a pipeline whose first step makes up for changes of unit.

    Args:
        pipeline: reads the reference's present units.
        changes: per feature, from that unit to the new one.
        reference: rows as the pipeline reads them now.
    """
    steps = list(pipeline.steps)
    units: dict[str, Unit] = {}
    ranges: dict[str, Unit] = {}
    if isinstance(steps[0][1], Convert):
        units, ranges = dict(steps[0][1].units), dict(steps[0][1].ranges)
        del steps[0]
    for name, change in changes.items():
        if name not in units:
            ranges[name] = _range(reference[name].to_numpy(np.float64))
        units[name] = chained(units.get(name, (1.0, 0.0)), change)
        if _is_same(units[name], ranges[name]):
            del units[name], ranges[name]
    return Pipeline([("convert", Convert(units, ranges)), *steps] if units else steps)


def chained(first: Unit, then: Unit) -> Unit:
    """Return one change of unit that does two.

    >>> chained((2.0, 5.0), (3.0, 1.0))
    (6.0, 16.0)
    """
    return then[0] * first[0], then[0] * first[1] + then[1]


def aligned(bundle: Bundle, frame: pd.DataFrame, schema: Schema | None = None) -> pd.DataFrame:
    """Tell rows of any time in the units that a model reads now.

    For each feature whose unit ever changed, all rows are taken to be in the unit in which they
    come nearest to the reference; so rows are to be given window by window.

    Args:
        bundle: the champion.
        frame: canonical rows of one window.
        schema: features to look at, the champion's own where absent.
    """
    names = [name for name in (schema or bundle.schema).names if name in bundle.units]
    changed: dict[str, Floats] = {}
    for name in names:
        reference = bundle.profile.features.get(name)
        if name not in frame or not isinstance(reference, Numbers):
            continue
        values = frame[name].to_numpy(np.float64)
        pair = Pair(reference, Numbers.of(values))
        if min(pair.reference.size, pair.current.size) == 0:
            continue
        apart = {(1.0, 0.0): pair.distance}
        for factor, offset in bundle.units[name]:
            apart[factor, offset] = pair.remaining(1 / factor, -offset / factor)
        factor, offset = min(apart, key=lambda unit: apart[unit])
        if (factor, offset) != (1.0, 0.0):
            changed[name] = factor * values + offset
    return frame.assign(**changed)


def _known(earlier: Sequence[Unit], change: Unit, values: Floats) -> tuple[Unit, ...]:
    """Return how every unit met so far becomes the newest one."""
    found = [*(chained(unit, change) for unit in earlier), change]
    return tuple(unit for unit in found if not _is_same(unit, _range(values)))


def _exact(change: Unit, earlier: Sequence[Unit], known: Unit) -> Unit:
    """Return the way back to an earlier unit, or the known conversion, that a change means."""
    backs = [(1 / factor, -offset / factor) for factor, offset in earlier]
    for factor, offset in [*backs, *((c.factor, c.offset) for c in CONVERSIONS)]:
        ratio = change[0] / factor, (change[1] - offset) / factor
        if _is_same(ratio, known, WRITTEN):
            return factor, offset
    return change


def _range(values: Floats) -> Unit:
    finite = values[np.isfinite(values)]
    return (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 0.0)


def _is_same(unit: Unit, known: Unit, least: float = SAME) -> bool:
    factor, offset = unit
    largest = max(abs(known[0]), abs(known[1]))
    return abs(factor - 1) < least and abs(offset) <= least * largest
