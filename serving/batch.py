"""Batch scoring: rows in, predictions with ids out, every one of them logged."""

import uuid
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from factory.bundle import Bundle
from factory.errors import BadData
from registry.home import Home
from registry.inference import append

OWN = {"prediction_id", "prediction", "model", "version", "predicted_at"}


def score(
    bundle: Bundle,
    features: pd.DataFrame,
    keys: pd.DataFrame,
    *,
    version: int,
    at: str,
    model: str,
) -> pd.DataFrame:
    """Predict every row of a table.

    Args:
        bundle: the model.
        features: canonical rows.
        keys: columns that name the rows, such as id and timestamp; carried over.
        version: the model's version, stored with each prediction.
        at: moment of prediction, UTC, ISO format.
        model: registered name.

    Returns:
        One row a prediction, in the table's order: ``prediction_id`` (unique, random), the keys
        (``input_<key>`` where the name is taken), ``prediction``, ``probability_<class>`` for
        classifiers, ``model``, ``version``, ``predicted_at``.
    """
    schema = bundle.schema
    outputs = bundle.outputs(features)
    answer = pd.DataFrame({"prediction_id": [str(uuid.uuid4()) for _ in range(len(outputs))]})
    for name in keys.columns:
        answer[f"input_{name}" if name in OWN else name] = keys[name].to_numpy()
    if schema.task == "regression":
        answer["prediction"] = outputs
    else:
        answer["prediction"] = np.asarray(schema.classes, dtype=object)[outputs.argmax(axis=1)]
        for position, label in enumerate(schema.classes):
            answer[f"probability_{label}"] = outputs[:, position]
    return answer.assign(model=model, version=version, predicted_at=at)


def write_and_log(answer: pd.DataFrame, features: pd.DataFrame, home: Home, output: Path) -> None:
    """Write predictions to a file and append them, with their features, to the inference log.

    Raises:
        BadData: the output is neither .csv nor .parquet, or cannot be written.
    """
    writer = writer_for(output)
    partial = output.with_name(f".{output.name}.part")
    try:
        writer(answer, partial)
    except OSError as error:
        raise BadData(f"{output} cannot be written: {error}.", hint="give another file") from None
    logged = pd.concat([answer, features.add_prefix("feature_")], axis=1)
    append(home, str(answer["model"].iloc[0]), logged)
    partial.replace(output)


def writer_for(output: Path) -> Callable[[pd.DataFrame, Path], None]:
    """Return what writes a file of this name.

    Raises:
        BadData: the name ends in neither .csv nor .parquet, or its folder is absent.
    """
    writers: dict[str, Callable[[pd.DataFrame, Path], None]] = {
        ".csv": lambda frame, path: frame.to_csv(path, index=False),
        ".parquet": lambda frame, path: frame.to_parquet(path, index=False),
    }
    if output.suffix not in writers:
        raise BadData(
            f"{output} is neither .csv nor .parquet.", hint="end the file's name in one of these"
        )
    if not output.parent.is_dir():
        raise BadData(f"There is no folder {output.parent}.", hint=f"mkdir -p {output.parent}")
    return writers[output.suffix]
