"""Search spaces: what each hyperparameter may be, and where the search starts."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from math import exp, log
from typing import Any

import numpy as np

Value = str | int | float | bool | None
Params = Mapping[str, Any]
When = tuple[str, tuple[Value, ...]]
"""Another hyperparameter's name, and its values that make this one matter."""


@dataclass(frozen=True, slots=True)
class Int:
    """A whole number from ``low`` to ``high``, both included; ``log``: by order of magnitude."""

    low: int
    high: int
    start: int
    log: bool = False
    when: When | None = None


@dataclass(frozen=True, slots=True)
class Float:
    """A number from ``low`` to ``high``; ``log``: by order of magnitude."""

    low: float
    high: float
    start: float
    log: bool = False
    when: When | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several plain values; the first is the start."""

    options: tuple[Value, ...]
    when: When | None = None

    @property
    def start(self) -> Value:
        """Return the value tried first."""
        return self.options[0]


Dimension = Int | Float | Choice
Space = Mapping[str, Dimension]
"""Hyperparameters by name. One that depends on another stands after it."""


def matters(dimension: Dimension, params: Params) -> bool:
    """Say whether a hyperparameter has a meaning beside those already chosen.

    >>> matters(Int(2, 5, start=3, when=("kernel", ("poly",))), {"kernel": "rbf"})
    False
    """
    if dimension.when is None:
        return True
    other, values = dimension.when
    return other in params and params[other] in values


def holds(dimension: Dimension, value: object) -> bool:
    """Say whether a value is one that a hyperparameter may have.

    >>> holds(Int(2, 5, start=3), 5), holds(Int(2, 5, start=3), 2.5), holds(Choice((1,)), True)
    (True, False, False)
    """
    match dimension:
        case Choice(options=options):
            return any(type(value) is type(one) and value == one for one in options)
        case Int(low=low, high=high):
            return type(value) is int and low <= value <= high
        case Float(low=least, high=most):
            return type(value) in {int, float} and least <= float(value) <= most  # type: ignore[arg-type]


def starting_point(space: Space) -> dict[str, Value]:
    """Return the sensible values that a search tries first.

    >>> starting_point({"C": Float(0.1, 10, start=1.0), "p": Choice((2, 1))})
    {'C': 1.0, 'p': 2}
    """
    return nearest_point(space, {})


def nearest_point(space: Space, params: Params) -> dict[str, Value]:
    """Return a point of the space with those of some values that it can have, else the start's.

    >>> nearest_point({"C": Float(0.1, 10, start=1.0), "p": Choice((2, 1))}, {"C": 99.0, "p": 1})
    {'C': 1.0, 'p': 1}
    """
    point: dict[str, Value] = {}
    for name, dimension in space.items():
        if matters(dimension, point):
            given = params.get(name, dimension.start)
            point[name] = given if holds(dimension, given) else dimension.start
    return point


def draw(space: Space, rng: np.random.Generator) -> dict[str, Value]:
    """Draw one point at random.

    >>> draw({"p": Choice((2,)), "q": Int(1, 9, start=1)}, np.random.default_rng(0))
    {'p': 2, 'q': 8}
    """
    params: dict[str, Value] = {}
    for name, dimension in space.items():
        if matters(dimension, params):
            params[name] = _value(dimension, rng)
    return params


def levels(dimension: Dimension, count: int) -> tuple[Value, ...]:
    """Return the values of a dimension in a grid: evenly spaced numbers, or all options.

    >>> levels(Int(1, 100, start=1, log=True), 3), levels(Int(1, 2, start=1), 5)
    ((1, 10, 100), (1, 2))
    """
    match dimension:
        case Choice(options=options):
            return options
        case Int(low=low, high=high, log=in_log):
            spaced = _spaced(low, high, count, in_log=in_log)
            return tuple(dict.fromkeys(min(high, max(low, round(value))) for value in spaced))
        case Float(low=least, high=most, log=in_log):
            return tuple(dict.fromkeys(_spaced(least, most, count, in_log=in_log)))


def branches(space: Space) -> Iterator[dict[str, Dimension]]:
    """Yield the space once per combination of choices that others depend on, less conditions.

    >>> degree = Int(2, 4, start=3, when=("kernel", ("poly",)))
    >>> space = {"kernel": Choice(("rbf", "poly")), "degree": degree}
    >>> [list(branch) for branch in branches(space)]
    [['kernel'], ['kernel', 'degree']]
    """
    parents = dict.fromkeys(d.when[0] for d in space.values() if d.when is not None)
    options = [space[name].options for name in parents]  # type: ignore[union-attr]
    seen = set()
    for picked in product(*options):
        wanted = dict(zip(parents, picked, strict=True))
        settled: dict[str, Value] = {}
        branch: dict[str, Dimension] = {}
        for name, dimension in space.items():
            if matters(dimension, settled):
                settled[name] = wanted.get(name)
                branch[name] = Choice((wanted[name],)) if name in wanted else dimension
        key = tuple((name, settled[name]) for name in settled if name in wanted)
        if key not in seen:
            seen.add(key)
            yield branch


def grid(space: Space, count: int) -> list[dict[str, Value]]:
    """Return every point of a grid with ``count`` values of each number.

    >>> grid({"a": Choice((1, 2)), "b": Float(0, 1, start=0, when=("a", (2,)))}, 2)
    [{'a': 1}, {'a': 2, 'b': 0.0}, {'a': 2, 'b': 1.0}]
    """
    points = []
    for branch in branches(space):
        values = (levels(dimension, count) for dimension in branch.values())
        points += [dict(zip(branch, point, strict=True)) for point in product(*values)]
    return points


def _spaced(low: float, high: float, count: int, *, in_log: bool) -> list[float]:
    if count == 1 or low == high:
        return (
            [float(low)]
            if low == high
            else [exp((log(low) + log(high)) / 2)]
            if in_log
            else [(low + high) / 2]
        )
    space = np.geomspace if in_log else np.linspace
    return [float(value) for value in space(low, high, count)]


def _value(dimension: Dimension, rng: np.random.Generator) -> Value:
    match dimension:
        case Choice(options=options):
            return options[int(rng.integers(len(options)))]
        case Int(low=low, high=high, log=in_log):
            if not in_log:
                return int(rng.integers(low, high + 1))
            return min(high, max(low, round(exp(rng.uniform(log(low), log(high))))))
        case Float(low=low, high=high, log=in_log):
            if not in_log:
                return float(rng.uniform(low, high))
            return exp(rng.uniform(log(low), log(high)))
