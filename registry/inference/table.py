"""The log's Delta tables: appended to exactly once, read by columns and ranges."""

import random
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake
from deltalake.exceptions import DeltaError, TableNotFoundError

from factory.errors import BadData, Unavailable
from registry.home import Home
from registry.inference.columns import fitted

Table = Literal["predictions", "labels"]
TRIES = 8
"""Attempts of a commit that others come before."""
PAUSE = 0.05
"""Seconds before the second attempt."""
PROPERTIES = {
    "delta.checkpointInterval": "50",
    "delta.logRetentionDuration": "interval 7 days",
    "delta.enableExpiredLogCleanup": "true",
}


def address(home: Home, table: Table, model: str) -> str:
    """Return where a model's table lies: a path, or a URL that deltalake knows."""
    return f"{home.log_url.rstrip('/')}/{table}/{model}"


def opened(where: str) -> Any:
    """Return a Delta table as it is now, None where there is none yet.

    Raises:
        BadData: it is damaged.
        Unavailable: its store does not answer.
    """
    try:
        if "://" not in where and not (Path(where) / "_delta_log").is_dir():
            return None
        return DeltaTable(where)
    except TableNotFoundError:
        return None
    except DeltaError as error:
        raise BadData(
            f"The inference log {where} is damaged: {error}.", hint="move it away"
        ) from None
    except Exception as error:  # noqa: BLE001 - a store's errors have no common type
        raise Unavailable(
            f"The inference log {where} cannot be read: {error}.",
            hint="check FACTORY_LOG_URL and the store's credentials",
        ) from None


def append(where: str, rows: Any, once: tuple[str, int] | None = None) -> bool:
    """Append rows in one commit; others may append at the same time.

    Args:
        where: the table, made where there is none.
        rows: Arrow table with a column ``day``. Columns that the table lacks are added to it;
            where a name is taken by another kind of values, see ``columns.fitted``.
        once: who appends, and the number of what is appended, increasing. What was appended
            under these or later numbers is not appended again.

    Returns:
        Whether it was appended now.

    Raises:
        Unavailable: the table cannot be written.
    """
    properties = None
    if once is not None:
        properties = CommitProperties(app_transactions=[Transaction(*once)])
    problem: object = ""
    for attempt in range(TRIES):
        try:
            table = opened(where)
            if table is not None and once is not None and appended(table, once):
                return False
            held = pa.schema([]) if table is None else pa.schema(table.schema().to_arrow())
            write_deltalake(
                where if table is None else table, fitted(rows, held), mode="append",
                partition_by=["day"], schema_mode="merge", configuration=PROPERTIES,
                commit_properties=properties,
            )  # fmt: skip
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001 - a store's errors have no common type
            problem = error
            time.sleep(random.uniform(0, PAUSE * 2**attempt))  # noqa: S311 - no secret
        else:
            return True
    raise Unavailable(
        f"The inference log {where} cannot be written: {problem}.",
        hint="mend or move that folder, then predict again",
    )


def appended(table: Any, once: tuple[str, int]) -> bool:
    """Whether a table holds what was to be appended once."""
    newest = table.transaction_version(once[0])
    return newest is not None and newest >= once[1]


def read(where: str, columns: Sequence[str] | None = None, kept: Any = None) -> Any:
    """Return rows of a table, in no order; an empty table without columns where there is none.

    Args:
        where: the table.
        columns: to read; those that it lacks are left out. None reads all.
        kept: Arrow expression of the rows to keep. Files that cannot hold any are not opened.

    Raises:
        BadData: the table is damaged.
        Unavailable: its store does not answer.
    """
    table = opened(where)
    if table is None:
        return pa.table({})
    try:
        dataset = table.to_pyarrow_dataset()
        if columns is not None:
            columns = [name for name in columns if name in dataset.schema.names]
        return dataset.to_table(columns=columns, filter=kept)
    except (DeltaError, pa.ArrowException, OSError) as error:
        raise BadData(
            f"The inference log {where} is damaged: {error}.", hint="move it away"
        ) from None


def names(where: str) -> list[str]:
    """Return a table's columns, none where there is no table yet.

    Raises:
        BadData: the table is damaged.
        Unavailable: its store does not answer.
    """
    table = opened(where)
    return [] if table is None else pa.schema(table.schema().to_arrow()).names


def found(where: str, column: str, value: str) -> list[Any]:
    """Return the rows whose column has a value, each as a table of one row, oldest first."""
    if column not in names(where):
        return []
    rows = read(where, None, pc.field(column) == value)
    rows = rows.sort_by([("at", "ascending"), ("version", "ascending")])
    return [rows.slice(place, 1) for place in range(rows.num_rows)]
