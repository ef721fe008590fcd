"""The flow from data to champion: features, search, fit, evaluate, register, gate, promote."""

import json
import resource
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pandas as pd
from prefect import flow, get_run_logger

from factory.bundle import Bundle
from factory.config import ModelConfig, load_config
from factory.metrics import metric_named
from factory.replay.older import remembered
from factory.replay.replay import require_generator
from flows.admit import gate_and_promote
from flows.artifacts import publish_training
from flows.code import code_version
from flows.progress import on_trial, telling
from flows.replayed import Older, older_of
from flows.report.search_page import search_page
from flows.steps import step
from flows.studies import keeping, study_file
from flows.workplace import Workplace, open_workplace, without_secret
from registry.runs import Runs
from registry.sources import TrainingData, read_training
from training.inner import InnerTrial, listening
from training.search.studies import finish
from training.train import Trained, look_back, train
from training.trying import Keeping

INNER = "searching"
"""Folder in the home where searches within a fit work."""


@flow(name="train", flow_run_name="train-{config}", validate_parameters=False)
def train_model(config: str, home: str, data: str | None = None) -> dict[str, Any]:
    """Train a model by its config file, register it, and promote it if it passes the gate.

    Args:
        config: the model's YAML file.
        home: the factory's home folder.
        data: read these rows in place of the config's.

    Returns:
        What ``factory train --json`` prints.
    """
    settings = given_data(load_config(Path(config)), data)
    rows = read_data(settings)
    place = open_workplace(home)
    kept = keeping(settings, rows.version.sha256, place)
    settings = without_secret(settings)
    started = place.clock()
    runs = Runs(place.home)
    older = older_of(settings, place)
    with runs.run(settings.name, "train", tags={"seed": str(settings.seed)}) as run_id:
        with listening(place.home.path / INNER) as beside:
            trained = search_and_fit(rows, settings, place, kept, older)
        seconds = place.clock() - started
        measures = measured(trained.bundle, rows, place, seconds)
        track(runs, run_id, trained, rows, settings, measures, beside)
        draw(runs, run_id, trained, rows, settings, older)
        version = register(trained, settings, rows, run_id, place)
        close_study(runs, run_id, kept)
        verdict = gate_and_promote(trained, settings, rows, version, place)
    told = summary(trained, settings, rows, place)
    told |= {"version": version, "run_id": run_id, "seconds": place.clock() - started}
    told |= {"verdict": asdict(verdict), "metrics": {**told["metrics"], **measures}}
    publish_training(told, place)
    get_run_logger().info("version %s: %s", version, verdict.because)
    return told


def given_data(settings: ModelConfig, data: str | None) -> ModelConfig:
    """Return a configuration that reads other rows; itself where none are named."""
    if data is None:
        return settings
    return settings.model_copy(update={"data": settings.data.model_copy(update={"path": data})})


@step("read", repeatable=True)
def read_data(settings: ModelConfig) -> TrainingData:
    """Read and check the training rows."""
    return read_training(settings.data, parted_by=settings.check.parted_by)


@step("search and fit")
def search_and_fit(
    rows: TrainingData, settings: ModelConfig, place: Workplace, kept: Keeping, older: Older
) -> Trained:
    """Search families and hyperparameters, fit the best, judge it on held-out rows.

    Rows that are not kept are drawn anew and learnt from, too.
    """
    if settings.replay is not None:
        require_generator(settings.replay.generator, rows.schema)
    metric = metric_named(settings.metric, rows.schema)
    hear = telling(on_trial.get(), greater=metric.greater_is_better)
    given = rows.frame, rows.schema, settings
    trained = train(*given, clock=place.clock, on_trial=hear, keeping=kept, older=older.frame)
    learnt = [frame for frame in (older.frame, rows.frame) if frame is not None]
    replay = remembered(
        trained.bundle,
        settings.replay,
        pd.concat(learnt, ignore_index=True).reindex(columns=rows.frame.columns),
        (*older.tables, rows.version.sha256),
        seed=settings.seed,
    )
    return replace(trained, bundle=replace(trained.bundle, replay=replay))


@step("track")
def track(
    runs: Runs, run_id: str, trained: Trained, rows: TrainingData, settings: ModelConfig,
    measures: dict[str, float], beside: list[InnerTrial],
) -> None:  # fmt: skip
    """Write parameters, metrics, data and every trial to MLflow."""
    bundle = trained.bundle
    runs.log(
        run_id,
        params={"family": bundle.family, **bundle.params},
        metrics={bundle.metric: bundle.reference_score, **trained.metrics, **measures},
    )
    runs.log_dataset(run_id, rows.version, source=settings.data.path, context="training")
    trials, fits = ([asdict(one) for one in told] for told in (trained.trials, beside))
    runs.log_trials(run_id, settings.name, trials, fits)
    runs.log_text(run_id, json.dumps(bundle.config, indent=2), "config.json")


@step("draw search")
def draw(
    runs: Runs, run_id: str, trained: Trained, rows: TrainingData, settings: ModelConfig,
    older: Older,
) -> None:  # fmt: skip
    """Keep a page on the search with the run: its history, what mattered, over- or underfitting."""
    metric = metric_named(trained.bundle.metric, rows.schema)
    page = search_page(
        settings.name,
        metric.name,
        greater=metric.greater_is_better,
        trials=trained.trials,
        curves=look_back(rows.frame, rows.schema, settings, trained, older.frame),
    )
    runs.log_text(run_id, page, "search/search.html")


@step("close study")
def close_study(runs: Runs, run_id: str, kept: Keeping) -> None:
    """Keep the trials with the run, so that the next training of the same searches anew."""
    file = study_file(kept)
    if file is not None:
        runs.log_artifact(run_id, str(file), "search")
    if kept.study is not None:
        finish(kept.study)


@step("register")
def register(
    trained: Trained, settings: ModelConfig, rows: TrainingData, run_id: str, place: Workplace
) -> int:
    """Save the bundle as the next version; it serves nobody yet."""
    version = place.models.save(
        trained.bundle,
        settings.name,
        run_id,
        data_sha256=rows.version.sha256,
        tags={"remedy": "train"},
        made={"by": "train", "data_sha256": rows.version.sha256, "code": code_version()},
    )
    place.models.challenge(settings.name, version)
    return version


def measured(
    bundle: Bundle, rows: TrainingData, place: Workplace, seconds: float
) -> dict[str, float]:
    """Return what an engineer asks of a training: seconds, peak memory, prediction latency."""
    head = rows.frame.head(1000)
    row = head.head(1)
    bundle.outputs(row)
    started = place.clock()
    for _ in range(5):
        bundle.outputs(row)
    one = (place.clock() - started) / 5
    started = place.clock()
    bundle.outputs(head)
    many = (place.clock() - started) / len(head)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "training_seconds": seconds,
        "peak_memory_mb": peak,
        "latency_ms_one_row": 1000 * one,
        "latency_ms_per_row_of_1000": 1000 * many,
    }


def summary(
    trained: Trained, settings: ModelConfig, rows: TrainingData, place: Workplace
) -> dict[str, Any]:
    """Return the parts of the answer that are known from the fit and the ledger."""
    bundle = trained.bundle
    return {
        "model": settings.name,
        "champion": place.ledger.champion(settings.name),
        "metric": bundle.metric,
        "score": bundle.reference_score,
        "baseline": trained.baseline,
        "metrics": dict(trained.metrics),
        "params": {"family": bundle.family, **bundle.params},
        "features": list(bundle.schema.names),
        "trials": len(trained.trials),
        "data_sha256": rows.version.sha256,
        "rows": rows.version.rows,
        "dropped": dict(rows.dropped),
        "ignored": dict(rows.ignored),
        "notes": [note.text for note in trained.notes],
    }
