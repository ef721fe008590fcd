"""Prefect's server, with SQLite transactions that lock before they read.

Prefect begins most transactions deferred. One that reads and then writes loses the upgrade of its
lock to any other writer at once, whatever the timeout: ``database is locked``.
"""

from typing import Any

from fastapi import FastAPI
from prefect.server.api import server
from prefect.server.database.configurations import AioSqliteConfiguration

_begin = AioSqliteConfiguration.begin_transaction


def _immediate(self: AioSqliteConfiguration, session: Any, with_for_update: bool = True) -> Any:
    del with_for_update
    return _begin(self, session, with_for_update=True)


def create_app() -> FastAPI:
    """Return Prefect's application, services and pages included."""
    AioSqliteConfiguration.begin_transaction = _immediate  # type: ignore[method-assign]
    return server.create_app()
