"""The flow that scores a file with the champion."""

import time
from pathlib import Path
from typing import Any

from prefect import flow, get_run_logger
from prefect.artifacts import create_markdown_artifact

from factory.errors import Unavailable
from flows.artifacts import artifact_key
from flows.steps import step
from flows.workplace import Workplace, config_of, open_workplace, resolve
from registry.fastest import compiled_version
from registry.inference.upkeep import maintain
from serving.batch import Scored, Scorer, begun, require_writable, score_table
from serving.beside import Beside


@flow(name="predict", flow_run_name="predict-{model}", validate_parameters=False)
def predict(model: str, source: str, output: str, home: str) -> dict[str, Any]:
    """Score a file with the champion, and log every prediction with its id.

    A run that died is gone on with by the same call: with the version that it began with, and
    every row once in the output and in the log.

    Args:
        model: registered name, or the model's config file.
        source: .csv, .parquet, a Delta table's folder, or URL#table; it may be larger than memory.
        output: .csv or .parquet to write.
        home: the factory's home folder.

    Returns:
        Model, version, rows, those scored by a run before, output file and seconds.
    """
    require_writable(Path(output))
    place = open_workplace(home)
    started = place.clock()
    name, _ = resolve(model)
    job = begun(Path(output), name, source)
    version = place.models.champion(name) if job is None else job.version
    scored = score_rows(name, version, source, output, place)
    told: dict[str, Any] = {"model": name, "version": version, "rows": scored.rows}
    told |= {"scored_before": scored.before, "output": output}
    told["seconds"] = place.clock() - started
    create_markdown_artifact(
        f"# {name}: {told['rows']:,} predictions\n\nVersion {version}, written to {output}.\n",
        key=f"{artifact_key(name)}-predictions",
    )
    get_run_logger().info("%s rows scored with version %s", told["rows"], version)
    return told


@step("score, log and write")
def score_rows(name: str, version: int, source: str, output: str, place: Workplace) -> Scored:
    """Predict piece by piece, append to the inference log, write the file."""
    bundle, compiled, _ = compiled_version(place.models, name, version)
    beside = Beside(place.models.load)
    scorer = Scorer(place.home, name, version, bundle, compiled.outputs, beside)
    scored = score_table(scorer, source, Path(output), at=time.time_ns())
    try:
        maintain(place.home, name, config_of(bundle.config, name).log.keep_days)
    except Unavailable as error:
        # All is scored and logged; the next run compacts.
        get_run_logger().warning("%s", error.problem)
    return scored
