"""Nouns as JSON and back, to the last bit, so that what was decided on can be decided on again.

What people read (see ``factory.told``) rounds nothing either, but it leaves out what JSON lacks.
Here a number that JSON lacks stands as ``{"$float": "nan"}``, and a noun is read back by the types
that its class declares.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from functools import lru_cache
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np
from pydantic import BaseModel

from factory.breakdown.parts import Breakdown
from factory.diagnosis.parts import ClassShare, Share, Suspect

FLOAT = "$float"
T = TypeVar("T")
NAMES = {kind.__name__: kind for kind in (Breakdown, ClassShare, Share, Suspect)}
"""What ``factory.nouns`` only names, since these modules import it."""


def write(value: Any) -> Any:
    """Return a noun, or what nouns are made of, as plain JSON.

    Raises:
        TypeError: it is made of something else.

    >>> from factory.nouns import Diagnosis, Estimate
    >>> write(Estimate(0.5, float("-inf"), 1.0, rows=3))
    {'value': 0.5, 'low': {'$float': '-inf'}, 'high': 1.0, 'rows': 3}
    """
    match value:
        case np.generic():
            return write(value.item())
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else {FLOAT: str(value)}
        case BaseModel():
            return write(value.model_dump(mode="json"))
        case Mapping():
            return {str(key): write(item) for key, item in value.items()}
        case tuple() | list():
            return [write(item) for item in value]
    if is_dataclass(value):
        return {field.name: write(getattr(value, field.name)) for field in fields(value)}
    raise TypeError(f"{type(value).__name__} is nothing that nouns are made of")


def read(kind: type[T], told: Any) -> T:
    """Return a noun from what ``write`` made of it.

    Args:
        kind: its class.
        told: plain JSON.

    Raises:
        TypeError: it was made of something else.

    >>> from factory.nouns import Estimate
    >>> read(Estimate, {"value": 0.5, "low": {"$float": "-inf"}, "high": 1.0, "rows": 3})
    Estimate(value=0.5, low=-inf, high=1.0, rows=3)
    """
    found: T = _read(kind, told)
    return found


def _read(kind: Any, told: Any) -> Any:
    if isinstance(told, dict) and FLOAT in told:
        return float(told[FLOAT])
    origin = get_origin(kind)
    if origin in {Union, UnionType}:
        return _read(_member(kind, told), told)
    if origin is tuple:
        inner, *others = get_args(kind)
        kinds = [inner] * len(told) if others == [...] else [inner, *others]
        return tuple(_read(one, item) for one, item in zip(kinds, told, strict=True))
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {key: _read(get_args(kind)[1], item) for key, item in told.items()}
    if isinstance(origin, type) and issubclass(origin, Sequence):
        return [_read(get_args(kind)[0], item) for item in told]
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return kind.model_validate(_plain(told))
    if isinstance(kind, type) and is_dataclass(kind):
        hints = _hints(kind)
        return kind(**{name: _read(hints[name], item) for name, item in told.items()})
    return told


def _member(union: Any, told: Any) -> Any:
    """Return which of a union's types was written."""
    members = get_args(union)
    if told is None:
        return NoneType
    nouns: list[type] = [one for one in members if isinstance(one, type) and is_dataclass(one)]
    if isinstance(told, dict) and len(nouns) > 1:
        tagged = [one for one in nouns if told.get("kind") in get_args(_hints(one)["kind"])]
        return tagged[0]
    if isinstance(told, dict | list):
        return next(m for m in members if m is not NoneType and m not in {str, int, float, bool})
    # A text or a number is what it is.
    return object


@lru_cache(maxsize=256)
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind, localns=NAMES)


def _plain(told: Any) -> Any:
    if isinstance(told, dict):
        return float(told[FLOAT]) if FLOAT in told else {k: _plain(v) for k, v in told.items()}
    return [_plain(item) for item in told] if isinstance(told, list) else told
