"""Deployments on a real server, and runs that a warm worker performs."""

import os
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client
from prefect.states import Crashed, Pending
from small import command, world, write_config

from factory.config import load_config, parse_config
from factory.errors import BadConfig
from flows.deployments import automations
from flows.deployments.deploy import deploy, schedule_of
from flows.deployments.windows import newest_window
from flows.workplace import open_workplace

FLOWS = {"train", "search", "monitor", "remediate", "retrain", "approve", "predict", "backtest"}


@pytest.fixture
def served(shop):
    """A shop with a name of its own, deployed on the session's server; a function deploys."""
    windows = {"windows": "windows/*.csv", "every": 3600}
    config = write_config(shop, name=f"m{os.getpid()}", deploy={"monitor": windows})

    def again(*configs: Path):
        return {t.name: t.change for t in deploy(configs or [config], shop / "home")}

    yield config, again
    config.unlink(missing_ok=True)
    deploy([], shop / "home")


def test_deploying_twice_changes_nothing_and_what_is_gone_is_removed(served):
    config, again = served
    name = load_config(config).name
    assert again() == {f"{flow}/{name}": "created" for flow in FLOWS}
    assert set(again().values()) == {"unchanged"}
    with get_client(sync_client=True) as client:
        monitor = client.read_deployment_by_name(f"monitor/{name}")
    assert monitor.schedules[0].schedule.interval == timedelta(hours=1)
    nightly = {"cron": "0 3 * * 0", "timezone": "Europe/Berlin"}
    write_config(config.parent, name=name, deploy={"train": nightly})
    assert again()[f"train/{name}"] == "updated"
    config.unlink()
    with get_client(sync_client=True) as client:
        train = client.read_deployment_by_name(f"train/{name}")
    schedule = train.schedules[0].schedule
    assert (schedule.cron, schedule.timezone) == tuple(nightly.values())
    assert train.work_queue_name == "gpu"
    assert {"data", "config", "home"} <= set(train.parameter_openapi_schema["properties"])
    gone = {t.name: t.change for t in deploy([], Path(train.parameters["home"]))}
    assert gone == {f"{flow}/{name}": "removed" for flow in FLOWS}


def test_runs_whose_worker_is_lost_are_scheduled_again_by_the_server(served, monkeypatch):
    config, again = served
    monkeypatch.setattr(automations, "LOST_SECONDS", 10)
    monkeypatch.setattr(automations, "CRASHED_SECONDS", 10)
    again()
    name = load_config(config).name
    with get_client(sync_client=True) as client:
        train = client.read_deployment_by_name(f"train/{name}")
        made = {
            why: client.create_flow_run_from_deployment(train.id, state=first)
            for why, first in ((automations.NO_SIGN, Pending()), (automations.DIED, Crashed()))
        }
        try:
            for _ in range(240):
                states = {why: client.read_flow_run(run.id).state for why, run in made.items()}
                if all(state.name == "AwaitingRetry" for state in states.values()):
                    break
                time.sleep(0.5)
        finally:
            for run in made.values():
                client.delete_flow_run(run.id)
            monkeypatch.undo()
            again()
    assert {why: state.message for why, state in states.items()} == {why: why for why in made}


@pytest.mark.parametrize(
    ("section", "says"),
    [
        ({"train": {"cron": "0 3 * *"}}, "five fields"),
        ({"train": {"cron": "0 3 * * *", "every": 60}}, "exclude"),
        ({"monitor": {"window": "w.csv"}}, "unknown key 'deploy.monitor.window'"),
        ({"notify": ["ops"]}, "pattern"),
    ],
)
def test_what_cannot_be_deployed_is_refused_with_its_key(section, says):
    told = {"name": "m", "data": {"path": "a.csv", "target": "y"}, "deploy": section}
    with pytest.raises(BadConfig, match=says):
        parse_config(told, source="m.yaml")


@pytest.mark.parametrize("when", [{"cron": "61 3 * * *"}, {"cron": "0 3 * * *", "timezone": "X/Y"}])
def test_a_schedule_that_prefect_refuses_is_a_users_error(when):
    told = {"name": "m", "data": {"path": "a.csv", "target": "y"}, "deploy": {"train": when}}
    with pytest.raises(BadConfig, match="no schedule"):
        schedule_of(parse_config(told, source="m").deploy.train)


def test_the_newest_file_is_the_window(shop):
    (shop / "windows").mkdir()
    config = load_config(write_config(shop, deploy={"monitor": {"windows": "windows/*.csv"}}))
    place = open_workplace(shop / "home")
    assert newest_window(config, place) is None
    for age, name in enumerate(["b.csv", "a.csv"]):
        path = shop / "windows" / name
        path.write_text("")
        os.utime(path, (1e9 + age, 1e9 + age))
    assert newest_window(config, place) == str(shop / "windows" / "a.csv")


def test_the_inference_log_is_cut_into_windows(shop, capsys):
    log = {"rows": 200, "wait": 0}
    config = write_config(shop, deploy={"monitor": {"windows": "log"}}, log=log)
    settings, place = load_config(config), open_workplace(shop / "home")
    assert newest_window(settings, place) is None
    for part in (1, 2):
        rows = shop / f"rows{part}.csv"
        world(150, seed=part, first=1000 * part).to_csv(rows, index=False)
        told = ["--input", str(rows), "--output", str(shop / "out.csv")]
        assert command("predict", "small", *told, home=shop / "home", capsys=capsys)[0] == 0
        cut = newest_window(settings, place)
        assert (cut is None) == (part == 1)
    code, told = command("run", "small", "--window", cut, home=shop / "home", capsys=capsys)
    assert code == 0
    assert told["source"] == cut
    assert told["window"]["rows"] == 200
    assert newest_window(settings, place) is None


def test_a_triggered_run_is_performed_by_a_worker(served, capsys):
    config, again = served
    again()
    home = config.parent / "home"
    told = ["worker", "--queue", "gpu", "--home", str(home)]
    with (config.parent / "worker.log").open("w+b") as log:
        worker = subprocess.Popen(
            [sys.executable, "-m", "flows.cli", *told], stdout=log, stderr=log
        )
        try:
            code, told = command(
                "trigger", "train", str(config), "--wait", home=home, capsys=capsys
            )
        finally:
            worker.terminate()
            assert worker.wait(timeout=20) == 0
        log.seek(0)
        said = log.read().decode()
    assert code == 0
    assert told["state"] == "Completed", said
    assert "version 1" in told["message"]
    assert open_workplace(home).models.champion(load_config(config).name) == 1


def test_what_is_not_deployed_cannot_be_triggered(shop, capsys):
    code, _ = command("trigger", "train", "nobody", home=shop / "home", capsys=capsys)
    assert code == 2
    code, _ = command("trigger", "train", "nobody", "--set", "x", home=shop / "home")
    assert code == 2
