"""The ledger: which version is champion, who made it so and why, and every decision.

It is a database of its own, never MLflow's: a SQLite file, or the schema ``factory`` on
PostgreSQL. A model's history is one chain of entries that is only ever appended to (see
``registry.chain``). Whoever writes first takes a lock on the model, so that two promoters of one
model follow each other instead of meeting.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Select, func, inspect, select, text
from sqlalchemy.dialects import postgresql, sqlite

from registry.chain import Entry, EntryKind, Head
from registry.engine import WRITES, ledger_engine
from registry.entries import (
    SCHEMA,
    Decision,
    LookEntry,
    Promotion,
    Refusal,
    VersionEntry,
    WindowEntry,
    entries,
    metadata,
    models,
)
from registry.home import LOCK_SECONDS
from registry.transaction import Transaction, newest_promotion, read_entries, read_rows
from registry.views import (
    decision_of,
    fold_windows,
    look_of,
    promotion_of,
    refusal_of,
    version_of,
)


class Ledger:
    """The ledger at a SQLAlchemy URL; its tables are created where they are missing.

    Whatever is read is checked against its hash, one by one; ``registry.verify`` walks the chain.

    Raises:
        BadConfig: the URL is malformed, or is neither SQLite's nor PostgreSQL's.
        Unavailable: the database does not answer, or is none.
        Damaged: an entry that is read was edited.
    """

    def __init__(self, url: str) -> None:
        self._engine = ledger_engine(url)
        self._local = self._engine.dialect.name == "sqlite"
        self._before: int | None = None
        with self._engine.connect() as connection:
            schema = None if self._local else SCHEMA
            exists = inspect(connection).has_table(entries.name, schema=schema)
        if not exists:
            with self._writing() as connection:
                self._create(connection)

    def before(self, sequence: int) -> "Ledger":
        """Return the ledger as it was when an entry of a model was about to be written.

        It answers for that model only, and cannot be written to.
        """
        past = copy(self)
        past._before = sequence  # noqa: SLF001 - its own kind
        return past

    @contextmanager
    def transaction(self, model: str) -> Iterator[Transaction]:
        """Hold the lock on one model while the block runs; commit at its end.

        An exception in the block, or the death of the process, leaves the ledger as it was.

        Raises:
            Unavailable: another process held the lock for 30 seconds, or the database is gone.
        """
        if self._before is not None:
            raise ValueError("the past cannot be written")
        with self._writing() as connection:
            add = (sqlite if self._local else postgresql).insert(models).values(name=model)
            connection.execute(add.on_conflict_do_nothing())
            connection.execute(select(models).where(models.c.name == model).with_for_update())
            yield Transaction(connection, model)

    def champion(self, model: str) -> int | None:
        """Return the version that is champion, None where there is none."""
        with self._engine.connect() as connection:
            newest = newest_promotion(connection, model, self._before)
        return newest.version if newest else None

    def previous(self, model: str) -> int | None:
        """Return the version that was champion just before, None where there is none."""
        with self._engine.connect() as connection:
            newest = newest_promotion(connection, model, self._before)
        return newest.previous if newest else None

    def history(self, model: str) -> list[Promotion]:
        """Return every promotion of a model, oldest first."""
        return [promotion_of(entry) for entry in self._of(model, "promotion")]

    def decisions(self, model: str) -> list[Decision]:
        """Return every decision on a model, oldest first."""
        return [decision_of(entry) for entry in self._of(model, "decision")]

    def looks(self, model: str) -> list[LookEntry]:
        """Return every look at a challenger on traffic, oldest first."""
        return [look_of(entry) for entry in self._of(model, "look")]

    def refusals(self, model: str) -> list[Refusal]:
        """Return every challenger that a person refused, oldest first."""
        return [refusal_of(entry) for entry in self._of(model, "refusal")]

    def newest_decision(self, model: str) -> Decision | None:
        """Return the last decision on a model, None where there is none."""
        wanted = select(entries).where(entries.c.model == model, entries.c.kind == "decision")
        found = self._read(wanted.order_by(entries.c.sequence.desc()).limit(1))
        return decision_of(found[0]) if found else None

    def windows(self, model: str) -> list[WindowEntry]:
        """Return every window that a model was trained or checked on, oldest first."""
        return fold_windows(self._of(model, "window", "mark"))

    def versions(self, model: str) -> list[VersionEntry]:
        """Return every version whose content was recorded, oldest first."""
        return [version_of(entry) for entry in self._of(model, "version")]

    def version(self, model: str, version: int) -> VersionEntry | None:
        """Return what was recorded of one version, None where nothing was."""
        found = self._read(
            select(entries).where(
                entries.c.model == model,
                entries.c.key == str(version),
                entries.c.kind == "version",
            )
        )
        return version_of(found[0]) if found else None

    def decision(self, id: str) -> Decision | None:  # noqa: A002 - it is the decision's id
        """Return one decision, None where the id is unknown."""
        wanted = select(entries).where(entries.c.key == id, entries.c.kind == "decision")
        found = self._read(wanted)
        return decision_of(found[0]) if found else None

    def models(self) -> list[str]:
        """Return the names of all models that anything was recorded of."""
        with self._engine.connect() as connection:
            return list(connection.scalars(select(models.c.name).order_by(models.c.name)))

    def head(self, model: str) -> Head | None:
        """Return the end of a model's chain, None where nothing was recorded."""
        with self._engine.connect() as connection:
            return Transaction(connection, model).head()

    def entry(self, model: str, sequence: int) -> Entry | None:
        """Return one link of a chain as it is, None where there is none."""
        wanted = select(entries).where(entries.c.model == model, entries.c.sequence == sequence)
        with self._engine.connect() as connection:
            found = read_rows(connection, wanted)
        return found[0] if found else None

    def chain(self, model: str) -> list[Entry]:
        """Return a model's whole chain, oldest first, as it is: nothing is checked."""
        wanted = select(entries).where(entries.c.model == model)
        with self._engine.connect() as connection:
            return read_rows(connection, wanted.order_by(entries.c.sequence))

    def chained(self) -> list[str]:
        """Return the names that stand in entries, whether or not they are those of models."""
        with self._engine.connect() as connection:
            return sorted(map(str, connection.scalars(select(entries.c.model).distinct())))

    def moment(self) -> datetime:
        """Return what the clock of the ledger's database shows; a file has this machine's."""
        if self._local:
            return datetime.now(UTC)
        with self._engine.connect() as connection:
            shown: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
        return shown

    def file_damage(self) -> str | None:
        """Say what SQLite finds wrong with its file: pages and indices that do not agree."""
        if not self._local:
            return None
        with self._engine.connect() as connection:
            found = connection.exec_driver_sql("PRAGMA integrity_check(1)").scalars().all()
        return None if found == ["ok"] else " ".join(map(str, found))

    def _of(self, model: str, *kinds: EntryKind) -> list[Entry]:
        wanted = select(entries).where(entries.c.model == model, entries.c.kind.in_(kinds))
        return self._read(wanted.order_by(entries.c.sequence))

    def _read(self, wanted: Select[Any]) -> list[Entry]:
        if self._before is not None:
            wanted = wanted.where(entries.c.sequence < self._before)
        with self._engine.connect() as connection:
            return read_entries(connection, wanted)

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with self._engine.execution_options(**{WRITES: True}).begin() as connection:
            if not self._local:
                connection.execute(text(f"SET LOCAL lock_timeout = {1000 * LOCK_SECONDS:.0f}"))
            yield connection

    def _create(self, connection: Connection) -> None:
        if not self._local:
            # Two processes may come first at once, and IF NOT EXISTS alone does not order them.
            connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('factory.ledger'))"))
            connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
        metadata.create_all(connection)
