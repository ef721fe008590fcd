"""Connections to the ledger's database, set up so that a writer locks before it reads."""

from functools import partial
from typing import Any

from sqlalchemy import (
    Connection,
    Engine,
    ExceptionContext,
    NullPool,
    create_engine,
    event,
    make_url,
)
from sqlalchemy.exc import ArgumentError, DatabaseError, NoSuchModuleError, OperationalError

from factory.errors import BadConfig, Damaged, Unavailable
from registry.entries import SCHEMA
from registry.home import LOCK_SECONDS

WRITES = "factory_writes"
"""Execution option of connections whose transactions write."""


def ledger_engine(url: str) -> Engine:
    """Return an engine for a SQLite file or a PostgreSQL database.

    Connections with the option ``WRITES`` begin by taking SQLite's write lock. Whatever the
    database refuses comes as Unavailable.

    Raises:
        BadConfig: the URL is malformed, or another database's.
        Unavailable: PostgreSQL's driver is not installed.
    """
    hint = "give FACTORY_LEDGER_URL as sqlite:////path/ledger.db or postgresql://host/database"
    try:
        address = make_url(url)
    except ArgumentError:
        raise BadConfig("The ledger's URL is malformed.", hint=hint) from None
    local = address.get_backend_name() == "sqlite"
    if not local and address.get_backend_name() != "postgresql":
        raise BadConfig(f"The ledger cannot be kept in {address.drivername!r}.", hint=hint)
    patience = {"timeout": LOCK_SECONDS} if local else {"connect_timeout": int(LOCK_SECONDS)}
    try:
        engine = create_engine(address, poolclass=NullPool, connect_args=patience)
    except NoSuchModuleError:
        raise BadConfig(f"{address.drivername!r} is no driver known.", hint=hint) from None
    except ModuleNotFoundError as error:
        raise Unavailable(
            f"The ledger needs {error.name}.", hint="pip install 'drift-factory[postgres]'"
        ) from None
    shown = address.render_as_string(hide_password=True)
    event.listen(engine, "handle_error", partial(_explain, shown=shown, local=local))
    if not local:
        return engine
    event.listen(engine, "connect", _no_implicit_begin)
    event.listen(engine, "begin", _begin)
    return engine.execution_options(schema_translate_map={SCHEMA: None})


def _no_implicit_begin(connection: Any, _: object) -> None:
    # The sqlite3 module would begin transactions by itself, deferred and too late.
    connection.isolation_level = None


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get(WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _explain(context: ExceptionContext, *, shown: str, local: bool) -> None:
    if type(context.sqlalchemy_exception) not in {OperationalError, DatabaseError}:
        return
    reason = " ".join(str(context.original_exception).split()).rstrip(".?")
    if "locked" in reason or "lock timeout" in reason:
        raise Unavailable(
            f"Another process has held the ledger {shown} for {LOCK_SECONDS:.0f} seconds.",
            hint="let it finish, then run this again",
        ) from None
    kind = Damaged if "decode" in reason or "malformed" in reason else Unavailable
    raise kind(
        f"The ledger {shown} cannot be used: {reason}.",
        hint="restore that file from a backup, or give --home another folder"
        if local
        else "check FACTORY_LEDGER_URL, and that the database runs",
    ) from None
