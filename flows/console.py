"""What people read on a terminal: progress on stderr, answers on stdout."""

import json
import math
from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.table import Table

progress = Console(stderr=True, highlight=False)
answers = Console(highlight=False)


def say(text: str) -> None:
    """Tell what is being done, on stderr."""
    progress.print(text, style="dim")


def print_json(value: Any) -> None:
    """Print one JSON object on stdout; a number that JSON lacks becomes null."""
    print(json.dumps(plain(value), indent=2))  # noqa: T201 - the program's output


def plain(value: Any) -> Any:
    """Return a copy of nested dicts and sequences with NaN and infinities as None.

    >>> plain({"a": [float("nan"), 1.0]})
    {'a': [None, 1.0]}
    """
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def print_table(title: str, columns: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    """Print a table on stdout; its last column takes the lines that it needs."""
    table = Table(title=title, title_justify="left", header_style="bold")
    *narrow, last = columns
    for column in narrow:
        table.add_column(column, no_wrap=True)
    table.add_column(last, overflow="fold")
    for row in rows:
        table.add_row(*("" if cell is None else str(cell) for cell in row))
    answers.print(table)


def moment(text: str) -> str:
    """Return an ISO moment to the minute, as people read it.

    >>> moment("2026-03-31T12:34:56.789000+00:00")
    '2026-03-31 12:34'
    """
    return text[:16].replace("T", " ")
