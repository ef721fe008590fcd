"""What a training leaves in MLflow: one run, its data, and every trial as a run below it."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param

from factory.nouns import DataVersion
from registry.addresses import without_password
from registry.client import MlflowException, connect, exists
from registry.home import Home, ui_address
from registry.trials import children_of, write_children

DIGEST = 36
"""Characters that MLflow stores of a dataset's digest; the whole hash stands in its profile."""


@dataclass(frozen=True, slots=True)
class Logged:
    """A run as it was found: its id, its tags, and the last value of each of its metrics."""

    run_id: str
    tags: Mapping[str, str]
    metrics: Mapping[str, float]


class Runs:
    """The runs of one home's tracking store.

    Raises:
        Unavailable: the store does not answer.
    """

    def __init__(self, home: Home) -> None:
        self.home = home
        self._client = connect(home)

    def start(self, experiment: str, name: str, tags: Mapping[str, str] | None = None) -> str:
        """Begin a run and return its id; the experiment is created where it is missing."""
        where = self._experiment(experiment)
        run = self._client.create_run(where, run_name=name, tags=dict(tags or {}))
        return str(run.info.run_id)

    def finish(self, run_id: str, status: str = "FINISHED") -> None:
        """End a run: FINISHED, FAILED or KILLED."""
        self._client.set_terminated(run_id, status)

    @contextmanager
    def run(
        self, experiment: str, name: str, tags: Mapping[str, str] | None = None
    ) -> Iterator[str]:
        """Hold a run open while the block runs; an exception in it ends the run as FAILED."""
        run_id = self.start(experiment, name, tags)
        try:
            yield run_id
        except BaseException as error:
            self._client.set_tag(run_id, "error", f"{type(error).__name__}: {error}"[:1000])
            self.finish(run_id, "FAILED" if isinstance(error, Exception) else "KILLED")
            raise
        self.finish(run_id)

    def log(
        self,
        run_id: str,
        params: Mapping[str, object] | None = None,
        metrics: Mapping[str, float] | None = None,
        *,
        moment: int | None = None,
    ) -> None:
        """Write parameters and metrics in one batch.

        Args:
            run_id: of the run.
            params: written as text.
            metrics: their values.
            moment: of the metrics where they are one point of many over time, in seconds since
                1970; MLflow draws its points in this order.
        """
        now = _milliseconds() if moment is None else 1000 * moment
        points = [Metric(key, float(v), now, moment or 0) for key, v in (metrics or {}).items()]
        self._client.log_batch(
            run_id,
            params=[Param(key, str(value)) for key, value in (params or {}).items()],
            metrics=points,
        )

    def tagged(self, experiment: str, tag: str, value: str, most: int) -> list[Logged]:
        """Return the newest runs of an experiment that carry a tag, newest first.

        Args:
            experiment: its name; one that is not there has no runs.
            tag: without quotes.
            value: of the tag, without quotes.
            most: so many at most.
        """
        known = self._client.get_experiment_by_name(experiment)
        if known is None:
            return []
        runs = self._client.search_runs(
            [known.experiment_id],
            f"tags.`{tag}` = '{value}'",
            max_results=most,
            order_by=["attributes.start_time DESC"],
        )
        return [Logged(r.info.run_id, dict(r.data.tags), dict(r.data.metrics)) for r in runs]

    def link(self, run_id: str, file: str | None = None) -> str:
        """Return where MLflow shows a run, or one of its files."""
        where = self._client.get_run(run_id).info.experiment_id
        page = f"{ui_address(self.home)}/#/experiments/{where}/runs/{run_id}"
        return page if file is None else f"{page}/artifacts/{quote(file)}"

    def log_trials(
        self,
        run_id: str,
        experiment: str,
        trials: Sequence[Mapping[str, Any]],
        beside: Sequence[Mapping[str, Any]] = (),
    ) -> list[str]:
        """Write each trial of a search as a child of its run, after the search.

        What a trial tried within its fits is written as children of its own.

        Args:
            run_id: the training's run.
            experiment: where that run is.
            trials: with ``number``, ``family``, ``params``, ``state`` (complete, pruned or
                failed), ``score`` (None where there is none), ``started`` and ``ended`` in
                seconds of one clock; ``folds``, ``error``, ``found`` and ``inner`` if there are
                any, the last with ``family``, ``params``, ``state``, ``loss`` and ``error``.
            beside: as ``inner`` of a trial, but tried within the fits after the search.

        Returns:
            The ids of the children: of the trials, of those beside, of the inner ones.
        """
        if not trials:
            return []
        where = self._experiment(experiment)
        # The trials' clock has no known zero: its newest moment is taken as now.
        zero = _milliseconds() - round(1000 * max(trial["ended"] for trial in trials))
        children = children_of(trials, zero, beside)
        return write_children(self._client, where, run_id, children)

    def log_dataset(self, run_id: str, version: DataVersion, *, source: str, context: str) -> None:
        """Show on a run which data it used, by our hash of the full content.

        Args:
            run_id: of the run.
            version: of the data.
            source: where they were read from; a password in it is not kept.
            context: what they were used for, such as training.
        """
        source = without_password(source)
        span = {"start": version.start, "end": version.end}
        profile = {"sha256": version.sha256, "rows": version.rows, **span}
        dataset = Dataset(
            name=source.rpartition("/")[2][:500] or "data",
            digest=version.sha256[:DIGEST],
            source_type="local" if "://" not in source else "sql",
            source=json.dumps({"uri": source}),
            profile=json.dumps(profile),
        )
        used = DatasetInput(dataset, [InputTag("mlflow.data.context", context)])
        self._client.log_inputs(run_id, [used])
        self._client.set_tag(run_id, f"data_sha256.{context}", version.sha256)

    def log_text(self, run_id: str, text: str, file: str) -> None:
        """Keep a text as one of the run's files."""
        self._client.log_text(run_id, text, file)

    def log_artifact(self, run_id: str, path: str, folder: str | None = None) -> None:
        """Keep a copy of a file with the run."""
        self._client.log_artifact(run_id, path, folder)

    def _experiment(self, name: str) -> str:
        known = self._client.get_experiment_by_name(name)
        if known is None:
            try:
                return str(self._client.create_experiment(name, self._artifacts()))
            except MlflowException as error:
                if not exists(error):
                    raise
                known = self._client.get_experiment_by_name(name)
        if known.lifecycle_stage == "deleted":
            self._client.restore_experiment(known.experiment_id)
        return str(known.experiment_id)

    def _artifacts(self) -> str | None:
        # A tracking server knows its own place for artifacts; without one it would be ./mlruns.
        served = self.home.tracking_uri.startswith(("http://", "https://"))
        return None if served else self.home.artifacts.as_uri()


def _milliseconds() -> int:
    return time.time_ns() // 1_000_000
