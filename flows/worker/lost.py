"""Runs whose worker is gone: found by what their state is, not by what was told of them.

The automation on missing heartbeats needs events, and those that a killed server held in memory are
lost. So every worker looks now and then for runs that are said to be at work and give no sign.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import FlowRunFilter
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.events import RelatedResource, emit_event
from prefect.events.filters import EventFilter, EventNameFilter, EventOccurredFilter
from prefect.states import AwaitingRetry

from flows.deployments.automations import HEARTBEAT, LOST_SECONDS, NO_SIGN, OURS, RUN

BEAT_SECONDS, LOOK_SECONDS = 30.0, 10.0
REACHED_SECONDS = 45.0
"""Runs that live are heard within this time after a server was away."""


@asynccontextmanager
async def beating(flow_run: FlowRun) -> AsyncIterator[None]:
    """Give signs of life of a run while the block runs: it waits, and has no process yet."""

    async def beat() -> None:
        while True:
            emit_event(
                HEARTBEAT,
                resource={"prefect.resource.id": f"{RUN}.{flow_run.id}"},
                related=[RelatedResource(OURS)],
            )
            await asyncio.sleep(BEAT_SECONDS)

    beats = asyncio.create_task(beat())
    try:
        yield
    finally:
        beats.cancel()


class Searcher:
    """Has lost runs started again.

    Args:
        client: of the server.
        mine: returns the runs that this worker has at work.
    """

    def __init__(self, client: PrefectClient, mine: Callable[[], Collection[UUID]]) -> None:
        self._client, self._mine = client, mine
        self._reached: datetime | None = None

    async def search(self) -> None:
        """Look for ever."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await self.look(datetime.now(UTC))
            except Exception:  # noqa: BLE001 - whatever the server says, it may say another thing next time
                self._reached = None

    async def look(self, now: datetime) -> list[UUID]:
        """Look once; return the runs that were lost.

        While the server was away nobody could give a sign, so nothing is lost before it has been
        there for a while.
        """
        at_work = FlowRunFilter.model_validate(
            {
                "tags": {"all_": [OURS["prefect.resource.id"].removeprefix("prefect.tag.")]},
                "state": {"type": {"any_": [StateType.PENDING, StateType.RUNNING]}},
            }
        )
        runs = await self._client.read_flow_runs(flow_run_filter=at_work)
        since = now - timedelta(seconds=LOST_SECONDS)
        self._reached = self._reached or now
        if now - self._reached < timedelta(seconds=REACHED_SECONDS):
            return []
        mine = self._mine()
        quiet = [run for run in runs if _entered(run) < since and run.id not in mine]
        heard = await self._heard(since) if quiet else set()
        lost = [run for run in quiet if f"{RUN}.{run.id}" not in heard]
        return [run.id for run in lost if await self._again(run)]

    async def _heard(self, since: datetime) -> set[str]:
        asked = EventFilter(
            event=EventNameFilter(name=[HEARTBEAT]),
            occurred=EventOccurredFilter.model_validate({"since": since}),
        )
        page = await self._client.read_events(asked, limit=50)
        heard = {event.resource.id for event in page.events}
        while page.next_page:
            page = await self._client.read_events_page(str(page.next_page))
            heard |= {event.resource.id for event in page.events}
        return heard

    async def _again(self, run: FlowRun) -> bool:
        """Schedule a run again, unless its state moved since it was looked at."""
        present = await self._client.read_flow_run(run.id)
        if present.state_id != run.state_id:
            return False
        waits: State[object] = AwaitingRetry(message=NO_SIGN)
        await self._client.set_flow_run_state(run.id, waits, force=True)
        return True


def _entered(run: FlowRun) -> datetime:
    """Return when a run came into its state."""
    return run.state.timestamp if run.state is not None else datetime.max.replace(tzinfo=UTC)
