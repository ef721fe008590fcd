"""Asks who calls, in front of a service."""

from base64 import b64encode
from collections.abc import Awaitable, Callable
from hmac import compare_digest

from serving.http import Receive, Scope, Send, header, refusal, send_reply
from serving.refused import Refused

App = Callable[[Scope, Receive, Send], Awaitable[None]]
PROBES = frozenset({"/ping", "/health", "/v2/health/live", "/v2/health/ready"})
"""What may be asked by anybody: whether the service works."""


class Guard:
    """An ASGI application that lets requests with one name and password through, and probes.

    Args:
        app: what answers them.
        name: of HTTP's basic scheme; ``Bearer name:password`` is taken too.
        password: the same.
    """

    def __init__(self, app: App, name: str, password: str) -> None:
        self._app = app
        whole = f"{name}:{password}".encode()
        self._keys = (b"Basic " + b64encode(whole), b"Bearer " + whole)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or turn it away."""
        if scope["type"] == "lifespan" or self._may(scope):
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            hint = "send the name and password of FACTORY_AUTH by HTTP's basic scheme"
            refused = Refused("unauthorized", "Nobody known asks.", hint=hint)
            asks = ((b"www-authenticate", b'Basic realm="factory"'),)
            await send_reply(send, refusal(refused, asks), head=scope["method"] == "HEAD")
        else:
            await send({"type": "websocket.close", "code": 1008})

    def _may(self, scope: Scope) -> bool:
        if scope["type"] == "http" and scope["path"] in PROBES:
            return True
        given = header(scope, b"authorization").encode()
        return any(compare_digest(given, key) for key in self._keys)
