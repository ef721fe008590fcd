"""Answers as Arrow IPC or Parquet, one row a prediction, as ``factory predict`` writes them."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from serving.bodies import ARROW_STREAM, PARQUET
from serving.told import Told


def bulk_body(told: Told, form: str) -> bytes:
    """Return a table: id, prediction, probabilities, model, version, moment and what is wrong.

    Args:
        told: what to tell.
        form: content type.
    """
    sink = pa.BufferOutputStream()
    table = _table(told)
    if form == PARQUET:
        pyarrow.parquet.write_table(table, sink)
    else:
        opened = pa.ipc.new_stream if form == ARROW_STREAM else pa.ipc.new_file
        with opened(sink, table.schema) as writer:
            writer.write_table(table)
    return bytes(sink.getvalue())


def _table(told: Told) -> Any:
    schema, n = told.served.bundle.schema, len(told.good)
    columns = {
        "prediction_id": pa.array(told.ids, pa.string()),
        "prediction": pa.array(told.labels, pa.string() if schema.classes else pa.float64()),
    }
    for place, label in enumerate(schema.classes):
        values = np.full(n, np.nan)
        values[told.good] = told.outputs[:, place]
        columns[f"probability_{label}"] = pa.array(values, mask=~told.good)
    if told.abstained is not None:
        columns["abstained"] = pa.array(told.abstained, pa.string())
    wrong: list[str | None] = [None] * n
    for fault in reversed(told.faults):
        wrong[fault.row] = f"{fault.column}: {fault.rule}, got {fault.got}"
    return pa.table(
        {
            **columns,
            "model": pa.array([told.served.model] * n),
            "version": pa.array([told.served.version] * n),
            "predicted_at": pa.array([told.moment] * n),
            "error": pa.array(wrong, pa.string()),
        }
    )
