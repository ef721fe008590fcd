"""A Prefect process worker whose runs are forks of a warm interpreter."""

import asyncio
import os
import tempfile
from abc import ABC
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Any

import anyio
from anyio.abc import TaskStatus
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.objects import FlowRun, State
from prefect.client.schemas.responses import WorkerFlowRunResponse
from prefect.flows import load_flow_from_flow_run
from prefect.runner._flow_run_executor import FlowRunExecutionResult, FlowRunExecutorContext
from prefect.runner._process_manager import ProcessHandle
from prefect.states import AwaitingRetry, Failed
from prefect.workers.process import ProcessJobConfiguration, ProcessWorker, ProcessWorkerResult

from factory.errors import Unavailable
from flows.deployments.automations import NO_SIGN
from flows.worker.devices import devices
from flows.worker.lease import MEMORY_MB, PROCESSORS, leased, make_slots
from flows.worker.lost import Searcher, beating
from flows.worker.start import Forked, Nest

ATTEMPTS = "FACTORY_ATTEMPTS"
"""In a job's environment: how often its process may be lost."""
MEMORY_PATIENCE = 600.0


# Abstract in name only: Prefect's table of worker types keeps its own process worker.
class WarmWorker(ProcessWorker, ABC):
    """Pulls runs, watches and cancels them as any process worker; only starting one is ours.

    A worker that is asked to stop hands its runs back, so that another one takes them up at once.
    A run whose process died again and again is given up, as its deployment says.

    Args:
        trains: its runs are trainings, each with a device of its own.
        *args: as of Prefect's process worker.
        **kwargs: as of Prefect's process worker.
    """

    def __init__(self, *args: Any, trains: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._nest = Nest()
        self._trains = trains
        self._search: asyncio.Task[None] | None = None

    async def setup(self) -> None:
        """Warm up before the first run is pulled."""
        await self._nest.ready()
        await super().setup()
        if self._trains:
            await make_slots(self.client, await asyncio.to_thread(devices))
        self._search = asyncio.create_task(Searcher(self.client, self._nest.runs).search())

    async def teardown(self, *exc_info: Any) -> None:
        """End what still runs, and the warm interpreter."""
        if self._search is not None:
            self._search.cancel()
        try:
            await super().teardown(*exc_info)
        finally:
            with anyio.CancelScope(shield=True):
                await self._nest.close()

    async def _submit_scheduled_flow_runs(
        self, flow_run_response: list[WorkerFlowRunResponse]
    ) -> list[FlowRun]:
        """Leave what a person answered before its last process had ended to the next look.

        Prefect's worker would end: it counts such a run twice.
        """
        held = () if self._limiter is None else self._limiter.statistics().borrowers
        free = [found for found in flow_run_response if found.flow_run.id not in held]
        submitted: list[FlowRun] = await super()._submit_scheduled_flow_runs(free)
        return submitted

    async def run(
        self,
        flow_run: FlowRun,
        configuration: ProcessJobConfiguration,
        task_status: TaskStatus[int] | None = None,
    ) -> ProcessWorkerResult:
        """Run one flow run in a process of its own, and return when it has ended."""
        told = task_status or anyio.TASK_STATUS_IGNORED
        attempts = int(configuration.env.get(ATTEMPTS) or 1)
        states = await states_of(self.client, flow_run)
        over = ended(states)
        if over is None and starts(states) > attempts:
            over = given_up(attempts)
        if over is not None:
            await self.client.set_flow_run_state(flow_run.id, over, force=True)
            told.started(os.getpid())
            return ProcessWorkerResult(status_code=0, identifier="over")
        try:
            execution = await self._given(flow_run, configuration, told)
        except anyio.get_cancelled_exc_class():
            with anyio.CancelScope(shield=True):
                await _hand_back(flow_run)
            raise
        if execution is None or execution.status_code is None:
            raise Unavailable("The run's process did not start.", hint="read the worker's log")
        return ProcessWorkerResult(
            status_code=execution.status_code, identifier=str(execution.handle.pid)
        )

    async def _given(
        self,
        flow_run: FlowRun,
        configuration: ProcessJobConfiguration,
        task_status: TaskStatus[int],
    ) -> FlowRunExecutionResult | None:
        """Run it with what it needs: a training with a device, all else without one."""
        if not self._trains:
            configuration.env |= PROCESSORS
            return await self._execute(flow_run, configuration, task_status)
        memory = int(configuration.env.get(MEMORY_MB) or 0)
        log = self.get_flow_run_logger(flow_run)
        async with AsyncExitStack() as held:
            async with beating(flow_run):
                given = await held.enter_async_context(leased(memory, MEMORY_PATIENCE, log))
            configuration.env |= given
            return await self._execute(flow_run, configuration, task_status)

    async def _execute(
        self,
        flow_run: FlowRun,
        configuration: ProcessJobConfiguration,
        task_status: TaskStatus[int],
    ) -> FlowRunExecutionResult | None:
        execution: FlowRunExecutionResult | None = None
        with tempfile.TemporaryDirectory(prefix="factory-run-") as folder:
            async with FlowRunExecutorContext() as context:
                starter = Forked(
                    self._nest, configuration.env, folder, context.control_channel
                )  # fmt: skip
                executor = context.create_executor(
                    flow_run,
                    starter,
                    resolve_flow=load_flow_from_flow_run,
                    propose_submitting=False,
                )

                async def execute(
                    *, task_status: TaskStatus[ProcessHandle] = anyio.TASK_STATUS_IGNORED
                ) -> None:
                    nonlocal execution
                    execution = await executor.submit(task_status=task_status)

                async with anyio.create_task_group() as group:
                    handle: ProcessHandle = await group.start(execute)
                    if handle.pid is not None:
                        task_status.started(handle.pid)
        return execution


async def states_of(client: PrefectClient, flow_run: FlowRun) -> list[State[Any]]:
    """Return every state that a run was in, oldest first."""
    states = await client.read_flow_run_states(flow_run.id)
    return sorted(states, key=lambda state: state.timestamp)


def starts(states: Sequence[State[Any]]) -> int:
    """Count how often a run was begun since it was last asked for.

    A person's answer asks anew, and so does whoever starts a run again that was given up.
    """
    asked = [i for i, state in enumerate(states) if state.is_paused() or state.is_failed()]
    since = states[max(asked, default=-1) + 1 :]
    return sum(state.is_pending() and state.name == "Pending" for state in since)


def ended(states: Sequence[State[Any]]) -> State[Any] | None:
    """Return the end of a run that was taken for lost when it had ended; None where it had not.

    The automation does not look at the state, and events that told of the end may be lost.
    """
    before = list(states)
    while before and before[-1].is_pending():
        before.pop()
    taken = False
    while before and before[-1].is_scheduled() and before[-1].message == NO_SIGN:
        before.pop()
        taken = True
    if not (taken and before and before[-1].is_final()) or before[-1].is_crashed():
        return None
    last = before[-1]
    return State(type=last.type, name=last.name, message=last.message)


def given_up(attempts: int) -> State[Any]:
    """Return the state of a run whose process was lost too often."""
    words = (
        f"its process was lost {attempts} times. fix: look at the worker's log and the machine's "
        "memory, then run it again from here"
    )
    failed: State[Any] = Failed(message=words)
    return failed


async def _hand_back(flow_run: FlowRun) -> None:
    async with get_client() as client:
        now = await client.read_flow_run(flow_run.id)
        if now.state is not None and not now.state.is_final() and not now.state.is_paused():
            waits: State[Any] = AwaitingRetry(message="the worker was asked to stop")
            await client.set_flow_run_state(flow_run.id, waits, force=True)
