"""The flows as Prefect has them: runs, artifacts, deployments."""

import asyncio
import json

from prefect.client.orchestration import get_client
from small import world

from flows.artifacts import artifact_key, decision_markdown
from flows.monitor import monitor
from flows.train import train_model
from flows.workplace import open_workplace

LATER = {"start": "2025-03-01", "first": 10_000}


async def artifacts():
    """Return the newest artifact of each key."""
    async with get_client() as client:
        found = await client.read_artifacts()
    return {a.key: a for a in sorted(found, key=lambda a: a.created)}


def test_a_run_leaves_artifacts_that_people_read(shop, window):
    rows = window(world(1500, seed=3, slope=-3.0, **LATER))
    body = monitor(model="small", window=rows, home=str(shop / "home"))
    found = asyncio.run(artifacts())
    assert found["small-decision"].data == decision_markdown(body)
    assert "retrain" in found["small-decision"].data
    assert {s["feature"] for s in json.loads(found["small-drift"].data)} == {"a", "b", "c"}
    assert "/#/models/small/versions/2" in found["small-mlflow"].data


def test_flows_run_as_deployments(shop):
    async def serve_once():
        from prefect.runner import Runner  # noqa: PLC0415 - only here

        told = {"config": str(shop / "small.yaml"), "home": str(shop / "home")}
        deployment = await train_model.ato_deployment("by-deployment", parameters=told)
        runner = Runner(name="tests")
        where = await runner.aadd_deployment(deployment)
        async with get_client() as client:
            run = await client.create_flow_run_from_deployment(where)
            await runner.start(run_once=True)
            return await client.read_flow_run(run.id)

    run = asyncio.run(serve_once())
    assert run.state.is_completed(), run.state
    assert len(open_workplace(shop / "home").models.versions("small")) == 2


def test_names_become_keys_that_prefect_takes():
    assert artifact_key("Flights_2.x") == "flights-2-x"
    assert artifact_key("--") == "model"
