"""Search spaces and points as a config writes them, made into what the backends compile."""

from collections.abc import Mapping
from math import sqrt
from typing import Any

import numpy as np

from factory.errors import BadConfig
from factory.nouns import Task
from factory.searching import FloatRange, IntRange, Options
from training.family import Family
from training.space import (
    Choice,
    Dimension,
    Float,
    Int,
    Params,
    Space,
    Value,
    When,
    draw,
    holds,
    matters,
    nearest_point,
    starting_point,
)

TRIED = 20
"""Points drawn from a space that a config changed, to see whether the family can be built."""
ROWS = 1_000
"""For how many rows it is built then."""


def space_of(family: Family, task: Task, loss: str, written: Mapping[str, Any], seed: int) -> Space:
    """Return a family's space with the hyperparameters that a config wrote in place of its own.

    Args:
        family: whose defaults are kept where nothing is written.
        task: what is predicted.
        loss: one of the family's for the task.
        written: ranges or fixed values by hyperparameter (see ``factory.searching.Range``).
        seed: of the points that are built to see whether the family knows what is written.

    Raises:
        BadConfig: a condition that cannot be, or a hyperparameter that the family lacks.

    >>> from training.family import family_named
    >>> ridge = family_named("linear")
    >>> space_of(ridge, "regression", "squared_error", {"fit_intercept": True}, 0)["fit_intercept"]
    Choice(options=(True,), when=None)
    """
    usual = family.space(task, loss)
    if not written:
        return usual
    changed = {name: _dimension(range_) for name, range_ in written.items()}
    space = _ordered({**_possible(usual, changed), **changed}, family.name)
    rng = np.random.default_rng(seed)
    points = [starting_point(space), *(draw(space, rng) for _ in range(TRIED))]
    for point in points:
        _check_built(family, point, task, loss)
    return space


def point_of(
    spaces: Mapping[str, Space], written: Mapping[str, Value]
) -> tuple[str, dict[str, Value]]:
    """Return the family and the whole point that a config's point means.

    Raises:
        BadConfig: it names no family that is searched, or a value outside the family's space.

    >>> point_of({"f": {"a": Choice((1, 2)), "b": Choice((3,))}}, {"family": "f", "a": 2})
    ('f', {'a': 2, 'b': 3})
    """
    family = written.get("family")
    if family not in spaces:
        known = ", ".join(spaces)
        raise BadConfig(
            f"search.points: family {family!r} is not searched.", hint=f"family: one of {known}"
        )
    space = spaces[str(family)]
    given = {name: value for name, value in written.items() if name != "family"}
    point = nearest_point(space, given)
    for name, value in given.items():
        if name not in space or not matters(space[name], point) or not holds(space[name], value):
            raise BadConfig(
                f"search.points: {name} = {value!r} is no point of family {family!r}.",
                hint=f"search.spaces.{family}.{name} says what it may be",
            )
    return str(family), point


def _dimension(written: Any) -> Dimension:
    match written:
        case IntRange(int=(low, high), log=log, start=start):
            middle = round(sqrt(low * high)) if log else (low + high) // 2
            when = _when(written.when)
            return Int(low, high, middle if start is None else start, log=log, when=when)
        case FloatRange(float=(least, most), log=log, start=begin):
            centre = sqrt(least * most) if log else (least + most) / 2
            when = _when(written.when)
            return Float(least, most, centre if begin is None else begin, log=log, when=when)
        case Options(choice=options):
            return Choice(options, when=_when(written.when))
        case _:
            return Choice((written,))


def _when(written: Mapping[str, tuple[Value, ...]]) -> When | None:
    return next(iter(written.items()), None)


def _possible(usual: Space, changed: Space) -> Space:
    """Leave out what depends on values that a change has ruled out."""
    kept: dict[str, Dimension] = {}
    for name, dimension in usual.items():
        parent = None if dimension.when is None else changed.get(dimension.when[0])
        values = () if dimension.when is None else dimension.when[1]
        if parent is None or any(holds(parent, value) for value in values):
            kept[name] = dimension
    return kept


def _ordered(space: Mapping[str, Dimension], family: str) -> dict[str, Dimension]:
    """Put what others depend on first, and refuse conditions that can never hold."""
    ordered: dict[str, Dimension] = {}
    left = dict(space)
    while left:
        ready = [n for n, d in left.items() if d.when is None or d.when[0] in ordered]
        for name in ready:
            ordered[name] = left.pop(name)
        if not ready:
            name, other = next((n, d.when[0]) for n, d in left.items() if d.when is not None)
            raise BadConfig(
                f"search.spaces.{family}.{name} depends on {other!r}, which is not there or "
                "depends on it.",
                hint=f"when: one of {', '.join(ordered) or 'its other hyperparameters'}",
            )
    for name, dimension in ordered.items():
        if dimension.when is not None:
            _check_condition(f"search.spaces.{family}.{name}", dimension.when, ordered)
    return ordered


def _check_condition(key: str, when: When, space: Mapping[str, Dimension]) -> None:
    other, values = when
    parent = space[other]
    if not isinstance(parent, Choice):
        raise BadConfig(
            f"{key} depends on {other!r}, which is a number.", hint=f"write {other} as a choice"
        )
    lost = [value for value in values if not holds(parent, value)]
    if lost == list(values):
        known = ", ".join(map(str, parent.options))
        raise BadConfig(
            f"{key} matters when {other} is {lost[0]!r}, which it never is.",
            hint=f"{other} is one of: {known}",
        )


def _check_built(family: Family, point: Params, task: Task, loss: str) -> None:
    try:
        family.build(point, task, loss, 0, ROWS)
    except (TypeError, KeyError) as error:
        raise BadConfig(
            f"search.spaces.{family.name}: the family cannot be built from {dict(point)}: {error}.",
            hint=f"write only hyperparameters that {family.name!r} has, and all that it needs",
        ) from None
