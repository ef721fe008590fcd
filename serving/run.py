"""Starts a service on uvicorn, and stops it so that nothing is lost."""

import gc
import signal
import socket
from collections.abc import Callable

import uvicorn

from factory.errors import Unavailable
from serving.guard import App

BACKLOG = 2048


def listening(host: str, port: int) -> socket.socket:
    """Bind an address; port 0 takes a free one.

    Raises:
        Unavailable: it is taken, or none of this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        raise Unavailable(
            f"{host}:{port} cannot be listened on: {error.strerror}.", hint="give another --port"
        ) from None
    return bound


def serve(service: App, bound: socket.socket, ready: Callable[[], None]) -> None:
    """Answer requests until the process is told to stop; what was begun is finished first.

    Args:
        service: what answers.
        bound: see ``listening``.
        ready: called when requests are answered.
    """
    config = uvicorn.Config(
        service,
        loop="auto",
        http="auto",
        lifespan="on",
        access_log=False,
        log_level="warning",
        backlog=BACKLOG,
        server_header=False,
        timeout_graceful_shutdown=30,
    )
    server = _Server(config)
    server.ready = ready
    # When all is finished uvicorn raises the signal again that stopped it; to be told to stop is
    # no error here.
    before = {number: signal.signal(number, _heard) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        server.run(sockets=[bound])
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _heard(number: int, frame: object) -> None:
    del number, frame


class _Server(uvicorn.Server):
    """Tells when it answers."""

    ready: Callable[[], None]

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            # What is loaded stays: to look through it for garbage again and again would hold up
            # requests for a third of a second each time.
            gc.collect()
            gc.freeze()
            self.ready()
