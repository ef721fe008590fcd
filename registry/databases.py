"""Tables from SQL databases, named ``URL#table`` or ``URL#schema.table``.

A password is best written as ``${NAME}``: it is then read from the environment, and never kept.
"""

from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
from sqlalchemy import URL, MetaData, NullPool, Table, create_engine, inspect, make_url, select
from sqlalchemy.engine import Connection
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError

from factory.errors import BadConfig, BadData, Unavailable
from registry.addresses import opened, without_password
from registry.columns import cells
from registry.nearest import nearest

EXAMPLE = "write it as postgresql://user@host/database#table"
DRIVERS = "pip install 'drift-factory[postgres]', or the driver of that database"


def read_database(location: str) -> Any:
    """Read one table of a SQL database into Arrow, in the order of its primary key.

    Raises:
        BadConfig: the URL is malformed or names no table.
        BadData: there is no such database file or table.
        Unavailable: the database does not answer, or its driver is not installed.
    """
    address, _, name = location.rpartition("#")
    if not address or not name:
        raise BadConfig(f"{without_password(location)} names no table.", hint=EXAMPLE)
    url = _parsed(opened(address))
    shown = without_password(address)
    try:
        engine = create_engine(url, poolclass=NullPool)
    except NoSuchModuleError:
        raise BadConfig(f"{url.drivername!r} is no database known.", hint=EXAMPLE) from None
    except ModuleNotFoundError as error:
        raise Unavailable(f"{shown} needs {error.name}.", hint=DRIVERS) from None
    try:
        with engine.connect() as connection:
            return _rows(connection, name, shown)
    except DBAPIError as error:
        reason = " ".join(str(error.orig).split()).rstrip(".")
        raise Unavailable(
            f"{shown} cannot be read: {reason}.", hint="check the URL and that the database runs"
        ) from None
    except SQLAlchemyError as error:
        raise BadData(f"{shown} cannot be read: {error}.", hint=EXAMPLE) from None


def _parsed(address: str) -> URL:
    try:
        url = make_url(address)
    except (ArgumentError, ValueError):
        raise BadConfig("The database's URL is malformed.", hint=EXAMPLE) from None
    # SQLite would create a database that is not there.
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").is_file():
        raise BadData(f"No database file at {url.database}.", hint="check the path in the URL")
    return url


def _rows(connection: Connection, name: str, shown: str) -> Any:
    schema, _, bare = name.rpartition(".")
    inspector = inspect(connection)
    known = [*inspector.get_table_names(schema or None), *inspector.get_view_names(schema or None)]
    if bare not in known:
        raise BadData(f"{shown} has no table {name!r}.", hint=nearest(bare, known))
    table = Table(bare, MetaData(), schema=schema or None, autoload_with=connection)
    result = connection.execute(select(table).order_by(*table.primary_key.columns))
    names = list(result.keys())
    # As objects, or a missing value would turn whole numbers into rounded ones.
    frame = pd.DataFrame(result.all(), columns=names, dtype=object)
    return pa.table([cells(frame[column]) for column in names], names=names)
