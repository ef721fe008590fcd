"""Tables of any size, read piece by piece: every piece as many rows, however they lie."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.csv

from factory.errors import BadData
from registry.addresses import without_password
from registry.parts import parts_of, read_part
from registry.tables import csv_options, read_table, require_distinct, to_frame

ROWS = 50_000
"""Rows of a piece."""
STREAMED = (".csv", ".csv.gz")
BLOCK = 2**22
"""Bytes of a CSV file that are looked at together."""


def pieces_of(location: str, rows: int = ROWS) -> Iterator[pd.DataFrame]:
    """Yield a table's rows in order, as ``read_table`` would give them, so many at a time.

    Parquet files, Delta tables and CSV files may be larger than memory; other sources are read
    as a whole.

    Args:
        location: a .csv (also .csv.gz, .csv.zip) or .parquet file, a Delta table's folder, or a
            SQLAlchemy URL with ``#table`` at its end.
        rows: of every piece but the last.

    Raises:
        BadData: the table cannot be read, or has no rows.
        BadConfig: the URL is malformed or names no table.
        Unavailable: the database does not answer, or its driver is not installed.
    """
    found = 0
    for table in rechunked(_distinct(_tables(location), location), rows):
        found += table.num_rows
        yield to_frame(table)
    if not found:
        raise BadData(f"{without_password(location)} has no rows.", hint="give a table with rows")


def rechunked(tables: Iterable[Any], rows: int) -> Iterator[Any]:
    """Yield Arrow tables of so many rows each, the last one of what is left.

    >>> parts = [pa.table({"a": [1, 2, 3]}), pa.table({"a": [4]}), pa.table({"a": [5, 6]})]
    >>> [part["a"].to_pylist() for part in rechunked(parts, 4)]
    [[1, 2, 3, 4], [5, 6]]
    """
    held: list[Any] = []
    count = 0
    for table in tables:
        held.append(table)
        count += table.num_rows
        if count < rows:
            continue
        whole = pa.concat_tables(held, promote_options="permissive")
        last = count - count % rows
        for start in range(0, last, rows):
            yield whole.slice(start, rows)
        held, count = [whole.slice(last)], count - last
    if count:
        yield pa.concat_tables(held, promote_options="permissive")


def _tables(location: str) -> Iterator[Any]:
    parts = parts_of(location)
    if parts:
        for part in parts:
            yield from read_part(part)
    elif "://" not in location and Path(location).is_file() and location.lower().endswith(STREAMED):
        yield from _csv(Path(location))
    else:
        frame = read_table(location)
        yield pa.Table.from_pandas(frame, preserve_index=False)


def _distinct(tables: Iterable[Any], location: str) -> Iterator[Any]:
    for table in tables:
        require_distinct(table, without_password(location))
        yield table


def _csv(path: Path) -> Iterator[Any]:
    try:
        with pa.input_stream(str(path)) as head:
            options = csv_options(head.read(BLOCK), path)
        read = pyarrow.csv.ReadOptions(block_size=BLOCK)
        with (
            pa.input_stream(str(path)) as file,
            pyarrow.csv.open_csv(file, read_options=read, **options) as batches,
        ):
            for batch in batches:
                yield pa.Table.from_batches([batch])
    except (pa.ArrowException, OSError) as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise BadData(
            f"{path} is no readable CSV file: {reason}.", hint="write the file again"
        ) from None
