"""What one cell of a request may be, as JSON Schema, for each kind of feature."""

from typing import Any

from factory.nouns import Column, Kind
from registry.columns import MISSING

Node = dict[str, Any]
DATE = (
    r"^(19|20)[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])"
    r"(T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9])?$"
)
NUMBER = r"^[+-]?[0-9]{1,15}(\.[0-9]{1,15})?$"
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
        "description": "ISO 8601, UTC without a zone, or seconds since 1970; null is missing.",
        "anyOf": [{"type": "null"}, {"type": "string", "pattern": DATE}, {"enum": list(MISSING)}],
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
