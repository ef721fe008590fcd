"""The service over bare ASGI: its life, and what runs beside the requests."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass

from registry.predictions import Log
from serving.checks import newest_checks
from serving.explain import Explainer
from serving.http import (
    Gone,
    Receive,
    Reply,
    Scope,
    Send,
    refusal,
    send_reply,
)
from serving.metrics import Metrics
from serving.refused import Refused
from serving.routes import Routes
from serving.shelf import Shelf
from serving.tracing import Tracer

log = logging.getLogger("factory.serving")
BODY_BYTES = 64 * 1024 * 1024
POLL_SECONDS = 0.5
CHECK_SECONDS = 5.0
WAIT_SECONDS = 1.0


@dataclass(frozen=True)
class Settings:
    """How a service runs.

    Attributes:
        body_bytes: largest body that is taken.
        poll_seconds: between two looks at the ledger.
        check_seconds: between two looks for a newer check.
        wait_seconds: how long an answer waits for room in the log before the request is refused.
    """

    body_bytes: int = BODY_BYTES
    poll_seconds: float = POLL_SECONDS
    check_seconds: float = CHECK_SECONDS
    wait_seconds: float = WAIT_SECONDS


class Service:
    """One ASGI application that serves several models.

    Args:
        shelf: opened.
        log: where predictions go.
        explainer: answers ``/explain``.
        tracer: makes spans where that is configured.
        settings: how to run.
        beside: returns figures of each model's newest rows, for the metrics.
    """

    def __init__(
        self,
        shelf: Shelf,
        log: Log,
        explainer: Explainer,
        tracer: Tracer,
        settings: Settings | None = None,
        beside: Callable[[], Mapping[str, Mapping[str, float]]] = dict,
    ) -> None:
        self.settings = settings or Settings()
        self.beside = beside
        metrics = Metrics(shelf.names)
        self.routes = Routes(
            shelf, log, explainer, tracer, metrics,
            self.settings.body_bytes, self.settings.wait_seconds,
        )  # fmt: skip
        self._beside = ThreadPoolExecutor(1, thread_name_prefix="follow")
        self._tasks: list[asyncio.Task[None]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or start and stop with the server."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1000})
            return
        self.routes.metrics.busy.inc()
        try:
            reply = await self._reply(scope, receive)
            await send_reply(send, reply, head=scope["method"] == "HEAD")
        except Gone:
            pass
        finally:
            self.routes.metrics.busy.dec()

    async def _reply(self, scope: Scope, receive: Receive) -> Reply:
        try:
            return await self.routes.find(scope)(scope, receive)
        except Refused as refused:
            self.routes.metrics.errors["", refused.kind].inc()
            headers = ((b"allow", refused.hint.encode()),) if refused.status == 405 else ()  # noqa: PLR2004
            return refusal(refused, headers)
        except Gone:
            raise
        except Exception:
            log.exception("a request failed")
            self.routes.metrics.errors["", "internal"].inc()
            hint = "report the lines in its log"
            return refusal(Refused("internal", "This is a defect of the service.", hint=hint))

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        self._tasks = [
            asyncio.create_task(self._every(self.settings.poll_seconds, self._follow)),
            asyncio.create_task(self._every(self.settings.check_seconds, self._look)),
        ]
        await send({"type": "lifespan.startup.complete"})
        await receive()
        for task in self._tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        self._beside.shutdown()
        self.routes.close()
        await send({"type": "lifespan.shutdown.complete"})

    async def _every(self, seconds: float, act: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(seconds)
            try:
                await loop.run_in_executor(self._beside, act)
            except Exception:
                log.exception("what runs beside the requests failed")

    def _follow(self) -> None:
        for name in self.routes.shelf.follow():
            self.routes.metrics.switches.labels(name).inc()

    def _look(self) -> None:
        shelf, live = self.routes.shelf, self.beside()
        checks = newest_checks(shelf.models.ledger, shelf.names)
        self.routes.checks = {
            name: {**checks.get(name, {}), **live.get(name, {})} for name in shelf.names
        }
