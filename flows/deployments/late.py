"""Checks that are late, after a worker was away: one of the newest window does for all of them."""

from datetime import UTC, datetime

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter
from prefect.client.schemas.objects import State, StateType
from prefect.runtime import flow_run
from prefect.states import Cancelled

WORDS = "late, and one check of the newest window did for all that were due"


def coalesce() -> int:
    """Cancel the other scheduled runs of this run's deployment that are due; return how many."""
    with get_client(sync_client=True) as client:
        mine = client.read_flow_run(flow_run.id)
        if mine.deployment_id is None:
            return 0
        due = FlowRunFilter.model_validate(
            {
                "deployment_id": {"any_": [mine.deployment_id]},
                "state": {"type": {"any_": [StateType.SCHEDULED]}},
                "expected_start_time": {"before_": datetime.now(UTC)},
            }
        )
        late = [run for run in client.read_flow_runs(flow_run_filter=due) if run.auto_scheduled]
        for run in late:
            over: State[object] = Cancelled(message=WORDS)
            client.set_flow_run_state(run.id, over)
        return len(late)
