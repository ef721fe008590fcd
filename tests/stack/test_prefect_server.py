import asyncio
from datetime import timedelta
from uuid import uuid4

from prefect.server.events.ordering import get_triggers_causal_ordering
from prefect.server.events.schemas.events import ReceivedEvent, Resource
from prefect.settings import PREFECT_SERVER_EVENTS_CAUSAL_ORDERING, Settings, temporary_settings

from flows.stack.ordering import CausalOrdering
from flows.stack.servers import KEPT, ORDERING, prefect_part


def event(follows=None):
    resource = Resource({"prefect.resource.id": "prefect.flow-run.x"})
    told = {"occurred": "2026-01-01T00:00:00Z", "event": "x", "resource": resource, "id": uuid4()}
    return ReceivedEvent(**told, follows=follows)


def test_an_event_is_told_though_the_one_before_was_lost():
    async def told():
        ordering, seen = CausalOrdering("test"), []

        async def handle(one, depth=0):
            async with ordering.preceding_event_confirmed(handle, one, depth):
                seen.append(one.id)

        lost, first = event(), event()
        after_lost, after_first = event(lost.id), event(first.id)
        # The second waits for the one that is told in the meantime.
        await asyncio.gather(handle(after_lost), handle(after_first), handle(first))
        return seen, [first.id, after_first.id, after_lost.id]

    seen, expected = asyncio.run(told())
    assert seen == expected


def test_prefect_reads_what_it_is_told_to_keep(monkeypatch):
    for variable, value in KEPT.items():
        monkeypatch.setenv(variable, value)
    server = Settings().server
    assert server.events.retention_period == timedelta(days=2)
    vacuum = server.services.db_vacuum
    assert vacuum.enabled_vacuum_types >= {"events", "flow_runs"}
    assert vacuum.retention_period == timedelta(days=30)
    assert vacuum.loop_seconds == 900
    brief = vacuum.event_retention_overrides["prefect.task-run.Completed"]
    assert brief == timedelta(minutes=15)
    assert server.services.scheduler.max_scheduled_time == timedelta(hours=1)


def test_the_server_uses_it(home):
    variable = "PREFECT_SERVER_EVENTS_CAUSAL_ORDERING"
    assert prefect_part(home, "127.0.0.1", 1, {}).environ[variable] == ORDERING
    with temporary_settings({PREFECT_SERVER_EVENTS_CAUSAL_ORDERING: ORDERING}):
        assert isinstance(get_triggers_causal_ordering(), CausalOrdering)
