"""Asks a person before a change is made, as the policy says: the run waits with a form."""

from typing import Any

from prefect import suspend_flow_run
from prefect.input import RunInput
from prefect.logging import get_run_logger
from pydantic import Field

from factory.config import ModelConfig
from flows.replayed import forget_learnt
from flows.workplace import Workplace, now

KEY = "approval"


class Approval(RunInput):
    """The form that Prefect's UI shows."""

    approve: bool = Field(default=False, description="make the challenger the champion")
    why: str = Field(default="", description="reason, for the ledger")


def waits(body: dict[str, Any]) -> bool:
    """Whether a decision waits for a person."""
    return KEY in body.get("then", body)["notes"]


def ask_person(body: dict[str, Any], settings: ModelConfig, place: Workplace) -> dict[str, Any]:
    """Suspend the run until a person has answered, then promote the challenger or leave it.

    The worker is free in the meantime: the run starts anew with the answer, and finds its
    decision in the ledger. ``factory promote`` remains another way to say yes.

    Raises:
        Conflict: the champion moved in the meantime.
    """
    last = body.get("then", body)
    name, challenger = body["model"], last["challenger"]
    words = (
        f"**{name}: may version {challenger} replace version {last['champion_after']}?**\n\n"
        f"{last['because']}.\n\nGate: {last['verdict']['because']}"
    )
    form = Approval.with_initial_data(description=words)
    hours = settings.deploy.approval_hours
    answer = suspend_flow_run(wait_for_input=form, timeout=int(3600 * hours), key=KEY)
    if not answer.approve:
        get_run_logger().info("not approved: %s", answer.why)
        return {**body, "approved": False}
    place.models.verify(name, challenger)
    place.models.promote(
        name,
        challenger,
        expected=last["champion_after"],
        who="approved in Prefect",
        why=answer.why or last["because"],
        at=now(),
        decision=last["decision"],
    )
    forget_learnt(name, challenger, place)
    return {**body, "approved": True}
