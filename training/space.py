"""Search spaces: what each hyperparameter may be, and where the search starts."""

from collections.abc import Mapping
from dataclasses import dataclass
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


def starting_point(space: Space) -> dict[str, Value]:
    """Return the sensible values that a search tries first.

    >>> starting_point({"C": Float(0.1, 10, start=1.0), "p": Choice((2, 1))})
    {'C': 1.0, 'p': 2}
    """
    params: dict[str, Value] = {}
    for name, dimension in space.items():
        if matters(dimension, params):
            params[name] = dimension.start
    return params


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
