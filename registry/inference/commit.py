"""From spools into the log: every file once, by whoever comes, and what a killed process lost."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from registry.home import Home
from registry.inference.spool import Left, files_of, frames_of, number_of
from registry.inference.table import address, append

Watch = Callable[[str, int, Any], Mapping[str, Any]]
"""Given a model, a version and rows of the log, it returns columns that are written beside them,
such as each row's outlier score."""


@dataclass(frozen=True, slots=True)
class Loss:
    """Rows that a killed process had taken and not written.

    Attributes:
        at: moment at which it was found, ISO format.
        spool: name of the process's spool.
        rows: lost.
        recovered: rows of it that were brought into the log.
    """

    at: str
    spool: str
    rows: int
    recovered: int


def nothing_beside(model: str, version: int, rows: Any) -> Mapping[str, Any]:
    """Write nothing beside the rows of the log."""
    del model, version, rows
    return {}


def commit_file(home: Home, path: Path, watch: Watch = nothing_beside) -> int:
    """Bring one file of a spool into the log, each model's rows in one commit, and remove it.

    Args:
        home: whose log.
        path: of the file.
        watch: asked for columns beside the rows.

    Returns:
        The rows that are in the log now.

    Raises:
        Unavailable: the log cannot be written; the file stays.
    """
    parts: dict[str, list[Any]] = {}
    for frame in frames_of(path):
        parts.setdefault(frame.model, []).append(frame.rows)
    for model, tables in parts.items():
        rows = with_day(watched(model, tables, watch))
        append(address(home, "predictions", model), rows, (path.parent.name, number_of(path)))
    path.unlink()
    return sum(table.num_rows for tables in parts.values() for table in tables)


def recover(home: Home, watch: Watch = nothing_beside) -> list[Loss]:
    """Bring into the log what killed processes left in their spools.

    Returns:
        What was found of each. It is noted beside the log, see ``losses``.

    Raises:
        Unavailable: the log cannot be written; what is left stays.
    """
    found = []
    for folder in sorted(spools(home).glob("[!.]*")):
        left = Left.take(folder)
        if left is None:
            continue
        try:
            loss = _recover(home, left, watch)
        except BaseException:
            left.release()
            raise
        left.remove()
        found.append(loss)
    return found


def losses(home: Home) -> list[Loss]:
    """Return what killed processes ever left and lost, oldest first."""
    path = home.inference / "killed.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [Loss(**json.loads(line)) for line in lines]


def spools(home: Home) -> Path:
    """Return the folder of a home's spools."""
    return home.inference / "spool"


def with_day(rows: Any) -> Any:
    """Return rows with the day, in UTC, that they are partitioned by."""
    return rows.append_column("day", pc.cast(rows.column("at"), pa.date32()))


def watched(model: str, tables: Sequence[Any], watch: Watch) -> Any:
    """Return rows as one table, with what is written beside them.

    Args:
        model: registered name.
        tables: at least one, each of one version and role.
        watch: asked for it, once for each version and role.
    """
    together: dict[tuple[int, str, tuple[str, ...]], list[Any]] = {}
    for table in tables:
        key = table.column("version")[0].as_py(), table.column("role")[0].as_py()
        together.setdefault((*key, tuple(table.column_names)), []).append(table)
    found = []
    for (version, _, _), parts in together.items():
        rows = pa.concat_tables(parts)
        for name, values in watch(model, version, rows).items():
            rows = rows.append_column(name, values)
        found.append(rows)
    return pa.concat_tables(found, promote_options="default")


def _recover(home: Home, left: Left, watch: Watch) -> Loss:
    taken, written = left.counts()
    files = files_of(left.folder)
    for path in files:
        # A frame may be there that was not counted any more.
        written = max([written, *(frame.written for frame in frames_of(path))])
    recovered = sum(commit_file(home, path, watch) for path in files)
    lost = max(0, taken - written)
    loss = Loss(datetime.now(UTC).isoformat(), left.folder.name, lost, recovered)
    with (home.inference / "killed.jsonl").open("a", encoding="utf-8") as file:
        file.write(f"{json.dumps(asdict(loss))}\n")
    return loss
