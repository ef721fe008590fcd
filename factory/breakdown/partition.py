"""Partitions: the rows of a reference and of a window, in the same segments."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from factory.breakdown.bins import Bin, Grouping
from factory.breakdown.parts import Place
from factory.errors import BadConfig
from factory.nouns import EMBEDDED, Counts, Floats, Kind, Schema

FEW_VALUES = 20
"""Numbers of at most so many distinct values are parted by value unless a cut is asked for."""
QUARTILES = 4


@dataclass(frozen=True)
class Partition:
    """Reference and window in the same segments.

    Attributes:
        columns: what parts them.
        where: per segment, its place in each column.
        pooled: number of the segment that holds whatever is in no other, None without such rows.
        reference: segment of each row of the reference, shape (n,).
        window: segment of each row of the window, shape (m,).
    """

    columns: tuple[str, ...]
    where: tuple[Mapping[str, Place], ...]
    pooled: int | None
    reference: Counts
    window: Counts

    def rows(self) -> Iterator[tuple[Counts, Counts]]:
        """Yield for each segment the positions of its rows, in reference and window."""
        yield from zip(
            *(_positions(codes, len(self.where)) for codes in (self.reference, self.window)),
            strict=True,
        )


def partition(
    reference: pd.DataFrame, window: pd.DataFrame, schema: Schema, grouping: Grouping, most: int
) -> Partition:
    """Part two canonical tables by columns of theirs.

    Segments and cuts are those of the reference, the largest first. Rows of segments beyond
    ``most``, and rows of the window whose like the reference does not hold, are pooled in one.
    A column that the window lacks is missing throughout.

    Args:
        reference: canonical rows.
        window: canonical rows.
        schema: what their columns mean.
        grouping: columns and their cuts.
        most: segments that are kept apart.

    Raises:
        BadConfig: a column is not there, or its cut does not suit what it holds.

    >>> before = pd.DataFrame({"a": ["x", "x", "y"]}, dtype=object)
    >>> now = pd.DataFrame({"a": ["y", "z"]}, dtype=object)
    >>> schema = Schema((), "t", "regression")
    >>> found = partition(before, now, schema, (Bin(column="a"),), 50)
    >>> found.where, found.pooled, found.window.tolist()
    (({'a': 'x'}, {'a': 'y'}, {'a': 'other'}), 2, [1, 2])
    """
    before = np.zeros(len(reference), dtype=np.intp)
    now = np.zeros(len(window), dtype=np.intp)
    places: list[tuple[Place, ...]] = [()]
    for cut in grouping:
        codes, others, labels = _levels(reference, window, schema, cut)
        known, before, now = _crossed((before, now), (codes, others), len(labels))
        places = [(*places[pair // len(labels)], labels[pair % len(labels)]) for pair in known]
    sizes = np.bincount(before[before >= 0], minlength=len(places))
    kept = np.argsort(-sizes, kind="stable")[:most]
    order = np.full(len(places) + 1, len(kept))
    order[kept] = np.arange(len(kept))
    columns = tuple(_title(cut) for cut in grouping)
    where = [dict(zip(columns, places[number], strict=True)) for number in kept]
    before, now = order[before], order[now]
    pooled = len(kept) if any((side == len(kept)).any() for side in (before, now)) else None
    if pooled is not None:
        where.append(dict.fromkeys(columns, "other"))
    return Partition(columns, tuple(where), pooled, before, now)


def require_columns(columns: Sequence[str], schema: Schema, groupings: Sequence[Grouping]) -> None:
    """Refuse groupings by columns that are not there, or whose cut does not suit their kind.

    Raises:
        BadConfig: as it says.
    """
    for cut in (cut for grouping in groupings for cut in grouping):
        if cut.column not in columns:
            problem = f"there is no column {cut.column!r} to part rows by."
            raise BadConfig(problem, hint=f"choose of: {', '.join(columns)}")
        _suits(cut, _kind(cut.column, schema, None))


def _crossed(
    codes: tuple[Counts, Counts], others: tuple[Counts, Counts], k: int
) -> tuple[list[int], Counts, Counts]:
    """Return the pairs of codes that the reference holds, and each row's; -1 for any other."""
    pairs = [np.where((a < 0) | (b < 0), -1, a * k + b) for a, b in zip(codes, others, strict=True)]
    known = np.unique(pairs[0][pairs[0] >= 0])
    index = pd.Index(known)
    before, now = (np.asarray(index.get_indexer(pair), dtype=np.intp) for pair in pairs)
    return known.tolist(), before, now


def _levels(
    reference: pd.DataFrame, window: pd.DataFrame, schema: Schema, cut: Bin
) -> tuple[Counts, Counts, tuple[Place, ...]]:
    """Return the code of each row in one column, -1 where the reference has none, and labels."""
    if cut.column not in reference:
        require_columns([str(name) for name in reference], schema, ((cut,),))
    before = reference[cut.column].to_numpy()
    now = np.full(len(window), None)
    if cut.column in window:
        now = window[cut.column].to_numpy()
    kind = _kind(cut.column, schema, before)
    _suits(cut, kind)
    if kind == "category":
        return _by_value(before, now)
    if kind == "date":
        return _by_value(*(_part(values, cut.part or "month") for values in (before, now)))
    numbers = np.asarray(before, dtype=np.float64), np.asarray(now, dtype=np.float64)
    edges = _edges(cut, numbers[0])
    return _by_value(*numbers) if edges is None else _by_edges(*numbers, edges)


def _kind(name: str, schema: Schema, values: NDArray[Any] | None) -> Kind | None:
    """Return what a column holds, by the schema or by what it looks like."""
    read = (*schema.features, *schema.beside)
    kinds: dict[str, Kind] = {column.name: column.kind for column in read}
    kinds[schema.target] = "category" if schema.classes else "number"
    if schema.timestamp is not None:
        kinds[schema.timestamp] = "date"
    if name in kinds or values is None:
        return kinds.get(name)
    if values.dtype.kind == "M":
        return "date"
    return "number" if values.dtype.kind in "fiu" else "category"


def _suits(cut: Bin, kind: Kind | None) -> None:
    if kind in EMBEDDED:
        hint = "name a number, a category or a date"
        raise BadConfig(f"{cut.column!r} is a {kind}, which parts no rows.", hint=hint)
    wrong = {
        "category": cut.edges or cut.quantiles or cut.part,
        "number": cut.part,
        "date": cut.edges or cut.quantiles,
    }
    if kind is not None and wrong[kind]:
        held = {"category": "categories", "number": "numbers", "date": "dates"}[kind]
        hint = {"date": f"{{column: {cut.column}, part: month}}"}.get(kind, "leave the cut out")
        raise BadConfig(f"{cut.column!r} holds {held}, which cannot be cut so.", hint=hint)


def _part(values: NDArray[Any], part: str) -> Floats:
    dates = pd.DatetimeIndex(values)
    return np.asarray(getattr(dates, part), dtype=np.float64)


def _edges(cut: Bin, before: Floats) -> Floats | None:
    """Return where numbers are cut; None where each value is a segment of its own."""
    if cut.edges is not None:
        return np.array(cut.edges)
    finite = np.sort(before[np.isfinite(before)])
    if cut.quantiles is None and len(np.unique(finite)) <= FEW_VALUES:
        return None
    parts = cut.quantiles or QUARTILES
    if len(finite) == 0:
        return np.array([])
    edges = np.unique(finite[np.arange(1, parts) * len(finite) // parts])
    return np.asarray(edges[edges > finite[0]], dtype=np.float64)


def _by_value(before: NDArray[Any], now: NDArray[Any]) -> tuple[Counts, Counts, tuple[Place, ...]]:
    lost = [np.asarray(pd.isna(values)) for values in (before, now)]
    names = np.unique(before[~lost[0]])
    labels = tuple(_label(name) for name in names.tolist())
    index = pd.Index(names)
    codes = [np.asarray(index.get_indexer(pd.Index(v)), dtype=np.intp) for v in (before, now)]
    return _with_missing(codes, lost, labels)


def _label(value: str | float) -> Place:
    """Return whole numbers as such, and infinite ones, which JSON lacks, as text."""
    if not isinstance(value, float):
        return value
    if not np.isfinite(value):
        return str(value)
    return int(value) if value.is_integer() else value


def _by_edges(
    before: Floats, now: Floats, edges: Floats
) -> tuple[Counts, Counts, tuple[Place, ...]]:
    lost = [np.isnan(values) for values in (before, now)]
    codes = [np.searchsorted(edges, values, "right") for values in (before, now)]
    texts = [f"{edge:.6g}" for edge in edges]
    if len(set(texts)) < len(texts):
        texts = [str(edge) for edge in edges.tolist()]
    between = [f"{low} to {high}" for low, high in pairwise(texts)]
    labels = (f"below {texts[0]}", *between, f"from {texts[-1]}") if texts else ("any",)
    return _with_missing(codes, lost, labels)


def _with_missing(
    codes: list[Counts], lost: list[NDArray[np.bool_]], labels: tuple[Place, ...]
) -> tuple[Counts, Counts, tuple[Place, ...]]:
    """Give missing values a place of their own where the reference has any."""
    place = len(labels) if lost[0].any() else -1
    before, now = (np.where(gone, place, code) for code, gone in zip(codes, lost, strict=True))
    return before, now, (*labels, None) if place >= 0 else labels


def _positions(codes: Counts, segments: int) -> list[Counts]:
    order = np.argsort(codes, kind="stable")
    return np.split(order, np.searchsorted(codes[order], np.arange(1, segments)))


def _title(cut: Bin) -> str:
    return cut.column if cut.part is None else f"{cut.column} ({cut.part})"
