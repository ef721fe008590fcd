"""Asks a person before a change is made, as the policy says: a run of its own waits with a form.

Neither the training that made the challenger nor the next check waits with it, and whatever led to
the challenger, an earlier window or a look at traffic, it is asked for in the same way.
"""

from typing import Any

from prefect import suspend_flow_run
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.input import RunInput
from prefect.runtime import flow_run
from prefect.states import Cancelled
from pydantic import Field

from factory.config import ModelConfig
from flows.approval import Waiting, agree, refuse, waiting
from flows.deployments.once import ask_once
from flows.workplace import Workplace

KEY = "approval"
WHO = "a person in Prefect"


class Approval(RunInput):
    """The form that Prefect's UI shows."""

    approve: bool = Field(default=False, description="make the challenger the champion")
    why: str = Field(default="", description="reason, for the ledger")


def ask_approval(name: str, place: Workplace) -> FlowRun | None:
    """Have a run ask for what waits, once; None where nothing does."""
    found = waiting(name, place)
    if found is None:
        return None
    key = f"{found.asked}:{found.champion}:{found.challenger}"
    return ask_once(f"approve/{name}", {"asked": found.asked}, key)


def question(found: Waiting) -> str:
    """Return what a person is asked, in Markdown."""
    verdict = found.body["verdict"]
    return (
        f"**{found.model}: may version {found.challenger} replace version {found.champion}?**\n\n"
        f"{found.body['because']}.\n\nGate: {verdict['because']}\n\n"
        "Without approve the version is refused, and the ledger says so."
    )


def answered(found: Waiting, settings: ModelConfig, place: Workplace) -> tuple[bool, str]:
    """Suspend the run until a person has answered, then do what was said; tell it in words.

    The worker is free in the meantime: the run starts anew with the answer, and finds what waits
    in the ledger. ``factory promote`` remains another way to say yes.

    Raises:
        Conflict: the champion moved in the meantime.
    """
    form = Approval.with_initial_data(description=question(found))
    hours = settings.deploy.approval_hours
    answer: Any = suspend_flow_run(wait_for_input=form, timeout=int(3600 * hours), key=KEY)
    act = agree if answer.approve else refuse
    act(found, place, who=WHO, why=answer.why)
    return answer.approve, answer.why


def cancel_older() -> None:
    """Cancel the runs that ask for earlier challengers of the same model: nobody need answer."""
    with get_client(sync_client=True) as client:
        mine = client.read_flow_run(flow_run.id)
        asking = FlowRunFilter.model_validate(
            {
                "deployment_id": {"any_": [mine.deployment_id]},
                "state": {"type": {"any_": [StateType.PAUSED]}},
            }
        )
        for run in client.read_flow_runs(flow_run_filter=asking):
            over: State[object] = Cancelled(message="another challenger waits by now")
            client.set_flow_run_state(run.id, over, force=True)
