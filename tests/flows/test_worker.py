"""What a worker gives its runs: a device, memory, patience."""

import asyncio
import errno
import logging
import os
import stat
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import anyio
import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.client.schemas.responses import WorkerFlowRunResponse
from prefect.events.filters import EventFilter, EventNameFilter
from prefect.states import Running
from sqlalchemy.exc import OperationalError

from factory.errors import BadData, Damaged, Unavailable
from flows.deployments.automations import HEARTBEAT, LOST_SECONDS, NO_SIGN, RUN
from flows.deployments.notify import decision_message
from flows.deployments.steady import steady
from flows.deployments.table import TAG
from flows.worker import lease
from flows.worker.devices import Device, devices
from flows.worker.lease import PROCESSORS, leased, make_slots
from flows.worker.lost import Searcher, beating
from flows.worker.worker import WarmWorker, ended, starts

LOG = logging.getLogger(__name__)
LARGE = Device(str(uuid.uuid4()), "one", 80_000, 70_000)
SMALL = Device(str(uuid.uuid4()), "two", 8_000, 8_000)


def given(memory=0, *, look=(), free=10**6, patience=0.0):
    """Lease a device once, and return the environment."""

    async def once():
        async with get_client() as client:
            await make_slots(client, look)
        of = {"look": lambda: look, "free": lambda: free}
        async with leased(memory, patience, LOG, **of) as environ:
            return dict(environ)

    return asyncio.run(once())


def test_without_a_gpu_the_processors_work():
    assert given() == PROCESSORS
    assert given(9_000, look=[SMALL]) == PROCESSORS


def test_a_job_sees_its_own_device_only():
    environ = given(9_000, look=[SMALL, LARGE])
    assert environ["CUDA_VISIBLE_DEVICES"] == LARGE.index
    assert environ["TF_FORCE_GPU_ALLOW_GROWTH"] == "true"


def test_a_device_has_one_job_at_a_time():
    async def twice():
        async with get_client() as client:
            await make_slots(client, [LARGE, SMALL])
        of = {"look": lambda: [LARGE, SMALL], "free": lambda: 0}
        async with leased(0, 0, LOG, **of) as one, leased(0, 0, LOG, **of) as other:
            seen = {one["CUDA_VISIBLE_DEVICES"], other["CUDA_VISIBLE_DEVICES"]}
            waits = asyncio.create_task(leased(0, 0, LOG, **of).__aenter__())
            done, _ = await asyncio.wait({waits}, timeout=3)
            assert not done
            waits.cancel()
            await asyncio.wait({waits})
            return seen

    assert asyncio.run(twice()) == {LARGE.index, SMALL.index}


def test_memory_that_does_not_become_free_is_a_clear_end():
    with pytest.raises(Unavailable, match="500 MB of memory did not become free"):
        given(500, free=400)
    full = Device(LARGE.index, "one", 80_000, 100)
    with pytest.raises(Unavailable, match="on GPU"):
        given(9_000, look=[full])


@pytest.mark.parametrize("gpu", [False, True])
def test_a_job_that_does_not_fit_waits_and_says_so(gpu, monkeypatch, caplog):
    monkeypatch.setattr(lease, "LOOK_SECONDS", 0.01)
    memory = iter([400, 400, 450, 600, 600])

    async def once():
        free = {"free": lambda: next(memory)}
        if gpu:
            async with get_client() as client:
                await make_slots(client, [LARGE])
            free = {"look": lambda: [replace(LARGE, free_mb=next(memory))]}
        async with leased(500, 60, LOG, **{"look": list, **free}) as environ:
            return dict(environ)

    with caplog.at_level(logging.WARNING):
        environ = asyncio.run(once())
    assert environ["CUDA_VISIBLE_DEVICES"] == (LARGE.index if gpu else "")
    where = f"on GPU {LARGE.index}" if gpu else "of memory"
    assert f"the run waits until 500 MB {where} are free, for 60 s at most" in caplog.messages


def test_the_driver_is_asked_for_devices(tmp_path, monkeypatch):
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho '0, A, 8000, 100'; echo '1, B, 8000, 7000'\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert [one.index for one in devices()] == ["1", "0"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    assert [one.index for one in devices()] == ["0"]
    program.write_text("#!/bin/sh\nexit 9\n")
    assert devices() == ()


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "No space left on device"),
        (OperationalError("x", {}, Exception("database is locked")), "database is locked"),
        (Unavailable("The registry is away.", hint="start it"), "The registry is away"),
    ],
)
def test_what_may_pass_is_tried_again_within_bounds(fault, says):
    calls = []

    @flow
    def work(faults):
        def once():
            calls.append(1)
            if len(calls) <= faults:
                raise fault
            return "done"

        return steady(once, pauses=(0, 0))

    assert work(2) == "done"
    calls.clear()
    with pytest.raises(Unavailable, match=says) as caught:
        work(9)
    assert len(calls) == 3
    assert "3 attempts" in str(caught.value)
    assert caught.value.hint


@pytest.mark.parametrize("fault", [BadData("no", hint="x"), Damaged("no", hint="x"), KeyError("k")])
def test_what_does_not_pass_by_itself_ends_at_once(fault):
    calls = []

    @flow
    def work():
        def once():
            calls.append(1)
            raise fault

        return steady(once, pauses=(0, 0))

    with pytest.raises(type(fault)):
        work()
    assert len(calls) == 1


def test_a_decision_is_told_with_who_is_to_blame_and_where_to_look():
    body = {
        "model": "m", "champion_before": 1, "evidence": {"report": "http://page"},
        "diagnosis": {"cause": "concept_drift", "because": "It moved", "culprits": ["a", "b"]},
        "remedy": {"kind": "roll_back", "to_version": 1}, "because": "Worse", "verdict": None,
        "notes": {"ticket": "t.md"}, "champion_after": 3,
    }  # fmt: skip
    subject, text = decision_message(body, "http://run")
    assert subject.startswith("m: ")
    for part in ("Worse.", "a, b", "1 -> 3", "Ticket: t.md", "http://page", "http://run"):
        assert part in text


def state(kind, message=None, name=None):
    return State(type=StateType[kind], name=name, message=message)


LOST = state("SCHEDULED", NO_SIGN, "AwaitingRetry")
PULLED = [state("PENDING"), state("PENDING", name="Submitting")]


@pytest.mark.parametrize("last", ["COMPLETED", "CANCELLED", "FAILED"])
def test_what_had_ended_when_it_was_taken_for_lost_ends_as_it_did(last):
    states = [*PULLED, state("RUNNING"), state(last, "why"), LOST, LOST, *PULLED]
    over = ended(states)
    assert (over.type, over.message) == (StateType[last], "why")


@pytest.mark.parametrize(
    "states",
    [
        PULLED,
        [*PULLED, state("RUNNING"), LOST, *PULLED],
        [*PULLED, state("CRASHED"), LOST, *PULLED],
        [*PULLED, state("FAILED"), state("SCHEDULED", name="AwaitingRetry"), *PULLED],
    ],
)
def test_what_had_not_ended_or_is_asked_for_again_runs(states):
    assert ended(states) is None


def test_a_run_that_was_given_up_has_all_its_attempts_when_it_is_asked_for_again():
    lost = [*PULLED, state("CRASHED")]
    again = state("SCHEDULED", name="AwaitingRetry")
    assert starts([*lost, again, *lost, again, *PULLED]) == 3
    assert starts([*lost, again, *lost, state("FAILED"), again, *PULLED]) == 1


def test_a_run_that_is_answered_before_its_process_has_ended_waits_for_the_next_look():
    async def look():
        worker = WarmWorker("pool", limit=2, trains=False)
        worker._limiter = slots = anyio.CapacityLimiter(2)  # noqa: SLF001 - as its setup does
        answered = FlowRun(id=uuid.uuid4(), flow_id=uuid.uuid4())
        slots.acquire_on_behalf_of_nowait(answered.id)
        found = [WorkerFlowRunResponse(
            work_pool_id=uuid.uuid4(), work_queue_id=uuid.uuid4(), flow_run=answered
        )]  # fmt: skip
        assert await worker._submit_scheduled_flow_runs(found) == []  # noqa: SLF001 - as it looks
        assert slots.borrowed_tokens == 1

    asyncio.run(look())


def test_a_run_that_gives_no_sign_is_found_without_any_event():
    async def look():
        async with get_client() as client:
            runs = [
                await client.create_flow_run(a_flow, tags=[TAG], state=Running()) for _ in range(3)
            ]
            searcher = Searcher(client, lambda: {runs[0].id})
            await asyncio.sleep(1.5)
            heard = datetime.now(UTC)
            async with beating(runs[1]):
                await _heard(client, runs[1])
            # The server may have been away until now.
            assert await searcher.look(heard) == []
            then = heard + timedelta(seconds=LOST_SECONDS - 1)
            assert await searcher.look(then) == [runs[2].id]
            names = [(await client.read_flow_run(run.id)).state.name for run in runs]
            for run in runs:
                await client.delete_flow_run(run.id)
            return names

    assert asyncio.run(look()) == ["Running", "Running", "AwaitingRetry"]


@flow
def a_flow():
    pass


async def _heard(client, run):
    """Wait until the server has a sign of life of a run."""
    for _ in range(150):
        asked = EventFilter(event=EventNameFilter(name=[HEARTBEAT]))
        page = await client.read_events(asked, limit=50)
        if f"{RUN}.{run.id}" in {event.resource.id for event in page.events}:
            return
        await asyncio.sleep(0.2)
    raise TimeoutError
