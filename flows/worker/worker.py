"""A Prefect process worker whose runs are forks of a warm interpreter."""

import tempfile
from abc import ABC
from typing import Any

import anyio
from anyio.abc import TaskStatus
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun, State
from prefect.flows import load_flow_from_flow_run
from prefect.runner._flow_run_executor import FlowRunExecutionResult, FlowRunExecutorContext
from prefect.runner._process_manager import ProcessHandle
from prefect.states import AwaitingRetry
from prefect.workers.process import ProcessJobConfiguration, ProcessWorker, ProcessWorkerResult

from factory.errors import Unavailable
from flows.worker.start import Forked, Nest


# Abstract in name only: Prefect's table of worker types keeps its own process worker.
class WarmWorker(ProcessWorker, ABC):
    """Pulls runs, watches and cancels them as any process worker; only starting one is ours.

    A worker that is asked to stop hands its runs back, so that another one takes them up at once.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._nest = Nest()

    async def setup(self) -> None:
        """Warm up before the first run is pulled."""
        await self._nest.ready()
        await super().setup()

    async def teardown(self, *exc_info: Any) -> None:
        """End what still runs, and the warm interpreter."""
        try:
            await super().teardown(*exc_info)
        finally:
            with anyio.CancelScope(shield=True):
                await self._nest.close()

    async def run(
        self,
        flow_run: FlowRun,
        configuration: ProcessJobConfiguration,
        task_status: TaskStatus[int] | None = None,
    ) -> ProcessWorkerResult:
        """Run one flow run in a process of its own, and return when it has ended."""
        told = task_status or anyio.TASK_STATUS_IGNORED
        try:
            execution = await self._execute(flow_run, configuration, told)
        except anyio.get_cancelled_exc_class():
            with anyio.CancelScope(shield=True):
                await _hand_back(flow_run)
            raise
        if execution is None or execution.status_code is None:
            raise Unavailable("The run's process did not start.", hint="read the worker's log")
        return ProcessWorkerResult(
            status_code=execution.status_code, identifier=str(execution.handle.pid)
        )

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


async def _hand_back(flow_run: FlowRun) -> None:
    async with get_client() as client:
        now = await client.read_flow_run(flow_run.id)
        if now.state is not None and not now.state.is_final() and not now.state.is_paused():
            waits: State[Any] = AwaitingRetry(message="the worker was asked to stop")
            await client.set_flow_run_state(flow_run.id, waits, force=True)
