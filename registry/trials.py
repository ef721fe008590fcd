"""A search's trials as MLflow runs below a training's, written in one go.

MLflow's client takes five commits a run, 40 ms on SQLite, which is more than many a trial takes.
Where MLflow's store is a database, its own tables are filled in one transaction instead, as its
store would fill them; a server is asked by its client, several runs at a time.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from mlflow.entities import LifecycleStage, Metric, Param, SourceType
from mlflow.store.tracking.dbmodels.models import (
    SqlLatestMetric,
    SqlMetric,
    SqlParam,
    SqlRun,
    SqlTag,
)
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
from sqlalchemy import insert

STATUS = {"complete": "FINISHED", "pruned": "KILLED", "failed": "FAILED"}
LONGEST = 6_000
"""Characters that MLflow keeps of a parameter or a tag."""
AT_A_TIME = 8


@dataclass(frozen=True)
class Child:
    """One trial as MLflow is to have it; times in milliseconds since 1970."""

    name: str
    status: str
    started: int
    ended: int
    tags: Mapping[str, str]
    params: Mapping[str, str]
    metrics: tuple[Metric, ...]


def child_of(run_id: str, trial: Mapping[str, Any], zero: int) -> Child:
    """Return a trial as a run below a training's.

    Args:
        run_id: of the training.
        trial: see ``registry.runs.Runs.log_trials``.
        zero: when the trials' clock stood at 0, in milliseconds since 1970.
    """
    started, ended = (zero + round(1000 * trial[key]) for key in ("started", "ended"))
    tags = {"mlflow.parentRunId": run_id, "state": trial["state"]}
    if trial.get("error"):
        tags["error"] = trial["error"][:LONGEST]
    metrics = [Metric("fold", value, ended, i) for i, value in enumerate(trial.get("folds", ()))]
    if trial["score"] is not None:
        metrics.append(Metric("score", trial["score"], ended, 0))
    metrics.append(Metric("seconds", trial["ended"] - trial["started"], ended, 0))
    params = {"family": trial["family"], **trial["params"]}
    return Child(
        name=f"trial {trial['number']}",
        status=STATUS[trial["state"]],
        started=started,
        ended=ended,
        tags=tags,
        params={key: str(value)[:LONGEST] for key, value in params.items()},
        metrics=tuple(metrics),
    )


def write_children(client: Any, experiment_id: str, children: Sequence[Child]) -> list[str]:
    """Write trials to an experiment and return the ids of their runs, in order."""
    store = client._tracking_client.store  # noqa: SLF001 - there is no other door to the tables
    if isinstance(store, SqlAlchemyStore):
        return _fill(store, experiment_id, children)
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        return list(pool.map(lambda child: _ask(client, experiment_id, child), children))


def _ask(client: Any, experiment_id: str, child: Child) -> str:
    made = client.create_run(
        experiment_id, start_time=child.started, run_name=child.name, tags=dict(child.tags)
    ).info.run_id
    params = [Param(key, value) for key, value in child.params.items()]
    client.log_batch(made, metrics=child.metrics, params=params)
    client.set_terminated(made, child.status, child.ended)
    return str(made)


def _fill(store: SqlAlchemyStore, experiment_id: str, children: Sequence[Child]) -> list[str]:
    where = store.get_experiment(experiment_id).artifact_location.rstrip("/")
    ids = [uuid4().hex for _ in children]
    runs, tags, params, metrics, latest = [], [], [], [], []
    for made, child in zip(ids, children, strict=True):
        runs.append(
            {
                "run_uuid": made,
                "name": child.name,
                "source_type": SourceType.to_string(SourceType.UNKNOWN),
                "source_name": "",
                "entry_point_name": "",
                "user_id": "unknown",
                "status": child.status,
                "start_time": child.started,
                "end_time": child.ended,
                "source_version": "",
                "lifecycle_stage": LifecycleStage.ACTIVE,
                "artifact_uri": f"{where}/{made}/{SqlAlchemyStore.ARTIFACTS_FOLDER_NAME}",
                "experiment_id": int(experiment_id),
            }
        )
        of = {"run_uuid": made}
        known = {**child.tags, "mlflow.runName": child.name}
        tags += [{**of, "key": key, "value": value} for key, value in known.items()]
        params += [{**of, "key": key, "value": value} for key, value in child.params.items()]
        points = [{**of, **_point(metric)} for metric in child.metrics]
        metrics += points
        latest += list({point["key"]: point for point in points}.values())
    with store.ManagedSessionMaker() as session:
        filled = (SqlRun, runs), (SqlTag, tags), (SqlParam, params)
        for table, rows in (*filled, (SqlMetric, metrics), (SqlLatestMetric, latest)):
            if rows:
                session.execute(insert(table.__table__), rows)
    return ids


def _point(metric: Metric) -> dict[str, Any]:
    return {
        "key": metric.key,
        "value": metric.value,
        "timestamp": metric.timestamp,
        "step": metric.step,
        "is_nan": False,
    }
