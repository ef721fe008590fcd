"""The one door through which plug-ins are loaded: a table of ``"module:attribute"`` lines."""

import difflib
import importlib
from collections.abc import Mapping
from typing import Any

from factory.errors import BadConfig, Unavailable


def plugin(table: Mapping[str, str], name: str, *, extras: Mapping[str, str] | None = None) -> Any:
    """Import what a table lists under a name.

    Args:
        table: of plug-ins.
        name: of one.
        extras: the optional dependencies that plug-ins need, by name.

    Raises:
        BadConfig: the table has no such name.
        Unavailable: it needs a package that is not installed.

    >>> plugin({"root": "math:sqrt"}, "root")(9.0)
    3.0
    """
    if name not in table:
        near = difflib.get_close_matches(name, table, n=1)
        known = ", ".join(table)
        hint = f"did you mean {near[0]!r}?" if near else f"use one of: {known}"
        raise BadConfig(f"{name!r} is not known.", hint=hint)
    module, _, attribute = table[name].partition(":")
    extra = (extras or {}).get(name)
    try:
        return getattr(importlib.import_module(module), attribute)
    except ModuleNotFoundError as error:
        if extra is None:
            raise
        raise Unavailable(
            f"{name!r} needs the package {error.name}.",
            hint=f"pip install 'drift-factory[{extra}]'",
        ) from None
