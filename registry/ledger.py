"""The ledger: which version is champion, who made it so and why, and every decision.

It is a database of its own, never MLflow's: a SQLite file, or the schema ``factory`` on
PostgreSQL. History is only ever appended to. Whoever writes first takes a lock on the model, so
that two promoters of one model follow each other instead of meeting.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Table, func, insert, inspect, select, text, update
from sqlalchemy.dialects import postgresql, sqlite

from factory.nouns import DataVersion
from registry.engine import WRITES, ledger_engine
from registry.entries import (
    SCHEMA,
    Decision,
    Promotion,
    Source,
    WindowEntry,
    decisions,
    metadata,
    models,
    promotions,
    windows,
)
from registry.home import LOCK_SECONDS


class Transaction:
    """What may be written of one model while its lock is held; all of it is kept, or none."""

    def __init__(self, connection: Connection, model: str) -> None:
        self.connection = connection
        self.model = model

    def champion(self) -> int | None:
        """Return the version that is champion now."""
        newest = _newest(self.connection, self.model)
        return newest.version if newest else None

    def previous(self) -> int | None:
        """Return the version that was champion just before."""
        newest = _newest(self.connection, self.model)
        return newest.previous if newest else None

    def promote(
        self, version: int, *, who: str, why: str, at: str, decision: str | None = None
    ) -> bool:
        """Make a version the champion; False, and nothing written, where it is already.

        Args:
            version: of this model.
            who: person or program.
            why: the reason in words.
            at: moment, UTC, ISO format.
            decision: id of the decision that led to it.
        """
        champion = self.champion()
        if champion == version:
            return False
        told = {"version": version, "previous": champion, "who": who, "why": why, "at": at}
        self._append(promotions, **told, decision=decision)
        return True

    def record_decision(
        self,
        id: str,  # noqa: A002 - it is the decision's id
        *,
        window_sha256: str,
        champion_before: int | None,
        champion_after: int | None,
        body: str,
        at: str,
    ) -> bool:
        """Append a decision; False, and nothing written, where its id is known already."""
        if self.connection.scalar(select(decisions.c.id).where(decisions.c.id == id)) is not None:
            return False
        before_after = {"champion_before": champion_before, "champion_after": champion_after}
        self._append(
            decisions, id=id, window_sha256=window_sha256, **before_after, body=body, at=at
        )
        return True

    def record_window(
        self, version: DataVersion, *, source: Source, labelled: int, quarantined: bool, at: str
    ) -> bool:
        """Append a window; False where the same content is known already.

        What is known keeps its place and its source; only the quarantine of a checked window
        follows the newest word on it.
        """
        same = (windows.c.model == self.model) & (windows.c.sha256 == version.sha256)
        if self.connection.execute(select(windows.c.sequence).where(same)).first():
            checked = same & (windows.c.source == "window")
            self.connection.execute(update(windows).where(checked).values(quarantined=quarantined))
            return False
        span = {"rows": version.rows, "start": version.start, "end": version.end}
        self._append(
            windows, sha256=version.sha256, source=source, **span,
            labelled=labelled, quarantined=quarantined, at=at,
        )  # fmt: skip
        return True

    def _append(self, table: Table, **values: Any) -> None:
        newest = select(func.max(table.c.sequence)).where(table.c.model == self.model)
        sequence = (self.connection.scalar(newest) or 0) + 1
        row = {"model": self.model, "sequence": sequence, **values}
        self.connection.execute(insert(table).values(row))


class Ledger:
    """The ledger at a SQLAlchemy URL; its tables are created where they are missing.

    Raises:
        BadConfig: the URL is malformed, or is neither SQLite's nor PostgreSQL's.
        Unavailable: the database does not answer, or is none.
    """

    def __init__(self, url: str) -> None:
        self._engine = ledger_engine(url)
        self._local = self._engine.dialect.name == "sqlite"
        with self._engine.connect() as connection:
            exists = inspect(connection).has_table(
                windows.name, schema=None if self._local else SCHEMA
            )
        if not exists:
            with self._writing() as connection:
                self._create(connection)

    @contextmanager
    def transaction(self, model: str) -> Iterator[Transaction]:
        """Hold the lock on one model while the block runs; commit at its end.

        An exception in the block, or the death of the process, leaves the ledger as it was.

        Raises:
            Unavailable: another process held the lock for 30 seconds, or the database is gone.
        """
        with self._writing() as connection:
            add = (sqlite if self._local else postgresql).insert(models).values(name=model)
            connection.execute(add.on_conflict_do_nothing())
            connection.execute(select(models).where(models.c.name == model).with_for_update())
            yield Transaction(connection, model)

    def champion(self, model: str) -> int | None:
        """Return the version that is champion, None where there is none."""
        with self._engine.connect() as connection:
            return Transaction(connection, model).champion()

    def previous(self, model: str) -> int | None:
        """Return the version that was champion just before, None where there is none."""
        with self._engine.connect() as connection:
            return Transaction(connection, model).previous()

    def history(self, model: str) -> list[Promotion]:
        """Return every promotion of a model, oldest first."""
        return [Promotion(**row) for row in self._rows(promotions, model)]

    def decisions(self, model: str) -> list[Decision]:
        """Return every decision on a model, oldest first."""
        return [Decision(**row) for row in self._rows(decisions, model)]

    def windows(self, model: str) -> list[WindowEntry]:
        """Return every window that a model was trained or checked on, oldest first."""
        return [WindowEntry(**row) for row in self._rows(windows, model)]

    def decision(self, id: str) -> Decision | None:  # noqa: A002 - it is the decision's id
        """Return one decision, None where the id is unknown."""
        with self._engine.connect() as connection:
            row = connection.execute(select(decisions).where(decisions.c.id == id)).first()
        return Decision(**row._mapping) if row else None  # noqa: SLF001 - SQLAlchemy's public name

    def models(self) -> list[str]:
        """Return the names of all models that anything was recorded of."""
        with self._engine.connect() as connection:
            return list(connection.scalars(select(models.c.name).order_by(models.c.name)))

    def _rows(self, table: Table, model: str) -> list[Any]:
        wanted = select(table).where(table.c.model == model).order_by(table.c.sequence)
        with self._engine.connect() as connection:
            return list(connection.execute(wanted).mappings())

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


def _newest(connection: Connection, model: str) -> Promotion | None:
    wanted = select(promotions).where(promotions.c.model == model)
    row = connection.execute(wanted.order_by(promotions.c.sequence.desc()).limit(1)).first()
    return Promotion(**row._mapping) if row else None  # noqa: SLF001 - SQLAlchemy's public name
