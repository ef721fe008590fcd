"""Explanations on request, in a process of their own: predictions never wait for them."""

import asyncio
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import lru_cache, partial
from importlib import import_module
from typing import Any, Protocol

import orjson
import pandas as pd

from factory.bundle import Bundle
from factory.errors import FactoryError
from registry.home import Home
from registry.ledger import Ledger
from registry.models import Models
from registry.processes import one_process
from serving.bodies import read_body
from serving.refused import Refused
from serving.served import Served

METHODS: Mapping[str, str] = {
    "shap": "serving.contributions:explain",
    "anchors": "serving.anchors:explain",
}
"""Ways to explain, by name."""
MOST_ROWS = 100


class Explain(Protocol):
    """A way to explain predictions."""

    def __call__(self, bundle: Bundle, rows: pd.DataFrame) -> list[dict[str, Any]]:
        """Return one explanation a row, as plain values.

        Args:
            bundle: what predicted.
            rows: canonical features.
        """
        ...


class Explainer:
    """Starts the process with the first request that needs it.

    Args:
        home: where the versions are.
    """

    def __init__(self, home: Home) -> None:
        self.home = home
        self._pool: ProcessPoolExecutor | None = None

    async def explain(self, served: Served, body: bytes, content_type: str) -> dict[str, Any]:
        """Explain the rows of a body.

        Raises:
            Refused: the body cannot be read, a row is bad, there are more than 100, or the way
                that ``method`` asks for is unknown or not installed.
        """
        method, body = _method(body, content_type)
        asked = read_body(body, content_type, served.compiled.layout, (), v2=False)
        if asked.faults:
            raise Refused(
                "bad_rows",
                f"Row {asked.faults[0].row}, column {asked.faults[0].column!r} cannot be read.",
                hint="mend the cells that errors names; a missing value is null",
                faults=tuple(asked.faults[:MOST_ROWS]),
            )
        if len(asked.rows) > MOST_ROWS:
            raise Refused(
                "too_large",
                f"{len(asked.rows)} rows are too many to explain at once.",
                hint=f"send at most {MOST_ROWS}",
            )
        rows = asked.rows.frame(served.compiled.layout)
        work = partial(_explained, self.home, served.model, served.version, method, rows)
        try:
            said = await asyncio.get_running_loop().run_in_executor(self._process(), work)
        except BrokenProcessPool:
            self._pool = None
            raise Refused(
                "unavailable", "The process that explains has died.", hint="send it again"
            ) from None
        except FactoryError as error:
            raise Refused("unavailable", error.problem, hint=error.hint) from None
        return {
            "explanations": said,
            "method": method,
            "model": served.model,
            "version": served.version,
        }

    def close(self) -> None:
        """Stop the process."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def _process(self) -> ProcessPoolExecutor:
        if self._pool is None:
            self._pool = one_process()
        return self._pool


def _method(body: bytes, content_type: str) -> tuple[str, bytes]:
    """Take the way to explain out of a JSON body."""
    if content_type not in {"", "application/json"}:
        return "shap", body
    try:
        told = orjson.loads(body)
    except ValueError:
        return "shap", body
    method = told.pop("method", "shap") if isinstance(told, dict) else "shap"
    if not isinstance(method, str) or method not in METHODS:
        known = ", ".join(METHODS)
        raise Refused("malformed", "There is no such method to explain.", hint=f"one of: {known}")
    return method, orjson.dumps(told)


def _explained(
    home: Home, model: str, version: int, method: str, rows: pd.DataFrame
) -> list[dict[str, Any]]:
    bundle = _models(home).load(model, version)
    module, function = METHODS[method].split(":")
    explain: Explain = getattr(import_module(module), function)
    return explain(bundle, rows)


@lru_cache(maxsize=1)
def _models(home: Home) -> Models:
    return Models(home, Ledger(home.ledger_url))
