"""The flows that are deployed: what a worker runs when a schedule, an event or a person asks.

A check is light and runs on the queue ``default``. Where it alarms, it emits ``drift.detected``,
and the automation on that event runs ``remediate``: what is prepared is done at once, and what
needs a training is asked for on the queue ``gpu``, once, and performed by a training worker.
"""

from functools import partial
from pathlib import Path
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from flows.backtest.flow import replay_stream
from flows.deployments.late import coalesce
from flows.deployments.outputs import require_output
from flows.deployments.reactions import (
    approved,
    check_newest,
    on_alarm,
    remedied_at_once,
    retrained,
)
from flows.deployments.steady import steady
from flows.predict import predict as score
from flows.search import take_part
from flows.train import train_model

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
    del model
    if window is None:
        coalesce()
    return steady(lambda: check_newest(config, home, window))


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
    act = partial(remedied_at_once, window)
    return steady(lambda: on_alarm(config, home, window, sha256, act))


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
    return steady(lambda: on_alarm(config, home, window, sha256, retrained))


@flow(name="approve", flow_run_name="approve-{model}", validate_parameters=False)
def approve(model: str, config: str, home: str, asked: str) -> State[Body]:
    """Ask a person whether a challenger may replace the champion; the run waits with a form.

    Args:
        model: registered name.
        config: the model's YAML file.
        home: the factory's home folder.
        asked: id of the decision, or of the look at traffic, that asks.
    """
    del model
    return steady(lambda: approved(asked, config, home))


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
