"""The one door through which plug-ins are loaded: a table of ``"module:attribute"`` lines."""

import difflib
import importlib
from collections.abc import Mapping
from typing import Any

from factory.errors import BadConfig


def plugin(table: Mapping[str, str], name: str) -> Any:
    """Import what a table lists under a name.

    Raises:
        BadConfig: the table has no such name.

    >>> plugin({"root": "math:sqrt"}, "root")(9.0)
    3.0
    """
    if name not in table:
        near = difflib.get_close_matches(name, table, n=1)
        known = ", ".join(table)
        hint = f"did you mean {near[0]!r}?" if near else f"use one of: {known}"
        raise BadConfig(f"{name!r} is not known.", hint=hint)
    module, _, attribute = table[name].partition(":")
    return getattr(importlib.import_module(module), attribute)
