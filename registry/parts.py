"""Tables larger than memory: Parquet files and Delta tables, part by part."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from factory.errors import BadData

ROWS = 50_000
"""Rows that are held in memory at once, at most."""
PARTITION = "partition."


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a table, by name and number, so that it may be read anywhere.

    Attributes:
        number: of the piece, from 0.
        file: that it lies in.
        group: its row group.
        rows: in it.
        columns: in it.
        shared: columns that have one value in all of its rows, and are not in the file.
    """

    number: int
    file: str
    group: int
    rows: int
    columns: int
    shared: tuple[tuple[str, Any], ...] = ()


def parts_of(location: str) -> tuple[Part, ...]:
    """Return the pieces of a Parquet file or a Delta table on this machine: its row groups.

    Nothing but the files' footers is read. Other tables have no parts, nor have Delta tables
    some of whose rows are only marked as deleted.

    Raises:
        BadData: the table cannot be read.
    """
    path = Path(location)
    if "://" in location or not path.exists():
        return ()
    try:
        files = [(str(path), ())] if path.suffix.lower() == ".parquet" else _delta_files(path)
        found: list[Part] = []
        for file, shared in files:
            with pa.parquet.ParquetFile(file) as opened:
                footer = opened.metadata
            for group in range(footer.num_row_groups):
                rows = footer.row_group(group).num_rows
                columns = footer.num_columns + len(shared)
                found.append(Part(len(found), file, group, rows, columns, tuple(shared)))
    except (DeltaError, pa.ArrowException, OSError) as error:
        raise _unreadable(location, error) from None
    return tuple(found)


def read_part(part: Part) -> Iterator[Any]:
    """Yield a part's rows as Arrow tables of at most 50,000 rows, in order.

    Raises:
        BadData: the file cannot be read.
    """
    try:
        with pa.parquet.ParquetFile(part.file, pre_buffer=False) as file:
            for batch in file.iter_batches(ROWS, row_groups=[part.group], use_threads=False):
                table = pa.Table.from_batches([batch])
                for name, value in part.shared:
                    table = table.append_column(name, pa.array([value] * len(table)))
                yield table
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(part.file, error) from None


def _delta_files(path: Path) -> list[tuple[str, tuple[tuple[str, Any], ...]]]:
    if not (path / "_delta_log").is_dir():
        return []
    table = DeltaTable(str(path))
    if "deletionVectors" in (table.protocol().reader_features or ()):
        return []
    actions = pa.table(table.get_add_actions(flatten=True)).to_pylist()
    files = [
        (
            str(path / unquote(action["path"])),
            tuple(
                (name.removeprefix(PARTITION), value)
                for name, value in action.items()
                if name.startswith(PARTITION)
            ),
        )
        for action in actions
    ]
    return sorted(files)


def _unreadable(location: str, error: Exception) -> BadData:
    reason = " ".join(str(error).split()).rstrip(".")
    return BadData(f"{location} cannot be read: {reason}.", hint="write the table again")
