"""The flows that are deployed: what a worker runs when a schedule, an event or a person asks.

A check is light and runs on the queue ``default``. Where it alarms, it emits ``drift.detected``,
and the automation on that event runs ``remediate``: what is prepared is done at once, and what
needs a training is asked for on the queue ``gpu``, once, and performed by a training worker.
"""

from dataclasses import asdict
from pathlib import Path
from typing import Any
from uuid import UUID

from prefect import flow, get_run_logger
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Completed

from factory.config import ModelConfig, load_config
from factory.remedies import DropFeatures, Retrain
from flows.backtest.flow import replay_stream
from flows.case import Case, Examined
from flows.challenger import judge_challenger
from flows.deployments.approval import ask_person, waits
from flows.deployments.drift import tell_drift
from flows.deployments.notify import decision_message, tell
from flows.deployments.outputs import require_output
from flows.deployments.steady import steady
from flows.deployments.training_job import TrainingJob, ask_training
from flows.deployments.windows import newest_window
from flows.loop import planned
from flows.monitor import (
    check_and_diagnose,
    decide_and_act,
    decide_at_once,
    decided_before,
    open_case,
)
from flows.monitor import monitor as whole_loop
from flows.predict import predict as score
from flows.report.history import remedy_words
from flows.search import take_part
from flows.train import train_model
from flows.workplace import Workplace, open_workplace

Body = dict[str, Any]


@flow(name="train", flow_run_name="train-{model}", validate_parameters=False)
def train(model: str, config: str, home: str, data: str | None = None) -> State[Body]:
    """Train the model, register it, and promote it if it passes the gate.

    Args:
        model: registered name.
        config: the model's YAML file.
        home: the factory's home folder.
        data: read these rows in place of the config's.
    """
    del model
    told = steady(lambda: train_model.fn(config=config, home=home, data=data))
    return Completed(message=f"version {told['version']}: {told['verdict']['because']}", data=told)


@flow(name="search", flow_run_name="search-{model}", validate_parameters=False)
def search(model: str, config: str, home: str, data: str | None = None) -> State[Body]:
    """Take part in the search of a training that runs, until its trials are over.

    Args:
        model: registered name.
        config: the model's YAML file.
        home: the factory's home folder.
        data: the rows that the training reads, where they are not the config's.
    """
    del model
    told = steady(lambda: take_part(config=config, home=home, data=data))
    return Completed(message=f"{told['own']} of {told['trials']} trials", data=told)


@flow(name="monitor", flow_run_name="monitor-{model}", validate_parameters=False)
def monitor(model: str, config: str, home: str, window: str | None = None) -> State[Body]:
    """Check the newest window that was not decided on yet; an alarm is handed on as an event.

    Before it a challenger that was tried on traffic is judged.

    Args:
        model: registered name.
        config: the model's YAML file.
        home: the factory's home folder.
        window: check these rows in place of the newest.
    """
    return steady(lambda: _monitor(model, config, home, window))


def _monitor(model: str, config: str, home: str, window: str | None) -> State[Body]:
    place, settings = open_workplace(home), load_config(Path(config))
    if window is None:
        judge_challenger(settings.name, settings, place)
    where = window or newest_window(settings, place)
    if where is None:
        return Completed(message="no new window is there", data={"model": model, "window": None})
    case = open_case(config, where, place)
    known = decided_before(case, place)
    if known is not None and _whole(known):
        return _decided(known, settings, place, again=True)
    examined = check_and_diagnose(case)
    if known is None and not examined.checked.evidence.alarm:
        return _decided(decide_and_act(examined, place), settings, place)
    job = job_of(case, where)
    tell_drift(job, examined)
    because = f"drift: {examined.diagnosis.because}"
    return Completed(message=because, data={"alarm": True, **asdict(job)})


@flow(name="remediate", flow_run_name="remediate-{model}", validate_parameters=False)
def remediate(model: str, config: str, home: str, window: str, sha256: str) -> State[Body]:
    """Do at once what is prepared for a window that alarmed; ask for a training if one is due.

    Args:
        model: registered name.
        config: the model's YAML file.
        home: the factory's home folder.
        window: where its rows are.
        sha256: of the rows that alarmed; others are left to the next check.
    """
    del model
    return steady(lambda: _remediate(config, home, window, sha256))


def _remediate(config: str, home: str, window: str, sha256: str) -> State[Body]:
    place, settings = open_workplace(home), load_config(Path(config))
    case = open_case(config, window, place)
    if case.window.version.sha256 != sha256:
        return _superseded(case)
    known = decided_before(case, place)
    if known is not None and _whole(known):
        return _decided(known, settings, place, again=True)
    if known is None:
        examined = check_and_diagnose(case)
        known = decide_at_once(case, examined, place)
        if known is not None:
            tell(settings, *decision_message(known, address()))
        elif not _needs_training(examined):
            return _decided(decide_and_act(examined, place), settings, place)
    job = job_of(case, window)
    run = ask_training(job)
    get_run_logger().info("asked for a training: flow run %s", run.id)
    return Completed(
        message=f"a training was asked for: {run.name}", data={**asdict(job), "run": str(run.id)}
    )


@flow(name="retrain", flow_run_name="retrain-{model}", validate_parameters=False)
def retrain(model: str, config: str, home: str, window: str, sha256: str) -> State[Body]:
    """Rehearse, decide and train on a window that alarmed, and make the winner champion.

    Args:
        model: registered name.
        config: the model's YAML file.
        home: the factory's home folder.
        window: where its rows are.
        sha256: of the rows that alarmed; others are left to the next check.
    """
    del model
    return steady(lambda: _retrain(config, home, window, sha256))


def _retrain(config: str, home: str, window: str, sha256: str) -> State[Body]:
    place, settings = open_workplace(home), load_config(Path(config))
    case = open_case(config, window, place)
    if case.window.version.sha256 != sha256:
        return _superseded(case)
    body = whole_loop.fn(model=config, window=window, home=home)
    return _decided(body, settings, place, again=body["repeated"])


@flow(name="predict", flow_run_name="predict-{model}", validate_parameters=False)
def predict(model: str, config: str, home: str, source: str, output: str) -> State[Body]:
    """Score rows with the champion, and log every prediction.

    Args:
        model: registered name.
        config: the model's YAML file.
        home: the factory's home folder.
        source: .csv, .parquet, a Delta table's folder, or URL#table.
        output: .csv or .parquet to write; see ``require_output`` for where.
    """
    require_output(output, Path(config), Path(home))
    told = steady(lambda: score.fn(model=model, source=source, output=output, home=home))
    return Completed(message=f"{told['rows']:,} rows, version {told['version']}", data=told)


@flow(name="backtest", flow_run_name="backtest-{model}", validate_parameters=False)
def backtest(
    model: str,
    config: str,
    home: str,
    stream: str,
    policies: str = "never,periodic:4,factory",
    window_rows: int | None = None,
    train_rows: int | None = None,
    label_delay: int = 0,
) -> State[Body]:
    """Replay a stream in time order under several policies; no model is registered.

    Args:
        model: registered name.
        config: the model's YAML file.
        home: the factory's home folder.
        stream: rows of many windows, with their labels.
        policies: names with commas between.
        window_rows: rows of a window.
        train_rows: first rows, that train the first model.
        label_delay: windows until labels are known.
    """
    del model
    told = replay_stream.fn(
        config=config,
        stream=stream,
        home=home,
        policies=policies,
        window_rows=window_rows,
        train_rows=train_rows,
        label_delay=label_delay,
    )
    return Completed(message=f"{told['windows']} windows: {told['page']}", data=told)


def job_of(case: Case, window: str) -> TrainingJob:
    """Name the training that a window may call for."""
    return TrainingJob(case.model, window, case.window.version.sha256, case.id)


def _whole(body: Body) -> bool:
    """Whether nothing more is to be decided on the window."""
    return body["phase"] == "whole" or "then" in body


def _needs_training(examined: Examined) -> bool:
    """Whether a remedy could apply that fits a model."""
    return any(
        isinstance(remedy, Retrain) or (isinstance(remedy, DropFeatures) and remedy.how == "refit")
        for remedy in planned(examined)
    )


def _decided(
    body: Body, settings: ModelConfig, place: Workplace, *, again: bool = False
) -> State[Body]:
    """Tell people what was decided, ask them where the policy wants it, and end the run.

    What was decided in an earlier run was told there; a run that begins anew goes on instead.
    """
    if not again or starts() > 1:
        if _notable(body):
            tell(settings, *decision_message(body, address()))
        if waits(body):
            body = ask_person(body, settings, place)
    last = body.get("then", body)
    words = f"{remedy_words(last['remedy'])}: {last['because']}"
    if "approved" in body:
        words = f"{'approved' if body['approved'] else 'not approved'}; {words}"
    return Completed(message=words, data={**body, "repeated": again})


def _notable(body: Body) -> bool:
    """Whether people want to hear of a decision: all but that nothing is to be done."""
    return bool(body.get("then", body)["remedy"]["kind"] != "keep")


def starts() -> int:
    """Return how often the present run has begun; Prefect's own count leaves out resumptions."""
    with get_client(sync_client=True) as client:
        return sum(s.is_running() for s in client.read_flow_run_states(UUID(flow_run.id)))


def address() -> str:
    """Return where people look at the present run."""
    return str(flow_run.ui_url or flow_run.id)


def _superseded(case: Case) -> State[Body]:
    told = {"model": case.model, "sha256": case.window.version.sha256}
    return Completed(message="the window holds other rows by now; the next check reads them",
                     data=told)  # fmt: skip
