"""From an event to the run that it causes, and to the first thing that this run does."""

import os
import statistics
import time
import uuid
from datetime import UTC, datetime

from stack import moment, up, world, write_model

EVENTS = int(os.environ.get("FACTORY_BENCH_EVENTS", "20"))


def test_an_event_is_answered_within_seconds(tmp_path, tell):
    config = write_model(tmp_path, "small")
    window = tmp_path / "small" / "w.csv"
    world(600, seed=2, slope=-3.0, start="2025-06-01").to_csv(window, index=False)
    with up(tmp_path, config) as stack:
        assert stack.ended(stack.trigger("train", "small"))["state_type"] == "COMPLETED"
        found = stack.ask("GET", "/deployments/name/remediate/small")
        created, began, first = [], [], []
        for _ in range(EVENTS):
            seen = {run["id"] for run in of_deployment(stack, found["id"])}
            sent = datetime.now(UTC)
            # Other rows than those that are there: read, seen to be others, and left alone.
            stack.ask("POST", "/events", json=[event(sent, str(window))])
            run = waited(stack, found["id"], seen)
            ended = stack.ended(run["id"])
            tasks = stack.ask(
                "POST",
                "/task_runs/filter",
                json={"task_runs": {"flow_run_id": {"any_": [run["id"]]}}},
            )
            created.append((moment(run["created"]) - sent).total_seconds())
            began.append((moment(ended["start_time"]) - sent).total_seconds())
            starts = [moment(task["start_time"]) for task in tasks if task["start_time"]]
            first.append((min(starts) - sent).total_seconds())
    for what, seconds in (("created", created), ("began", began), ("first task", first)):
        ordered = sorted(seconds)
        tell(
            f"event to {what}: median {statistics.median(seconds):.2f} s, "
            f"{ordered[int(0.9 * len(ordered))]:.2f} s in nine of ten, {len(seconds)} events"
        )
    assert statistics.median(created) < 1.5
    assert statistics.median(first) < 5


def event(sent, window):
    return {
        "id": str(uuid.uuid4()),
        "occurred": sent.isoformat(),
        "event": "drift.detected",
        "resource": {"prefect.resource.id": "factory.model.small"},
        "payload": {"window": window, "sha256": "0" * 64},
    }


def of_deployment(stack, deployment):
    return stack.runs(deployment_id={"any_": [deployment]})


def waited(stack, deployment, seen):
    for _ in range(600):
        new = [run for run in of_deployment(stack, deployment) if run["id"] not in seen]
        if new:
            return new[0]
        time.sleep(0.2)
    raise TimeoutError("no run was created")
