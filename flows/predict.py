"""The flow that scores a file with the champion."""

from pathlib import Path
from typing import Any

import pandas as pd
from prefect import flow, get_run_logger
from prefect.artifacts import create_markdown_artifact

from factory.bundle import Bundle
from flows.artifacts import artifact_key
from flows.steps import step
from flows.workplace import Workplace, now, open_workplace, resolve
from registry.sources import read_to_score
from serving.batch import score, write_and_log, writer_for


@flow(name="predict", flow_run_name="predict-{model}", validate_parameters=False)
def predict(model: str, source: str, output: str, home: str) -> dict[str, Any]:
    """Score a file with the champion, and log every prediction with its id.

    Args:
        model: registered name, or the model's config file.
        source: .csv, .parquet, a Delta table's folder, or URL#table.
        output: .csv or .parquet to write.
        home: the factory's home folder.

    Returns:
        Model, version, rows, output file and seconds.
    """
    writer_for(Path(output))
    place = open_workplace(home)
    started = place.clock()
    name, _ = resolve(model)
    version = place.models.champion(name)
    bundle = place.models.load(name, version)
    features, keys = read_rows(source, bundle)
    score_rows(name, version, bundle, (features, keys), output, place)
    told: dict[str, Any] = {"model": name, "version": version, "rows": len(features)}
    told["output"] = output
    told["seconds"] = place.clock() - started
    create_markdown_artifact(
        f"# {name}: {told['rows']:,} predictions\n\nVersion {version}, written to {output}.\n",
        key=f"{artifact_key(name)}-predictions",
    )
    get_run_logger().info("%s rows scored with version %s", told["rows"], version)
    return told


@step("read", repeatable=True)
def read_rows(source: str, bundle: Bundle) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read the rows to score, and what names them."""
    return read_to_score(source, bundle.schema)


@step("score, log and write")
def score_rows(
    name: str,
    version: int,
    bundle: Bundle,
    rows: tuple[pd.DataFrame, pd.DataFrame],
    output: str,
    place: Workplace,
) -> None:
    """Predict, append to the inference log, write the file."""
    features, keys = rows
    answer = score(bundle, features, keys, version=version, at=now(), model=name)
    write_and_log(answer, features, place.home, Path(output))
