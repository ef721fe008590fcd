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
LONGEST_KEY = 250
"""And of a parameter's name."""
AT_A_TIME = 8


@dataclass(frozen=True)
class Child:
    """One trial as MLflow is to have it; times in milliseconds since 1970.

    ``below`` is the place of the trial in whose fit it was tried, None for the training itself.
    """

    name: str
    status: str
    started: int
    ended: int
    tags: Mapping[str, str]
    params: Mapping[str, str]
    metrics: tuple[Metric, ...]
    below: int | None = None


def children_of(
    trials: Sequence[Mapping[str, Any]], zero: int, beside: Sequence[Mapping[str, Any]] = ()
) -> list[Child]:
    """Return the trials as runs below a training's, then what was tried within fits.

    Args:
        trials: see ``registry.runs.Runs.log_trials``.
        zero: when the trials' clock stood at 0, in milliseconds since 1970.
        beside: tried within fits of no trial, as ``inner`` of a trial.
    """
    children = [_child(trial, zero) for trial in trials]
    end = max((child.ended for child in children), default=zero)
    children += [_inner(f"fit.{n}", told, (end, end), None) for n, told in enumerate(beside)]
    for place, trial in enumerate(trials):
        outer = children[place]
        children += [
            _inner(f"{outer.name}.{count}", told, (outer.started, outer.ended), place)
            for count, told in enumerate(trial.get("inner", ()))
        ]
    return children


def _child(trial: Mapping[str, Any], zero: int) -> Child:
    started, ended = (zero + round(1000 * trial[key]) for key in ("started", "ended"))
    tags = {"state": trial["state"]}
    if trial.get("error"):
        tags["error"] = trial["error"][:LONGEST]
    metrics = [Metric("fold", value, ended, i) for i, value in enumerate(trial.get("folds", ()))]
    if trial["score"] is not None:
        metrics.append(Metric("score", trial["score"], ended, 0))
    metrics.append(Metric("seconds", trial["ended"] - trial["started"], ended, 0))
    params = {"family": trial["family"], **trial["params"], **trial.get("found", {})}
    return Child(
        name=f"trial {trial['number']}",
        status=STATUS[trial["state"]],
        started=started,
        ended=ended,
        tags=tags,
        params={key: str(value)[:LONGEST] for key, value in params.items()},
        metrics=tuple(metrics),
    )


def _inner(name: str, told: Mapping[str, Any], span: tuple[int, int], below: int | None) -> Child:
    tags = {"state": told["state"]}
    if told.get("error"):
        tags["error"] = told["error"][:LONGEST]
    params = {"family": told["family"], **told["params"]}
    loss = told["loss"]
    return Child(
        name=name,
        status=STATUS[told["state"]],
        started=span[0],
        ended=span[1],
        tags=tags,
        params={key[:LONGEST_KEY]: str(value)[:LONGEST] for key, value in params.items()},
        metrics=() if loss is None else (Metric("loss", loss, span[1], 0),),
        below=below,
    )


def write_children(
    client: Any, experiment_id: str, run_id: str, children: Sequence[Child]
) -> list[str]:
    """Write trials below a run of an experiment and return the ids of their runs, in order."""
    store = client._tracking_client.store  # noqa: SLF001 - there is no other door to the tables
    if isinstance(store, SqlAlchemyStore):
        return _fill(store, experiment_id, run_id, children)
    outer = [child for child in children if child.below is None]
    inner = [child for child in children if child.below is not None]
    ids: list[str] = []

    def ask(child: Child) -> str:
        parent = run_id if child.below is None else ids[child.below]
        return _ask(client, experiment_id, parent, child)

    with ThreadPoolExecutor(AT_A_TIME) as pool:
        ids += pool.map(ask, outer)
        ids += pool.map(ask, inner)
    return ids


def _ask(client: Any, experiment_id: str, parent: str, child: Child) -> str:
    tags = {"mlflow.parentRunId": parent, **child.tags}
    made = client.create_run(
        experiment_id, start_time=child.started, run_name=child.name, tags=tags
    ).info.run_id
    params = [Param(key, value) for key, value in child.params.items()]
    client.log_batch(made, metrics=child.metrics, params=params)
    client.set_terminated(made, child.status, child.ended)
    return str(made)


def _fill(
    store: SqlAlchemyStore, experiment_id: str, run_id: str, children: Sequence[Child]
) -> list[str]:
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
        parent = run_id if child.below is None else ids[child.below]
        known = {**child.tags, "mlflow.parentRunId": parent, "mlflow.runName": child.name}
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
