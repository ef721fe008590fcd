"""``factory server``: one of the stack's servers in the foreground, as a container runs it."""

import os
from argparse import Namespace
from collections.abc import Callable, Mapping

from flows.stack.part import Part
from flows.stack.servers import mlflow_part, prefect_part, servers_home
from registry.home import Home

SERVERS: Mapping[str, Callable[[Home, str, int, Mapping[str, str]], Part]] = {
    "prefect": prefect_part,
    "mlflow": mlflow_part,
}


def run(args: Namespace) -> int:
    """Become the server."""
    home = servers_home(args.home, os.environ)
    part = SERVERS[args.server](home, args.host, args.port, os.environ)
    os.execve(part.command[0], part.command, {**os.environ, **part.environ})  # noqa: S606
