"""Batch scoring: rows in, predictions with ids out, every one of them logged."""

import uuid
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from factory.bundle import Bundle
from factory.errors import BadData
from factory.nouns import Window
from registry.home import Home
from registry.inference import append


def score(bundle: Bundle, window: Window, *, version: int, at: str, model: str) -> pd.DataFrame:
    """Predict every row of a window.

    Args:
        bundle: the model.
        window: canonical rows; a target column is ignored.
        version: the model's version, stored with each prediction.
        at: moment of prediction, UTC, ISO format.
        model: registered name.

    Returns:
        One row a prediction, in the window's order: ``prediction_id`` (unique, random), the id and
        timestamp columns where the schema has them, ``prediction``, ``probability_<class>`` for
        classifiers, ``model``, ``version``, ``predicted_at``.
    """
    schema = bundle.schema
    outputs = bundle.outputs(window.frame)
    answer = pd.DataFrame({"prediction_id": [str(uuid.uuid4()) for _ in range(len(outputs))]})
    for name in (schema.id, schema.timestamp):
        if name is not None:
            answer[name] = window.frame[name].to_numpy()
    if schema.task == "regression":
        answer["prediction"] = outputs
    else:
        answer["prediction"] = np.asarray(schema.classes, dtype=object)[outputs.argmax(axis=1)]
        for position, label in enumerate(schema.classes):
            answer[f"probability_{label}"] = outputs[:, position]
    return answer.assign(model=model, version=version, predicted_at=at)


def write_and_log(
    answer: pd.DataFrame, window: Window, bundle: Bundle, home: Home, output: Path
) -> None:
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
    features = window.frame[list(bundle.schema.names)].add_prefix("feature_")
    append(home, str(answer["model"].iloc[0]), pd.concat([answer, features], axis=1))
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
