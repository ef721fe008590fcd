"""Starts flow runs in the warm interpreter, as the worker's process starter."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast
from uuid import UUID

import anyio
from anyio.abc import TaskStatus
from prefect.client.schemas.objects import FlowRun
from prefect.runner._control_channel import ControlChannel
from prefect.runner._process_manager import ProcessHandle
from prefect.settings import get_current_settings

from factory.errors import Unavailable


def _launch(worker: socket.socket) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "flows.worker.nest"], stdin=worker.fileno(), start_new_session=True
    )


@dataclass
class Job:
    """The process of one run, as far as Prefect's process manager asks.

    Attributes:
        pid: its number, None until it began.
        returncode: how it ended, None while it runs.
    """

    began: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    pid: int | None = None
    returncode: int | None = None


class Nest:
    """The warm interpreter, seen from the worker: started anew where it died."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._listener: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()
        self._jobs: dict[str, Job] = {}

    def runs(self) -> set[UUID]:
        """Return the runs that it has at work."""
        return {UUID(run) for run in self._jobs}

    async def ready(self) -> None:
        """Wait until it is warm.

        Raises:
            Unavailable: it ended before.
        """
        if self._listener is None or self._listener.done():
            await self._start()
        waits = asyncio.create_task(self._ready.wait())
        assert self._listener is not None  # noqa: S101 - for mypy
        await asyncio.wait({waits, self._listener}, return_when=asyncio.FIRST_COMPLETED)
        if not self._ready.is_set():
            waits.cancel()
            raise Unavailable("The warm interpreter ended at once.", hint="read the worker's log")

    async def begin(self, run: str, environ: Mapping[str, str], folder: str) -> Job:
        """Fork a process for a run, and return when it has begun."""
        await self.ready()
        job = self._jobs[run] = Job()
        asked = {"run": run, "environ": dict(environ), "folder": folder}
        assert self._writer is not None  # noqa: S101 - for mypy
        self._writer.write(json.dumps(asked).encode() + b"\n")
        await self._writer.drain()
        await job.began.wait()
        if job.pid is None:
            raise Unavailable("The warm interpreter ended.", hint="read the worker's log")
        return job

    async def close(self) -> None:
        """End it, and every run with it."""
        if self._process is not None:
            self._process.kill()
            await asyncio.to_thread(self._process.wait)
        if self._listener is not None:
            await self._listener
        if self._writer is not None:
            self._writer.close()

    async def _start(self) -> None:
        ours, theirs = socket.socketpair()
        self._ready.clear()
        self._process = _launch(theirs)
        theirs.close()
        reader, self._writer = await asyncio.open_connection(sock=ours)
        self._listener = asyncio.create_task(self._listen(reader))

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        """Hear of runs that begin and end until the interpreter is gone."""
        try:
            while line := await reader.readline():
                self._hear(json.loads(line))
        except ConnectionError:
            pass
        for job in self._jobs.values():
            # Whatever it ran has died with it.
            job.returncode = -signal.SIGKILL
            job.began.set()
            job.ended.set()
        self._jobs.clear()

    def _hear(self, message: dict[str, Any]) -> None:
        if "ready" in message:
            self._ready.set()
        elif "pid" in message:
            job = self._jobs[message["run"]]
            job.pid = message["pid"]
            job.began.set()
        else:
            job = self._jobs.pop(message["run"])
            job.returncode = message["status"]
            job.ended.set()


class Forked:
    """Starts one run as a fork; what Prefect calls a process starter.

    Args:
        nest: the warm interpreter.
        environ: of the run.
        folder: that it works in.
        control: over which a cancellation is announced before the signal.
    """

    def __init__(
        self, nest: Nest, environ: Mapping[str, str | None], folder: str, control: ControlChannel
    ) -> None:
        self._nest = nest
        self._environ = environ
        self._folder = folder
        self._control = control

    async def start(
        self, flow_run: FlowRun, task_status: TaskStatus[ProcessHandle] = anyio.TASK_STATUS_IGNORED
    ) -> None:
        """Begin the run, tell its process, and return when it has ended."""
        environ: dict[str, str | None] = {
            **self._environ,
            **get_current_settings().to_environment_variables(exclude_unset=True),
            "PREFECT__FLOW_RUN_ID": str(flow_run.id),
            "PREFECT__ENABLE_CANCELLATION_AND_CRASHED_HOOKS": "false",
        }
        try:
            port, token = self._control.register(flow_run.id)
            environ |= {"PREFECT__CONTROL_PORT": str(port), "PREFECT__CONTROL_TOKEN": token}
        except RuntimeError:
            pass  # without a loopback port a cancellation comes as a signal only
        told = {key: value for key, value in environ.items() if value is not None}
        try:
            job = await self._nest.begin(str(flow_run.id), told, self._folder)
        except BaseException:
            self._control.unregister(flow_run.id)
            raise
        task_status.started(ProcessHandle(cast("Any", job)))
        try:
            await job.ended.wait()
        finally:
            if job.returncode is None and job.pid is not None:
                os.kill(job.pid, signal.SIGKILL)
