"""What the Prefect server does by itself: each automation is a trigger and what it causes.

A self-hosted server looks after lost runs only if it is told to. A run whose heartbeats stop, and
one whose process died, is scheduled again; how often is bounded by the worker that takes it up.
Both triggers wait for something that does not come (proactive): as a reaction to the crash itself
the run was started twice.
"""

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from uuid import UUID

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import StateType
from prefect.events.actions import (
    ActionTypes,
    ChangeFlowRunState,
    DoNothing,
    RunDeployment,
    SendNotification,
)
from prefect.events.schemas.automations import Automation, AutomationCore, EventTrigger, Posture

from factory.config import ModelConfig
from flows.deployments.drift import DRIFT, resource_of
from flows.deployments.table import TAG

PAGE = 200
LOST_SECONDS, CRASHED_SECONDS = 75, 20
"""Two and a half heartbeats; and what a worker needs to say what came of a process that died."""
RUN = "prefect.flow-run"
HEARTBEAT = f"{RUN}.heartbeat"
LIVING = {HEARTBEAT, f"{RUN}.Running", f"{RUN}.Pending"}
STATES = {
    "Scheduled", "AwaitingRetry", "AwaitingConcurrencySlot", "Late", "Pending", "Submitting",
    "InfrastructurePending", "Running", "Retrying", "Paused", "Suspended", "Completed", "Failed",
    "Cancelling", "Cancelled", "Crashed",
}  # fmt: skip
OURS = {"prefect.resource.role": "tag", "prefect.resource.id": f"prefect.tag.{TAG}"}
AGAIN = "AwaitingRetry"
NO_SIGN, DIED = "it gave no sign of life", "its process died"
"""Why a run starts again, as its state says."""


def rescues() -> list[AutomationCore]:
    """Return what starts lost runs again, for all our deployments together."""
    every = {f"{RUN}.{state}" for state in STATES}
    lost = _proactive(LOST_SECONDS, every | LIVING, after=LIVING, each_run=True)
    crashed = _proactive(
        CRASHED_SECONDS, every - {f"{RUN}.Crashed"}, after={f"{RUN}.Crashed"}, each_run=True
    )
    return [
        _automation("lost runs start again", (), lost, _again(NO_SIGN)),
        _automation("crashed runs start again", (), crashed, _again(DIED)),
    ]


def automations_of(
    settings: ModelConfig, deployments: Mapping[str, UUID], blocks: Sequence[UUID]
) -> list[AutomationCore]:
    """Return what reacts to one model's events.

    Args:
        settings: the model's.
        deployments: its ids by flow.
        blocks: notification blocks of those who are told.
    """
    name = settings.name
    found = [
        _automation(
            f"{name}: drift is remediated",
            (name,),
            _reactive(
                {DRIFT}, match={"prefect.resource.id": resource_of(name)["prefect.resource.id"]}
            ),
            RunDeployment(
                deployment_id=deployments["remediate"],
                parameters={key: _from_event(key) for key in ("window", "sha256")},
            ),
        )
    ]
    silence = settings.deploy.monitor.alert_after
    if silence is not None:
        words = f"no run of monitor/{name} completed within {silence:g} s"
        trigger = _proactive(silence, {f"{RUN}.Completed"}, of=deployments["monitor"])
        told = _tellers(blocks, f"{name} is not checked", f"{words}. Does a worker of the queue "
                        "default run? fix: factory status")  # fmt: skip
        found.append(_automation(f"{name}: nothing was checked", (name,), trigger, *told))
    if blocks:
        words = (
            "{{ flow.name }} {{ flow_run.name }}: {{ flow_run.state.name }}. "
            "{{ flow_run.state.message }}\n{{ flow_run|ui_url }}"
        )
        trigger = _reactive(
            {f"{RUN}.Failed"},
            related={"prefect.resource.role": "tag", "prefect.resource.id": f"prefect.tag.{name}"},
        )
        told = _tellers(blocks, f"{name}: a run failed", words)
        found.append(_automation(f"{name}: failures are told", (name,), trigger, *told))
    return found


async def apply_automations(
    client: PrefectClient, wanted: Sequence[AutomationCore], models: Collection[str]
) -> None:
    """Make the server have these automations, and none else of these models.

    Args:
        client: of the server.
        wanted: of the models and of all.
        models: whose automations are all among those wanted.
    """
    known = {a.name: a for a in await _ours(client)}
    for automation in wanted:
        before = known.pop(automation.name, None)
        if before is None:
            await client.create_automation(automation)
        elif set(before.tags) != set(automation.tags):
            await client.update_automation(before.id, automation)
    for left in known.values():
        if set(left.tags) & set(models):
            await client.delete_automation(left.id)


async def _ours(client: PrefectClient) -> list[Automation]:
    found: list[Automation] = []
    while True:
        page = await client.read_automations(limit=PAGE, offset=len(found))
        found += page
        if len(page) < PAGE:
            return [a for a in found if TAG in a.tags]


def _automation(
    name: str, tags: Sequence[str], trigger: EventTrigger, *actions: ActionTypes
) -> AutomationCore:
    """Make an automation whose tags tell its content, so that the same is not written twice."""
    made = AutomationCore(name=name, description=name, trigger=trigger, actions=list(actions))
    told = made.model_dump(mode="json", include={"trigger", "actions"})
    for part in (told["trigger"], *told["actions"]):
        part.pop("id", None)
    digest = hashlib.sha256(json.dumps(_sorted(told), sort_keys=True).encode()).hexdigest()[:12]
    return made.model_copy(update={"tags": [TAG, *tags, f"content-{digest}"]})


def _sorted(value: object) -> object:
    """Order what came from sets."""
    if isinstance(value, dict):
        return {key: _sorted(item) for key, item in value.items()}
    if isinstance(value, list):
        return sorted((_sorted(item) for item in value), key=repr)
    return value


def _reactive(
    events: set[str], *, match: dict[str, str] | None = None, related: dict[str, str] | None = None
) -> EventTrigger:
    return EventTrigger(
        expect=events,
        match=match or {"prefect.resource.id": f"{RUN}.*"},
        match_related=related or {},
        posture=Posture.Reactive,
        threshold=1,
        within=timedelta(0),
    )


def _proactive(
    seconds: float,
    expect: set[str],
    *,
    after: set[str] | None = None,
    of: UUID | None = None,
    each_run: bool = False,
) -> EventTrigger:
    deployment = {"prefect.resource.id": f"prefect.deployment.{of}"}
    return EventTrigger(
        after=after or set(),
        expect=expect,
        for_each={"prefect.resource.id"} if each_run else set(),
        match={"prefect.resource.id": f"{RUN}.*"},
        match_related=OURS if of is None else deployment,
        posture=Posture.Proactive,
        threshold=1,
        within=timedelta(seconds=seconds),
    )


def _again(why: str) -> ActionTypes:
    return ChangeFlowRunState(state=StateType.SCHEDULED, name=AGAIN, message=why, force=True)


def _from_event(key: str) -> dict[str, str]:
    return {"__prefect_kind": "jinja", "template": f"{{{{ event.payload.{key} }}}}"}


def _tellers(blocks: Sequence[UUID], subject: str, body: str) -> list[ActionTypes]:
    """Return an action for each block; without any, the server's feed of events tells it."""
    told = [SendNotification(block_document_id=b, subject=subject, body=body) for b in blocks]
    return [*told] or [DoNothing()]
