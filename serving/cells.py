"""Columns of parsed JSON or text become canonical rows; a bad cell costs its own row only.

The rules are those of all sources (see ``registry.columns``), applied cell by cell: how a cell is
read does not depend on its neighbours. What is usual takes one pass over a column.
"""

import re
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from factory.compiled.rows import Dates, Layout, Rows
from factory.nouns import WORDED, Bools, Column, Floats
from factory.pictures import to_cells
from registry.columns import LARGEST, MISSING, arrow_cells, categories, cells, dates, numbers
from registry.pictures import from_numbers, picture_cell
from serving.refused import Fault

ABSENT: Any = object()
"""Stands where a row has no such key."""
PLAIN = {int, float, bool, type(None)}
NOTHING = type(None)
VOID = frozenset(MISSING)
ISO = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d:\d\d)?", re.ASCII)
SHOWN = 40
"""Letters of a cell that are shown."""
Columns = Mapping[str, Sequence[Any]]


def read_columns(columns: Columns, n: int, layout: Layout) -> tuple[Rows, list[Fault]]:
    """Read n rows, given column by column.

    Args:
        columns: cells by name, ``ABSENT`` where a row has none; a feature without a column is
            absent in every row.
        n: rows.
        layout: the features to read.

    Returns:
        The rows, missing where a cell is bad, and what is bad, in no order.
    """
    faults: list[Fault] = []
    rows = Rows(
        _numbers([columns.get(name) for name in layout.numbers], n, layout.numbers, faults),
        tuple(
            _worded(column, columns.get(column.name), n, faults)
            for column in layout.features
            if column.kind in WORDED
        ),
        _dates([columns.get(name) for name in layout.dates], n, layout.dates, faults),
    )
    return rows, faults


def read_table(table: Any, layout: Layout) -> tuple[Rows, list[Fault]]:
    """Read an Arrow table, as ``read_columns``."""
    n, known = table.num_rows, set(table.column_names)
    faults: list[Fault] = []
    parts: dict[str, list[Any]] = {"number": [], "worded": [], "date": []}
    empty = {"number": np.full(n, np.nan), "date": np.full(n, "NaT", "datetime64[ns]")}
    for column, _ in layout.placed:
        kind = "worded" if column.kind in WORDED else column.kind
        if column.name not in known:
            faults += [Fault(row, column.name, "required", "nothing") for row in range(n)]
            parts[kind].append(empty.get(kind, [None] * n))
            continue
        if column.kind == "image":
            given = table.column(column.name).to_pylist()
            parts[kind].append(_pictures(column, given, n, faults))
            continue
        array = arrow_cells(table.column(column.name))
        if kind == "worded":
            parts[kind].append(categories(array).tolist())
            continue
        values, bad = numbers(array) if column.kind == "number" else dates(array)
        rule: Any = column.kind
        faults += [
            Fault(row, column.name, rule, _shown(array[row].as_py()))
            for row in np.flatnonzero(bad).tolist()
        ]
        parts[column.kind].append(values)
    return Rows(
        np.column_stack(parts["number"]) if parts["number"] else np.empty((n, 0)),
        tuple(parts["worded"]),
        np.column_stack(parts["date"]) if parts["date"] else np.empty((n, 0), "datetime64[ns]"),
    ), faults


def _numbers(
    found: list[Sequence[Any] | None], n: int, names: tuple[str, ...], faults: list[Fault]
) -> Floats:
    if not names:
        return np.empty((n, 0))
    known = [column for column in found if column is not None]
    if len(known) == len(found) and set(map(type, chain.from_iterable(known))) <= PLAIN:
        try:
            return np.array(known, dtype=np.float64).T
        except OverflowError:
            pass
    made = [_column(c, n, name, faults) for c, name in zip(found, names, strict=True)]
    return np.column_stack(made)


def _column(column: Sequence[Any] | None, n: int, name: str, faults: list[Fault]) -> Floats:
    values = np.full(n, np.nan)
    texts: dict[int, str] = {}
    for row in range(n):
        cell = ABSENT if column is None else column[row]
        if type(cell) is str:
            texts[row] = cell
        elif type(cell) in PLAIN and _fits(cell):
            values[row] = np.nan if cell is None else cell
        else:
            faults.append(_fault(row, name, "number", cell))
    if texts:
        places = list(texts)
        read, bad = numbers(arrow_cells(pa.array(list(texts.values()), pa.large_string())))
        values[places] = read
        faults += _marked(bad, places, name, "number", texts)
    return values


def _worded(
    column: Column, given: Sequence[Any] | None, n: int, faults: list[Fault]
) -> Sequence[str | None]:
    if column.kind == "image":
        return _pictures(column, given, n, faults)
    return _texts(given, n, column.name, faults)


def _pictures(
    column: Column, given: Sequence[Any] | None, n: int, faults: list[Fault]
) -> Sequence[str | None]:
    """Read pictures: files in base64, or their pixels in nested lists."""
    read: list[str | None] = []
    for row, cell in enumerate([ABSENT] * n if given is None else given):
        found = _picture(cell, column.shape)
        if found is None and not (cell is None or (type(cell) is str and cell in VOID)):
            faults.append(_fault(row, column.name, "image", cell))
        read.append(found)
    return read


def _picture(cell: Any, shape: tuple[int, ...]) -> str | None:
    if type(cell) is str:
        return picture_cell(cell, shape)
    if not isinstance(cell, list | np.ndarray):
        return None
    try:
        pixels = from_numbers(cell, shape)
    except ValueError:
        # Its lists are not equally long.
        return None
    return None if pixels is None else str(to_cells(pixels[None])[0])


def _texts(
    column: Sequence[Any] | None, n: int, name: str, faults: list[Fault]
) -> Sequence[str | None]:
    if column is None:
        faults += [_fault(row, name, "required", ABSENT) for row in range(n)]
        return [None] * n
    usual = set(map(type, column)) <= {str, NOTHING}
    if usual and not any(
        cell is not None and (cell in VOID or cell[-2:] == ".0") for cell in column
    ):
        return column
    read: list[str | None] = []
    for row, cell in enumerate(column):
        if type(cell) is str or type(cell) in PLAIN:
            read.append(categories(cells(pd.Series([cell], dtype=object)))[0])
        else:
            read.append(None)
            faults.append(_fault(row, name, "text", cell))
    return read


def _dates(
    found: list[Sequence[Any] | None], n: int, names: tuple[str, ...], faults: list[Fault]
) -> Dates:
    made = np.full((n, len(names)), np.datetime64("NaT"), dtype="datetime64[ns]")
    for place, (column, name) in enumerate(zip(found, names, strict=True)):
        texts: dict[int, str] = {}
        for row in range(n):
            cell = ABSENT if column is None else column[row]
            if type(cell) is str:
                texts[row] = cell
            elif type(cell) in {int, float} and _fits(cell):
                # Whole columns of numbers share a unit; here each cell is read by itself.
                whole = isinstance(cell, int) and abs(cell) < LARGEST
                values, bad = dates(arrow_cells(pa.array([cell if whole else float(cell)])))
                made[row, place] = values[0]
                faults += [_fault(row, name, "date", cell)] if bad[0] else []
            elif cell is not None:
                faults.append(_fault(row, name, "date", cell))
        made[list(texts), place] = _moments(texts, name, faults)
    return made


def _moments(texts: dict[int, str], name: str, faults: list[Fault]) -> Dates:
    if not texts:
        return np.empty(0, "datetime64[ns]")
    places = list(texts)
    quick = _iso(texts.values())
    if quick is not None:
        return quick
    read = [dates(arrow_cells(pa.array([text], pa.large_string()))) for text in texts.values()]
    bad = np.array([bad[0] for _, bad in read])
    faults += _marked(bad, places, name, "date", texts)
    return np.array([values[0] for values, _ in read], dtype="datetime64[ns]")


def _iso(texts: Any) -> Dates | None:
    """Read texts that are all plain ISO moments without a zone, else None."""
    if not all(ISO.fullmatch(text) and "1678" <= text[:4] <= "2261" for text in texts):
        return None
    try:
        return np.array(list(texts), dtype="datetime64[ns]")
    except ValueError:
        return None


def _fits(cell: Any) -> bool:
    """Whether a number has a place among 64-bit floats."""
    return not isinstance(cell, int) or -(1 << 1000) < cell < (1 << 1000)


def _marked(
    bad: Bools, places: list[int], name: str, rule: Any, texts: Mapping[int, str]
) -> list[Fault]:
    hit = (places[i] for i in np.flatnonzero(bad).tolist())
    return [_fault(row, name, rule, texts[row]) for row in hit]


def _fault(row: int, name: str, rule: Any, cell: Any) -> Fault:
    if cell is ABSENT:
        return Fault(row, name, "required", "nothing")
    return Fault(row, name, rule, _shown(cell))


def _shown(cell: Any) -> str:
    told = repr(cell)
    return told if len(told) <= SHOWN else f"{told[: SHOWN - 3]}..."
