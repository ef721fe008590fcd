"""``factory worker``: pull runs from a queue and perform them."""

import asyncio
import os
import signal
import socket
from argparse import Namespace
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from prefect.settings import (
    PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
    PREFECT_WORKER_QUERY_SECONDS,
    temporary_settings,
)

from flows.console import say
from flows.deployments.server import require_server
from flows.deployments.table import GPU, POOL
from flows.worker.devices import devices
from flows.worker.worker import WarmWorker

SETTINGS: Mapping[Any, Any] = {
    PREFECT_WORKER_QUERY_SECONDS: 1.0,
    PREFECT_FLOWS_HEARTBEAT_FREQUENCY: 30,
}
"""A run is seen within a second; one whose worker is lost is missed by its heartbeats."""


def run(args: Namespace) -> int:
    """Work until asked to stop; runs that are not over then are handed back."""
    require_server(args.home)
    os.environ["FACTORY_HOME"] = str(args.home)
    told = {key: value for key, value in SETTINGS.items() if key.name not in os.environ}
    with suppress(asyncio.CancelledError, KeyboardInterrupt), temporary_settings(told):
        asyncio.run(_work(args))
    return 0


def fitting(queue: str) -> int:
    """Return how many runs at a time this machine can do with: one a device, or one a processor."""
    if queue == GPU:
        return max(1, len(devices()))
    return max(2, len(os.sched_getaffinity(0)))


async def _work(args: Namespace) -> None:
    name = args.worker_name or f"{args.queue}-{socket.gethostname()}-{os.getpid()}"
    worker = WarmWorker(
        work_pool_name=POOL,
        work_queues=[args.queue],
        name=name,
        limit=args.limit or fitting(args.queue),
        prefetch_seconds=0,
        heartbeat_interval_seconds=10,
        trains=args.queue == GPU,
    )
    works = asyncio.current_task()
    assert works is not None  # noqa: S101 - for mypy
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, works.cancel)
    await worker.start(printer=say)
