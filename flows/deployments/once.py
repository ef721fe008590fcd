"""Runs that are asked for once, however often the reason comes."""

from typing import Any, cast

from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun
from prefect.deployments import run_deployment
from prefect.states import AwaitingRetry


def ask_once(deployment: str, parameters: dict[str, Any], key: str) -> FlowRun:
    """Create a run of a deployment, and do not wait for it.

    Where it was asked for before, that run is returned; if that failed, it is started again, as
    often as the config bounds the attempts of a run.

    Args:
        deployment: "flow/model".
        parameters: names and numbers.
        key: the same for what is to be asked for once.
    """
    run = cast(
        "FlowRun",
        run_deployment(
            deployment, parameters=parameters, idempotency_key=key, timeout=0, as_subflow=False
        ),
    )
    state = run.state
    if state is not None and (state.is_failed() or state.is_crashed()):
        with get_client(sync_client=True) as client:
            client.set_flow_run_state(run.id, AwaitingRetry(), force=True)
    return run
