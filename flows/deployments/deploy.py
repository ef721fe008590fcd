"""Makes the Prefect server have exactly the deployments that the configs call for."""

import asyncio
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Literal
from uuid import UUID

from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.actions import DeploymentScheduleCreate, WorkPoolCreate
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterTags
from prefect.client.schemas.objects import ConcurrencyOptions
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound, PrefectHTTPStatusError
from prefect.utilities.callables import parameter_schema

from factory.config import ModelConfig, load_config
from factory.deployment import WhenConfig
from factory.errors import BadConfig
from flows.code import code_version
from flows.deployments import jobs
from flows.deployments.automations import apply_automations, automations_of, rescues
from flows.deployments.notify import blocks_of
from flows.deployments.table import (
    POOL,
    QUEUES,
    TAG,
    Deployed,
    deployments_of,
    description_of,
)

Change = Literal["created", "updated", "unchanged", "removed"]
PAGE = 200


@dataclass(frozen=True)
class Told:
    """What became of one deployment."""

    name: str
    queue: str | None
    schedule: str
    change: Change


def deploy(configs: Sequence[Path], home: Path) -> list[Told]:
    """Create, update or leave the deployments of these models.

    Deployments of this home whose config file is gone are removed, with their automations.
    Nothing else on the server is touched, and what is as it should be stays as it is.

    Args:
        configs: one YAML file a model.
        home: the factory's home folder.

    Raises:
        BadConfig: a config or schedule cannot be used, or two configs name one model.
    """
    wanted = {path.absolute(): load_config(path) for path in configs}
    names = [settings.name for settings in wanted.values()]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise BadConfig(f"Two configs name the model {twice[0]!r}.", hint="rename one of them")
    return asyncio.run(_deploy(wanted, home.absolute()))


async def _deploy(wanted: Mapping[Path, ModelConfig], home: Path) -> list[Told]:
    code = str(code_version()["sources"])
    async with get_client() as client:
        await ensure_pool(client)
        known = await ours(client, home)
        told: list[Told] = []
        reactions = rescues()
        for path, settings in wanted.items():
            blocks = await blocks_of(client, settings)
            ids = {}
            for deployed in deployments_of(settings, path, home):
                before = known.pop(f"{deployed.flow}/{settings.name}", None)
                ids[deployed.flow], one = await _apply(client, deployed, settings, before, code)
                told.append(one)
            reactions += automations_of(settings, ids, blocks)
        gone = await _remove_gone(client, known)
        models = {settings.name for settings in wanted.values()}
        models |= {one.name.split("/", 1)[1] for one in gone}
        await apply_automations(client, reactions, models)
    return told + gone


async def ensure_pool(client: PrefectClient) -> None:
    """Create the work pool and its queues where they are missing, and set their priorities."""
    with suppress(ObjectAlreadyExists):
        await client.create_work_pool(WorkPoolCreate(name=POOL, type="process"))
    for queue, priority in QUEUES.items():
        try:
            found = await client.read_work_queue_by_name(queue, work_pool_name=POOL)
        except ObjectNotFound:
            await client.create_work_queue(queue, work_pool_name=POOL, priority=priority)
        else:
            if found.priority != priority:
                await client.update_work_queue(found.id, priority=priority)


async def ours(client: PrefectClient, home: Path | None = None) -> dict[str, DeploymentResponse]:
    """Return the deployments that we made by "flow/model", of one home or of all."""
    mine = DeploymentFilter(tags=DeploymentFilterTags(all_=[TAG]))
    found: list[DeploymentResponse] = []
    while True:
        page = await client.read_deployments(deployment_filter=mine, limit=PAGE, offset=len(found))
        found += page
        if len(page) < PAGE:
            break
    return {
        f"{flow_of(d)}/{d.name}": d
        for d in found
        if home is None or d.parameters.get("home") == str(home)
    }


def flow_of(deployment: DeploymentResponse) -> str:
    """Return the name of the flow that a deployment of ours runs."""
    return str(deployment.entrypoint).rsplit(".", 1)[-1]


async def _apply(
    client: PrefectClient,
    deployed: Deployed,
    settings: ModelConfig,
    before: DeploymentResponse | None,
    code: str,
) -> tuple[UUID, Told]:
    flow = getattr(jobs, deployed.flow)
    version = deployed.version(settings, code)
    schedule = schedule_of(deployed.when)
    told = (settings.name, deployed.queue, _words(deployed.when))
    if before is not None and before.version == version:
        return before.id, Told(f"{deployed.flow}/{told[0]}", *told[1:], "unchanged")
    try:
        made = await client.create_deployment(
            flow_id=await client.create_flow(flow),
            name=settings.name,
            version=version,
            schedules=[] if schedule is None else [DeploymentScheduleCreate(schedule=schedule)],
            concurrency_limit=1,
            concurrency_options=ConcurrencyOptions(collision_strategy=deployed.collision),
            parameters=dict(deployed.parameters),
            description=description_of(deployed, settings),
            work_queue_name=deployed.queue,
            work_pool_name=POOL,
            tags=[TAG, settings.name],
            entrypoint=f"{jobs.__name__}.{deployed.flow}",
            parameter_openapi_schema=parameter_schema(flow).model_dump_for_openapi(),
            enforce_parameter_schema=True,
            job_variables={"env": deployed.environ(settings)},
        )
    except PrefectHTTPStatusError as error:
        raise BadConfig(
            f"Prefect refuses {deployed.flow}/{settings.name}: {error.response.text}.",
            hint="mend that part of the config's deploy section",
        ) from None
    change: Change = "created" if before is None else "updated"
    return made, Told(f"{deployed.flow}/{told[0]}", *told[1:], change)


async def _remove_gone(
    client: PrefectClient, known: Mapping[str, DeploymentResponse]
) -> list[Told]:
    told = []
    for name, deployment in known.items():
        if not os.path.exists(str(deployment.parameters.get("config"))):  # noqa: PTH110, ASYNC240
            await client.delete_deployment(deployment.id)
            told.append(Told(name, deployment.work_queue_name, "", "removed"))
    return told


def schedule_of(when: WhenConfig) -> CronSchedule | IntervalSchedule | None:
    """Return a schedule as Prefect has it.

    Raises:
        BadConfig: the cron line or the time zone is none.
    """
    try:
        if when.cron is not None:
            return CronSchedule(cron=when.cron, timezone=when.timezone)
        if when.every is not None:
            return IntervalSchedule(interval=timedelta(seconds=when.every), timezone=when.timezone)
    except ValueError as error:
        said = str(error).splitlines()
        raise BadConfig(
            f"{when.cron or when.every} in {when.timezone} is no schedule: {said[-2].strip()}.",
            hint="cron: 0 6 * * *, timezone: Europe/Berlin",
        ) from None
    return None


def _words(when: WhenConfig) -> str:
    if when.cron is not None:
        return f"{when.cron} ({when.timezone})"
    return "" if when.every is None else f"every {when.every:g} s"


def told_json(told: Sequence[Told]) -> list[dict[str, object]]:
    """Return what was done as plain JSON."""
    return [asdict(one) for one in told]
