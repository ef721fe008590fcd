"""Raw tables from where users keep them: CSV, Parquet, Delta folders, SQL databases.

Nothing is interpreted here: CSV cells come as the text they are, other formats keep their
types. ``registry.sources`` gives columns their kinds.
"""

import csv
import gzip
import io
import zipfile
import zlib
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from factory.errors import BadData
from registry.addresses import without_password
from registry.databases import read_database
from registry.nearest import nearest

READABLE = "give a .csv, .csv.gz, .csv.zip or .parquet file, a Delta folder, or URL#table"
SEPARATORS = ",;\t|"


def read_table(location: str) -> pd.DataFrame:
    """Read a whole table; columns are backed by Arrow, CSV cells are text.

    Args:
        location: a .csv (also .csv.gz, .csv.zip) or .parquet file, a Delta table's folder, or a
            SQLAlchemy URL with ``#table`` at its end.

    Raises:
        BadData: nothing is there, or it cannot be read, or it has no rows, or two of its
            columns share a name.
        BadConfig: the URL is malformed or names no table.
        Unavailable: the database does not answer, or its driver is not installed.
    """
    table = read_database(location) if "://" in location else _read_path(Path(location))
    shown = without_password(location)
    require_distinct(table, shown)
    if table.num_rows == 0:
        raise BadData(f"{shown} has no rows.", hint="give a table with rows")
    return to_frame(table)


def require_distinct(table: Any, shown: str) -> None:
    """Refuse an Arrow table two of whose columns share a name.

    Args:
        table: as read.
        shown: what the message calls it.

    Raises:
        BadData: two do.
    """
    names = [str(name) for name in table.column_names]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise BadData(
            f"{shown} has {names.count(twice[0])} columns named {twice[0]!r}.",
            hint="give each column a name of its own",
        )


def to_frame(table: Any) -> pd.DataFrame:
    """Return an Arrow table as a frame whose columns are backed by Arrow."""
    frame: pd.DataFrame = table.to_pandas(types_mapper=pd.ArrowDtype, ignore_metadata=True)
    # What pandas kept of its index in a Parquet file is no column of the user's.
    return frame[[n for n in frame.columns if not str(n).startswith("__index_level_")]]


def _read_path(path: Path) -> Any:
    if not path.exists():
        folder = path.parent
        beside = [p.name for p in folder.iterdir()] if folder.is_dir() else []
        near = nearest(path.name, beside)
        hint = near if near.startswith("did") else READABLE
        raise BadData(f"No file at {path}.", hint=hint)
    if path.is_dir():
        return _read_delta(path)
    endings = [ending.lower() for ending in path.suffixes]
    if endings[-1:] == [".parquet"]:
        return _read_parquet(path)
    if endings[-1:] == [".csv"] or endings[-2:] in ([".csv", ".gz"], [".csv", ".zip"]):
        return _read_csv(path)
    ending = path.suffix or "no ending"
    raise BadData(f"{path} is of a kind that is not read ({ending}).", hint=READABLE)


def _read_delta(path: Path) -> Any:
    if not (path / "_delta_log").is_dir():
        raise BadData(f"{path} is a folder, but no Delta table.", hint=READABLE)
    try:
        return DeltaTable(str(path)).to_pyarrow_table()
    except (DeltaError, pa.ArrowException, OSError) as error:
        raise _unreadable(path, "Delta table", error) from None


def _read_parquet(path: Path) -> Any:
    if path.stat().st_size == 0:
        raise BadData(f"{path} is empty.", hint="write the file again")
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            return file.read()
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(path, "Parquet file", error) from None


def _read_csv(path: Path) -> Any:
    try:
        content = _unpacked(path)
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile) as error:
        raise _unreadable(path, "file", error) from None
    options = csv_options(content, path)
    try:
        return pyarrow.csv.read_csv(pa.BufferReader(content), **options)
    except pa.ArrowException as error:
        raise _unreadable(path, "CSV file", error) from None


def csv_options(content: bytes, path: Path) -> dict[str, Any]:
    """Return how a CSV file is read, all of its cells as text.

    Args:
        content: the file's, or as much of its begin as holds the header.
        path: named in errors.

    Raises:
        BadData: it is empty, no UTF-8 text, or has no header.
    """
    if not content.strip():
        raise BadData(f"{path} is empty.", hint="give a file with a header and rows")
    try:
        separator, names = _header(content)
    except UnicodeDecodeError:
        raise BadData(f"{path} is not UTF-8 text.", hint="save it as UTF-8") from None
    except csv.Error as error:
        raise _unreadable(path, "CSV file", error) from None
    return {
        "parse_options": pyarrow.csv.ParseOptions(delimiter=separator, newlines_in_values=True),
        "convert_options": pyarrow.csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()), null_values=[""],
            strings_can_be_null=True,
        ),
    }  # fmt: skip


def _unpacked(path: Path) -> bytes:
    if path.suffix.lower() == ".gz":
        return gzip.decompress(path.read_bytes())
    if path.suffix.lower() != ".zip":
        return path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        members = [name for name in archive.namelist() if name.lower().endswith(".csv")]
        if len(members) != 1:
            raise BadData(
                f"{path} holds {len(members)} CSV files.", hint="pack exactly one .csv file"
            )
        return archive.read(members[0])


def _header(content: bytes) -> tuple[str, list[str]]:
    with io.TextIOWrapper(io.BytesIO(content), encoding="utf-8-sig", newline="") as text:
        first = next(line for line in text if line.strip())
        separator = max(SEPARATORS, key=first.count)
        text.seek(0)
        rows = csv.reader(text, delimiter=separator)
        return separator, next(row for row in rows if row)


def _unreadable(path: Path, kind: str, error: Exception) -> BadData:
    reason = " ".join(str(error).split()).rstrip(".")
    return BadData(f"{path} is no readable {kind}: {reason}.", hint="write the file again")
