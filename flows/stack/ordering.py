"""The order in which Prefect's automations see events, whatever became of earlier ones.

Prefect holds an event back until the one that it follows was seen, for up to 15 minutes, and keeps
what it saw in memory. A server that is started anew has seen nothing: it would hold back that a run
ended, and take the run for lost. Events of one server come nearly in order, so that a moment's wait
is enough, and one that did not come by then was lost with the server that held it.
"""

import asyncio

from prefect.server.events.ordering import memory
from prefect.server.events.schemas.events import ReceivedEvent

WAIT_SECONDS, LOOK_SECONDS = 1.0, 0.1


class CausalOrdering(memory.CausalOrdering):
    """Waits a moment for the event before; Prefect finds it by its name in this module."""

    async def wait_for_leader(self, event: ReceivedEvent) -> None:
        """Return when the event that this one follows was seen, or is not awaited any more."""
        leader = event.follows
        if leader is None or leader == event.id:
            return
        for _ in range(round(WAIT_SECONDS / LOOK_SECONDS)):
            if await self.event_has_been_seen(leader):
                return
            await asyncio.sleep(LOOK_SECONDS)
