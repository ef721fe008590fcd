"""The little of HTTP that a service needs over bare ASGI."""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

import orjson

from serving.refused import Refused

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
JSON = b"application/json"
Headers = tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, ready to be sent."""

    status: int
    body: bytes
    content_type: bytes = JSON
    headers: Headers = ()


class Gone(Exception):
    """The client left before its request was complete."""


def json_reply(told: Mapping[str, Any], status: int = 200) -> Reply:
    """Return a reply of plain values."""
    return Reply(status, orjson.dumps(told))


def refusal(refused: Refused, headers: Headers = ()) -> Reply:
    """Return the reply to a request that is refused."""
    more = ((b"retry-after", b"1"),) if refused.status == 503 else ()  # noqa: PLR2004 - HTTP
    return Reply(refused.status, orjson.dumps(refused.told()), headers=(*headers, *more))


async def read(receive: Receive, most: int) -> bytes:
    """Return a request's body.

    Args:
        receive: of ASGI.
        most: bytes that are taken.

    Raises:
        Refused: it is larger.
        Gone: the client left.
    """
    message = await receive()
    if message["type"] != "http.request":
        raise Gone
    body: bytes = message.get("body", b"")
    if message.get("more_body"):
        parts, size = [body], len(body)
        while message.get("more_body"):
            message = await receive()
            if message["type"] != "http.request":
                raise Gone
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > most:
                break
        body = b"".join(parts)
    if len(body) > most:
        raise Refused(
            "too_large",
            f"The body has more than {most:,} bytes.",
            hint="send fewer rows at a time, or score the file with factory predict",
        )
    return body


async def send_reply(send: Send, reply: Reply, *, head: bool) -> None:
    """Send a reply; to a HEAD request without its body."""
    headers = [
        (b"content-type", reply.content_type),
        (b"content-length", str(len(reply.body)).encode()),
        *reply.headers,
    ]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if head else reply.body})


def header(scope: Scope, name: bytes) -> str:
    """Return a request's header, empty where there is none."""
    for key, value in scope["headers"]:
        if key == name:
            return str(value.decode("latin-1"))
    return ""
