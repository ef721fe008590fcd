"""Drift to remedy over the queues: an event, an automation, a training worker, a person."""

import os
from collections import Counter
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
from crew import receiver, until, working
from prefect.blocks.notifications import CustomWebhookNotificationBlock
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter
from prefect.events import emit_event
from prefect.flow_runs import resume_flow_run
from prefect.states import Pending, Scheduled
from small import command, world, write_config

from flows.deployments.deploy import deploy
from flows.deployments.drift import DRIFT, resource_of
from flows.workplace import open_workplace

LATER = {"start": "2025-03-01", "first": 10_000}


@pytest.fixture
def told(prefect_api):
    """A receiver of what people are told, known to Prefect as a block."""
    with receiver() as (url, heard):
        block = CustomWebhookNotificationBlock(
            name="people", url=url, json_data={"subject": "{{subject}}", "body": "{{body}}"}
        )
        block.save(f"people{os.getpid()}", overwrite=True)
        yield f"custom-webhook/people{os.getpid()}", heard


def runs_of(name, flow):
    """Return the flow runs of one deployment."""
    with get_client(sync_client=True) as client:
        deployment = client.read_deployment_by_name(f"{flow}/{name}")
        of = FlowRunFilter(deployment_id={"any_": [deployment.id]})
        return client.read_flow_runs(flow_run_filter=of)


def in_state(name, flow, state):
    """Return the first run of a deployment that is in a state."""
    return next((r for r in runs_of(name, flow) if r.state.name == state), None)


def test_drift_is_remedied_by_a_training_worker_when_a_person_agrees(shop, told, capsys):
    block, heard = told
    name = "small"
    config = write_config(
        shop,
        policy={"approve": "retrain"},
        deploy={
            "monitor": {"windows": "windows/*.csv", "silence": 10},
            "notify": [block],
            "attempts": 1,
        },
    )
    home = shop / "home"
    (shop / "windows").mkdir()
    world(1500, seed=3, slope=-3.0, **LATER).to_csv(shop / "windows" / "w.csv", index=False)
    deploy([config], home)
    try:
        with working(home, "default", "gpu"):
            code, run = command("trigger", "monitor", name, "--wait", home=home, capsys=capsys)
            assert code == 0
            assert run["message"].startswith("drift: ")
            waiting = until(lambda: in_state(name, "approve", "Suspended"), shop)
            trained = in_state(name, "retrain", "Completed")
            assert trained.state.message.startswith("waits for ")
            place = open_workplace(home)
            assert place.models.champion(name) == 1
            asked = next(one for one in heard if "may version 2 replace 1?" in one["subject"])
            for part in ("factory promote small 2", "Gate: ", str(waiting.id)):
                assert part in asked["body"]

            given = {key: trained.parameters[key] for key in ("window", "sha256")}
            emit_event(DRIFT, resource=resource_of(name), payload=given)
            until(lambda: len(runs_of(name, "remediate")) == 2, shop)
            until(lambda: all(r.state.is_completed() for r in runs_of(name, "remediate")), shop)
            assert [r.id for r in runs_of(name, "retrain")] == [trained.id]
            assert [r.id for r in runs_of(name, "approve")] == [waiting.id]

            resume_flow_run(waiting.id, run_input={"approve": True, "why": "I saw it"})
            ended = until(lambda: in_state(name, "approve", "Completed"), shop)
            assert ended.state.message == "version 2 was approved: I saw it"
            assert place.models.champion(name) == 2
            last = place.ledger.history(name)[-1]
            assert (last.who, last.why) == ("a person in Prefect", "I saw it")
            assert len(place.ledger.decisions(name)) == 1

            given_up_after_its_process_was_lost(name)
            failed = until(lambda: in_state(name, "train", "Failed"), shop)
            assert "lost 1 times" in failed.state.message
            until(lambda: any("a run failed" in one["subject"] for one in heard), shop)
            until(lambda: any("is not checked" in one["subject"] for one in heard), shop)
    finally:
        config.unlink()
        deploy([], home)


def test_late_checks_are_one_check_which_asks_for_what_waits_and_a_no_is_kept(shop, capsys):
    name, home = "small", shop / "home"
    config = write_config(
        shop,
        policy={"approve": "retrain"},
        deploy={
            "monitor": {"windows": "windows/*.csv", "every": 3600},
            "predict": {"source": "w.csv", "output": "scores.csv", "cron": "0 4 * * *"},
        },
    )
    world(1500, seed=4, slope=-3.0, **LATER).to_csv(shop / "w.csv", index=False)
    # Decided where no deployment was, so that nobody was asked.
    told = ["run", str(config), "--window", str(shop / "w.csv")]
    _, decision = command(*told, home=home, capsys=capsys)
    assert decision["notes"]["approval"] == "factory promote small 2"
    deploy([config], home)
    try:
        late(name, hours=5)
        with working(home, "default"):
            waiting = until(lambda: in_state(name, "approve", "Suspended"), shop)
            until(lambda: all(r.state.is_final() for r in runs_of(name, "monitor")), shop)
            states = Counter(r.state.name for r in runs_of(name, "monitor"))
            assert states == {"Completed": 1, "Cancelled": 4}
            resume_flow_run(waiting.id, run_input={"approve": False, "why": "too soon"})
            ended = until(lambda: in_state(name, "approve", "Completed"), shop)
            assert ended.state.message == "version 2 was refused: too soon"
            told = ["trigger", "predict", name, "--wait"]
            _, scored = command(*told, home=home, capsys=capsys)
            assert scored["message"] == "1,500 rows, version 1"
            assert len(pd.read_csv(shop / "scores.csv")) == 1500
    finally:
        config.unlink()
        deploy([], home)
    place = open_workplace(home)
    assert (place.models.champion(name), place.models.challenger(name)) == (1, None)
    _, listed = command("decisions", name, home=home, capsys=capsys)
    assert listed["decisions"][-1]["approval"] | {"at": ""} == {
        "approved": False, "who": "a person in Prefect", "why": "too soon", "at": ""
    }  # fmt: skip
    replayed = ["replay", decision["decision"], "--deep", "--exit-code"]
    assert command(*replayed, home=home, capsys=capsys)[0] == 0
    assert command("verify", name, "--exit-code", home=home, capsys=capsys)[0] == 0


def late(name, hours):
    """Have the check of every past hour scheduled and not yet run."""
    with get_client(sync_client=True) as client:
        monitor = client.read_deployment_by_name(f"monitor/{name}")
        end = datetime.now(UTC)
        start = end - timedelta(hours=hours)
        span = {"start_time": start.isoformat(), "end_time": end.isoformat(), "min_runs": hours}
        client.request("POST", f"/deployments/{monitor.id}/schedule", json=span)
    assert len(runs_of(name, "monitor")) == hours


def given_up_after_its_process_was_lost(name):
    """Have a run that a worker began and lost."""
    with get_client(sync_client=True) as client:
        train = client.read_deployment_by_name(f"train/{name}")
        made = client.create_flow_run_from_deployment(train.id, state=Pending())
        client.set_flow_run_state(made.id, Scheduled(), force=True)
