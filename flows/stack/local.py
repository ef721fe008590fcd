"""What a process on this machine needs: a free port, an answer, an end with its parent."""

import ctypes
import signal
import socket
from http import HTTPStatus
from urllib.error import URLError
from urllib.request import urlopen

LOOPBACK = "127.0.0.1"
ANSWER_SECONDS = 2.0


def free_port() -> int:
    """Return a loopback port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def answers(url: str) -> bool:
    """Whether a URL answers 200 within two seconds."""
    try:
        with urlopen(url, timeout=ANSWER_SECONDS) as answer:  # noqa: S310 - an address of ours
            return bool(answer.status == HTTPStatus.OK)
    except (URLError, OSError, ValueError):
        return False


def die_with_parent() -> None:
    """Have this process, newly forked, asked to end when its parent dies.

    Signals that the parent ignores, as one in the background of a script does, are heard again.
    """
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
