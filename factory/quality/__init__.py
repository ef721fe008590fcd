"""Data quality: what is damaged rather than changed, and the rows no model should learn from.

One rule a module; a rule's limits stand there. ``RULES`` are asked of every feature in this
order, each unless one that explains the same was found before:

* ``schema``: the table has no column for it.
* ``type``: values could not be read as the feature's kind.
* ``missing``: more values are lost than in any stretch of the reference.
* ``constant``: a feature that varied stands still for the whole window.
* ``unit``: all values are told in another unit, or by a miscalibrated instrument.
* ``out_of_range``: values that cannot be, judged by the reference's range and tail.
* ``placeholder``: 0, -1 or nothing but nines, where and as often as it never was before.
* ``stuck``: for a part of the window the feature repeats one value, far longer than before.
* ``unseen``: categories that the reference does not make one expect.

``ROW_RULES`` are asked once of the rows, where those of the reference are given:

* ``duplicate``: rows repeat earlier ones, more than the reference makes one expect.
* ``late``, ``future``: moments far before or after the window's.

What rests, repeats, goes missing in spells or wanders by nature is measured in the reference's
own row order, so that ordinary windows are not accused.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np
import pandas as pd

from factory.nouns import ROWS, Bools, Damage, Problem, Schema, Window
from factory.profile import Profile
from factory.quality.absent import absent
from factory.quality.constant import constant, stands_still
from factory.quality.duplicate import duplicate
from factory.quality.feature import Feature, Finding
from factory.quality.missing import missing
from factory.quality.moments import future, late
from factory.quality.placeholders import placeholder
from factory.quality.ranges import impossible, out_of_range
from factory.quality.rows import Rows
from factory.quality.stuck import stuck
from factory.quality.unit import unit
from factory.quality.unreadable import unreadable
from factory.quality.unseen import unseen

__all__ = ["ROW_RULES", "RULES", "Rule", "inspect", "out_of_range", "stands_still"]


class Rule(NamedTuple):
    """A rule on one feature, and the problems that leave nothing for it to say."""

    find: Callable[[Feature, Mapping[str, Bools]], Finding | None]
    unless: tuple[Damage, ...] = ()


RULES: Mapping[Damage, Rule] = {
    "schema": Rule(absent),
    "type": Rule(unreadable, unless=("schema",)),
    "missing": Rule(missing, unless=("schema",)),
    "constant": Rule(constant),
    "unit": Rule(unit, unless=("constant",)),
    "out_of_range": Rule(impossible, unless=("unit",)),
    "placeholder": Rule(placeholder, unless=("constant", "unit")),
    "stuck": Rule(stuck, unless=("constant",)),
    "unseen": Rule(unseen),
}
"""The rules on features, in the order in which they are asked."""
ROW_RULES: Mapping[Damage, Callable[[Rows], Finding | None]] = {
    "duplicate": duplicate,
    "late": late,
    "future": future,
}
"""The rules on whole rows."""


def inspect(
    reference: Profile,
    current: Profile,
    window: Window,
    schema: Schema,
    *,
    rows: pd.DataFrame | None = None,
    now: datetime | None = None,
) -> tuple[tuple[Problem, ...], dict[str, Bools]]:
    """Find damaged features and damaged rows.

    Args:
        reference: profile of the reference.
        current: profile of the window.
        window: the rows themselves.
        schema: features and their kinds.
        rows: of the reference, canonical; None leaves repeated rows and moments unjudged.
        now: the present moment, in UTC where it has no zone; None leaves labelled rows from the
            future unjudged.

    Returns:
        The problems in the order of the features, those of rows last; and per damaged feature
        the rows, shape (rows,), that must not be trained on. Rows that are damaged as such stand
        under ``*``.

    >>> from factory.nouns import Column, DataVersion
    >>> schema = Schema((Column("a", "number"),), "y", "regression")
    >>> good = Profile.of(pd.DataFrame({"a": np.arange(100.0)}), schema)
    >>> frame = pd.DataFrame({"a": [*np.arange(98.0), 999999.0, np.inf]})
    >>> window = Window(frame, DataVersion("0", 100))
    >>> problems, broken = inspect(good, Profile.of(frame, schema), window, schema)
    >>> [(p.feature, p.problem, p.share) for p in problems]
    [('a', 'out_of_range', 0.02)]
    >>> np.flatnonzero(broken["a"]).tolist()
    [98, 99]
    """
    if len(window.frame) == 0:
        return (), {}
    problems: list[Problem] = []
    broken: dict[str, Bools] = {}
    known = window.frame if rows is None else rows
    whole = Rows(known, window.frame, schema, window.absent, _moment(now))
    for name in schema.names:
        pair = reference.features[name], current.features[name]
        times = whole.times, None if rows is None else whole.known_times
        for damage, finding in _findings(Feature(name, *pair, window, *times)):
            problems.append(_problem(name, damage, finding))
            _mark(broken, name, finding)
    for damage, find in ROW_RULES.items() if rows is not None else ():
        found = find(whole)
        if found is not None:
            name = ROWS if damage == "duplicate" else str(schema.timestamp)
            problems.append(_problem(name, damage, found))
            _mark(broken, ROWS, found)
    return tuple(problems), broken


def _findings(feature: Feature) -> list[tuple[Damage, Finding]]:
    findings: dict[Damage, Finding] = {}
    for damage, rule in RULES.items():
        if not findings.keys() & set(rule.unless):
            found = rule.find(feature, {name: one.rows for name, one in findings.items()})
            if found is not None:
                findings[damage] = found
    return list(findings.items())


def _problem(name: str, damage: Damage, found: Finding) -> Problem:
    share = float(found.rows.mean())
    return Problem(name, damage, share, detail=found.detail, unit=found.unit)


def _mark(broken: dict[str, Bools], name: str, found: Finding) -> None:
    if found.damaged.any():
        broken[name] = broken.get(name, np.zeros_like(found.rows)) | found.damaged


def _moment(now: datetime | None) -> np.datetime64 | None:
    if now is None:
        return None
    plain = now if now.tzinfo is None else now.astimezone(UTC).replace(tzinfo=None)
    return np.datetime64(plain, "ns")
