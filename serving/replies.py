"""Answers as JSON, in the words of MLflow and of the Open Inference Protocol."""

from typing import Any

import orjson

from serving.told import Told


def mlflow_body(told: Told) -> bytes:
    """Return the answer to ``/invocations``: ``predictions``, as MLflow has it, and more."""
    schema = told.served.bundle.schema
    said: dict[str, Any] = {"predictions": told.labels}
    if schema.classes:
        said["probabilities"] = told.probabilities
        said["classes"] = schema.classes
    said |= {
        "ids": told.ids,
        "model": told.served.model,
        "version": told.served.version,
        "at": told.moment,
    }
    if told.abstained is not None:
        said["abstained"] = told.abstained
    if told.faults:
        said["errors"] = told.errors
    return orjson.dumps(said)


def v2_body(told: Told, request: str) -> bytes:
    """Return the answer to ``/v2/models/NAME/infer``."""
    schema, n = told.served.bundle.schema, len(told.good)
    outputs: list[dict[str, Any]] = [
        {
            "name": "predict",
            "shape": [n],
            "datatype": "BYTES" if schema.classes else "FP64",
            "data": told.labels,
        }
    ]
    if schema.classes:
        k = len(schema.classes)
        none = [None] * k
        rows = [none if row is None else row for row in told.probabilities]
        outputs.append(
            {
                "name": "predict_proba",
                "shape": [n, k],
                "datatype": "FP64",
                "data": [cell for row in rows for cell in row],
                "parameters": {"classes": list(schema.classes)},
            }
        )
    outputs.append(
        {"name": "prediction_id", "shape": [n], "datatype": "BYTES", "data": list(told.ids)}
    )
    if told.abstained is not None:
        outputs.append(
            {"name": "abstained", "shape": [n], "datatype": "BYTES", "data": told.abstained}
        )
    parameters: dict[str, Any] = {"at": told.moment}
    if told.faults:
        parameters["errors"] = told.errors
    return orjson.dumps(
        {
            "model_name": told.served.model,
            "model_version": str(told.served.version),
            "id": request or told.request,
            "parameters": parameters,
            "outputs": outputs,
        }
    )
