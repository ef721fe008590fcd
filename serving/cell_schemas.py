"""What one cell of a request may be, as JSON Schema, for each kind of feature."""

import re
from contextlib import suppress
from math import isfinite
from typing import Any

from factory.nouns import Column, Kind, Schema
from registry.columns import EPOCH_UNITS, LARGEST, MISSING

Node = dict[str, Any]
DATE = (
    r"^(19|20)[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])"
    r"(T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9])?$"
)
NUMBER = r"^[+-]?[0-9]{1,15}(\.[0-9]{1,15})?$"


def _epochs() -> list[Node]:
    """Return the spans of numbers that are read as moments, one a unit."""
    spans = []
    above = LARGEST
    for least, factor in EPOCH_UNITS:
        past = min(LARGEST / factor, above)
        spans += [
            {"type": "number", "minimum": least, "exclusiveMaximum": past},
            {"type": "number", "exclusiveMinimum": -past, "maximum": -least},
        ]
        above = least
    return spans


CELLS: dict[Kind, Node] = {
    "number": {
        "description": "A number; null is missing. Decimal text is read as the number it is.",
        "anyOf": [
            {"type": ["number", "boolean", "null"]},
            {"type": "string", "pattern": NUMBER},
            {"enum": list(MISSING)},
        ],
    },
    "category": {
        "description": "Text; null is missing. A number is the text that it prints.",
        "type": ["string", "number", "boolean", "null"],
    },
    "date": {
        "description": "ISO 8601, UTC without a zone, or seconds since 1970 (milli-, micro- or "
        "nanoseconds where they are too many for that); null is missing.",
        "anyOf": [
            {"type": "null"},
            {"type": "string", "pattern": DATE},
            {"type": "string", "pattern": r"^[+-]?[0-9]{1,9}(\.[0-9]{1,9})?$"},
            {"enum": list(MISSING)},
            *_epochs(),
        ],
    },
    "text": {
        "description": "Text; null is missing.",
        "type": ["string", "number", "boolean", "null"],
    },
}
CSV_CELLS: dict[Kind, str] = {
    "number": "(-?[0-9]{1,6}(\\.[0-9]{1,3})?)?",
    "category": "[a-z]{0,8}",
    "date": "(20[0-9]{2}-0[1-9]-1[0-9])?",
    "text": "[a-z]{0,8}",
    "image": "()",
}


def cell(column: Column) -> Node:
    """Return the JSON Schema of one cell of a feature."""
    if column.kind != "image":
        return CELLS[column.kind]
    pixels: Node = {"type": "integer", "minimum": 0, "maximum": 255}
    for size in reversed(column.shape):
        pixels = {"type": "array", "items": pixels, "minItems": size, "maxItems": size}
    return {
        "description": "A PNG or JPEG file in base64, or pixels: rows of columns of channels, "
        "whole numbers to 255 or numbers from 0 to 1; null is missing.",
        "anyOf": [
            {"type": "null"},
            {"type": "string", "contentEncoding": "base64", "contentMediaType": "image/png"},
            pixels,
        ],
    }


def label(schema: Schema) -> Node:
    """Return the JSON Schema of one label: a number, or a class; missing ones say nothing."""
    if not schema.classes:
        return CELLS["number"]
    known: list[Any] = [None, *MISSING]
    for name in schema.classes:
        known += _spellings(name)
    return {"description": "A class; null is missing.", "enum": known}


def _spellings(name: str) -> list[Any]:
    """Return what is read as a class: its text, and a number or truth value that prints it."""
    found: list[Any] = [name]
    if re.fullmatch(r"0|-?[1-9][0-9]*", name):
        found += [int(name), f"{name}.0"]
    elif name in {"True", "False"}:
        found.append(name == "True")
    else:
        with suppress(ValueError):
            number = float(name)
            found += [number] if repr(number) == name and isfinite(number) else []
    return found


def identity(kinds: list[str]) -> Node:
    """Return the JSON Schema of what names a prediction: there, and none of the missing words."""
    return {"type": kinds, "not": {"enum": list(MISSING)}}
