"""The log's upkeep: small files become large ones, old days go."""

import fcntl
from datetime import UTC, datetime, timedelta
from typing import Any

from factory.errors import Unavailable
from registry.home import Home
from registry.inference.table import Table, address, opened

KEPT_HOURS = 24
"""Hours for which a reader may go on with files that are no longer part of a table."""
TABLES: tuple[Table, ...] = ("predictions", "labels")


def maintain(home: Home, model: str, keep_days: int | None) -> None:
    """Compact a model's log, drop the days that are too old, and delete what nobody reads.

    Where another process of this machine does so at the moment, nothing is done.

    Args:
        home: whose log.
        model: registered name.
        keep_days: days that predictions and labels are kept, None for ever.

    Raises:
        Unavailable: the log cannot be written.
    """
    lock = home.inference / "upkeep.lock"
    with lock.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return
        for name in TABLES:
            where = address(home, name, model)
            try:
                _maintain(where, keep_days)
            except Unavailable:
                raise
            except Exception as error:
                raise Unavailable(
                    f"The inference log {where} cannot be compacted: {error}.",
                    hint="mend or move that folder",
                ) from error


def _maintain(where: str, keep_days: int | None) -> None:
    table: Any = opened(where)
    if table is None:
        return
    if keep_days is not None:
        oldest = datetime.now(UTC).date() - timedelta(days=keep_days)
        table.delete(f"day < '{oldest.isoformat()}'")
    table.optimize.compact()
    table.vacuum(retention_hours=KEPT_HOURS, dry_run=False, enforce_retention_duration=False)
    table.create_checkpoint()
    table.cleanup_metadata()
