"""What a training is given to work with: a GPU that nobody else has, or the processors.

One slot of a global concurrency limit stands for one device of one machine, so that several
workers share its devices. A slot is a lease that the worker renews; one that died frees it.
"""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from prefect.client.orchestration import PrefectClient
from prefect.concurrency.asyncio import concurrency

from factory.errors import Unavailable
from flows.worker.devices import Device, devices, free_memory_mb

LEASE_SECONDS, TRY_SECONDS, LOOK_SECONDS = 60.0, 2.0, 2.0
MEMORY_MB = "FACTORY_MEMORY_MB"
"""In a job's environment: free memory that it waits for."""
PROCESSORS = {"CUDA_VISIBLE_DEVICES": ""}
Log = logging.LoggerAdapter[Any] | logging.Logger


def slot_of(device: Device) -> str:
    """Name the concurrency limit that stands for a device."""
    return f"gpu-{socket.gethostname()}-{device.index}"


async def make_slots(client: PrefectClient, found: Sequence[Device]) -> None:
    """Create one slot a device; a limit that is absent would be no limit at all."""
    for device in found:
        await client.upsert_global_concurrency_limit_by_name(slot_of(device), 1)


@asynccontextmanager
async def leased(
    memory_mb: int,
    patience: float,
    log: Log,
    *,
    look: Callable[[], Sequence[Device]] = devices,
    free: Callable[[], int] = free_memory_mb,
) -> AsyncIterator[Mapping[str, str]]:
    """Hold a device while the block runs, and yield the environment that shows only it.

    Where no device is there, or none is large enough, the processors take its place; where
    memory is short, the job waits for it.

    Args:
        memory_mb: free memory that the job needs, of the device, or of the machine without one.
        patience: seconds that it waits for memory.
        log: says which.
        look: returns the devices as they are now.
        free: returns the machine's free memory in MiB.

    Raises:
        Unavailable: the memory did not become free.
    """
    large = [device for device in look() if device.total_mb >= memory_mb]
    async with AsyncExitStack() as held:
        if not large:
            await _until(lambda: free() >= memory_mb, patience, f"{memory_mb} MB of memory", log)
            log.info("no GPU is there for this run; it uses the processors")
            yield PROCESSORS
            return
        device = await _first_free(large, held)
        await _until(
            lambda: _free_of(device, look()) >= memory_mb, patience,
            f"{memory_mb} MB on GPU {device.index}", log,
        )  # fmt: skip
        log.info("GPU %s (%s) is this run's alone", device.index, device.name)
        yield {"CUDA_VISIBLE_DEVICES": device.index, "TF_FORCE_GPU_ALLOW_GROWTH": "true"}


async def _first_free(found: Sequence[Device], held: AsyncExitStack) -> Device:
    """Take whichever device is free first, however long that takes."""
    while True:
        for device in found:
            slot = concurrency(
                slot_of(device),
                timeout_seconds=TRY_SECONDS,
                lease_duration=LEASE_SECONDS,
                strict=True,
                # A server that is away for a moment must not end a training.
                raise_on_lease_renewal_failure=False,
            )
            try:
                await held.enter_async_context(slot)
            except TimeoutError:
                continue
            return device


async def _until(ready: Callable[[], bool], patience: float, what: str, log: Log) -> None:
    """Wait until there is memory; the run's log says that it waits, and for what."""
    deadline = asyncio.get_running_loop().time() + patience
    if not await asyncio.to_thread(ready):
        log.warning("the run waits until %s are free, for %g s at most", what, patience)
    while not await asyncio.to_thread(ready):
        if asyncio.get_running_loop().time() >= deadline:
            raise Unavailable(
                f"{what} did not become free within {patience:g} s.",
                hint="lower deploy.train.memory_mb, or give the queue gpu a larger machine",
            )
        await asyncio.sleep(LOOK_SECONDS)


def _free_of(device: Device, now: Sequence[Device]) -> int:
    return next((one.free_mb for one in now if one.index == device.index), 0)
