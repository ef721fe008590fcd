"""From a request's body to its answer: read, predict, tell; nothing here waits."""

import os
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np

from factory.abstaining import Reason
from factory.compiled.rows import Rows
from factory.nouns import Outputs
from registry.predictions import Predictions, Role, prediction_ids
from serving.bodies import ARROW_FILE, ARROW_STREAM, PARQUET, Asked, read_body
from serving.bulk import bulk_body
from serving.refused import Fault, Refused
from serving.replies import mlflow_body, v2_body
from serving.served import Served
from serving.shelf import Line
from serving.told import Told

CANARY_BITS = 1 << 16
MOST_FAULTS = 100
"""Faults that are told of one request; the rows are all marked."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request is answered with.

    Attributes:
        body: bytes.
        content_type: of it.
        rows: that were predicted.
        bad: that were not.
        version: that made the predictions.
        batches: for the inference log.
        abstained: rows that are left to a person, by reason.
        failed: why the challenger gave no sound answer; empty where it did, or was not asked.
    """

    body: bytes
    content_type: str
    rows: int
    bad: int
    version: int
    batches: tuple[Predictions, ...]
    abstained: Mapping[Reason, int]
    failed: str = ""


def answer(
    line: Line,
    body: bytes,
    content_type: str,
    accept: str,
    *,
    v2: bool,
    version: int | None = None,
) -> Answer:
    """Predict the rows of a body.

    Good rows are predicted beside bad ones: the answer then has None in the place of a bad row
    and says in ``errors`` what is wrong with it. A request without any good row is refused.

    Args:
        line: the model's versions, as they were when the request came.
        body: as it came.
        content_type: its header.
        accept: what the client wants back; Arrow and Parquet are told by their types, and what
            else is JSON, unless the body itself was Arrow or Parquet and nothing is said.
        v2: whether JSON is that of the Open Inference Protocol.
        version: to predict with; None is the champion, or the challenger for its share.

    Raises:
        Refused: the body cannot be read, or has no good row.
    """
    at, source = time.time_ns(), int.from_bytes(os.urandom(4))
    drawn = source % CANARY_BITS < line.config.share * CANARY_BITS
    canary = version is None and line.challenger is not None and drawn
    served = line.champion if version is None else line.warm[version]
    asked = read_body(body, content_type, served.compiled.layout, served.keys, v2=v2)
    told, batches, failed = _predict(line, served, asked, (at, source), canary=canary)
    if not told.good.any():
        raise Refused(
            "bad_rows",
            _problem(told),
            hint="mend the cells that errors names; a missing value is null",
            faults=tuple(told.faults),
        )
    form = _form(accept, content_type)
    if form in {ARROW_STREAM, ARROW_FILE, PARQUET}:
        made = bulk_body(told, form)
    else:
        form, made = "application/json", (v2_body(told, asked.id) if v2 else mlflow_body(told))
    good = int(told.good.sum())
    reasons = Counter(reason for reason in told.reasons or () if reason is not None)
    bad = len(told.good) - good
    return Answer(made, form, good, bad, told.served.version, tuple(batches), reasons, failed)


def _predict(
    line: Line, served: Served, asked: Asked, when: tuple[int, int], *, canary: bool
) -> tuple[Told, list[Predictions], str]:
    good = np.ones(len(asked.rows), dtype=bool)
    good[[fault.row for fault in asked.faults]] = False
    rows = asked.rows if good.all() else asked.rows.where(good)
    faults = list(asked.faults)
    outputs = served.outputs(rows) if len(rows) else np.empty(0)
    finite = np.isfinite(outputs if outputs.ndim == 1 else outputs.sum(axis=1))
    if not finite.all():
        places = np.flatnonzero(good)[~finite]
        faults += [Fault(int(i), "*", "finite", "no finite prediction") for i in places]
        good[places] = False
        rows, outputs = rows.where(finite), outputs[finite]
    at, source = when
    every = prediction_ids(at, source, 0, len(good))
    ids = every if good.all() else [i if ok else None for i, ok in zip(every, good, strict=True)]
    request = f"{at:016x}-{source:08x}"
    moment = datetime.fromtimestamp(at / 1e9, UTC).isoformat(timespec="microseconds")
    faults.sort(key=lambda fault: fault.row)
    told = Told(served, request, ids, at, moment, good, outputs, faults[:MOST_FAULTS])
    if not len(rows):
        return told, [], ""
    told = replace(told, reasons=served.abstained(rows, outputs))
    kept = [i for i in ids if i is not None]
    keys = {
        name: cells if good.all() else [c for c, ok in zip(cells, good, strict=True) if ok]
        for name, cells in asked.keys.items()
    }

    def batch(by: Served, role: Role, said: Outputs) -> Predictions:
        schema, layout = by.bundle.schema, by.compiled.layout
        read = rows_of(by, served, rows)
        reasons = None
        if role != "shadow":
            reasons = told.reasons if by is served else by.abstained(read, said)
        return Predictions(
            by.model, by.version, role, at, kept, schema, layout, read, said, keys, reasons
        )

    if not canary or line.challenger is None:
        return told, [batch(served, "champion", outputs)], ""
    said, failed = _challenged(line.challenger, served, rows, outputs)
    if said is None:
        return told, [batch(served, "champion", outputs)], failed
    if line.config.challenger == "shadow":
        both = [batch(served, "champion", outputs), batch(line.challenger, "shadow", said)]
        return told, both, ""
    both = [batch(line.challenger, "canary", said), batch(served, "shadow", outputs)]
    given = replace(told, served=line.challenger, outputs=said, reasons=both[0].abstained)
    return given, both, ""


def _challenged(
    challenger: Served, champion: Served, rows: Rows, outputs: Outputs
) -> tuple[Outputs | None, str]:
    """Return what the challenger says, or why it says nothing sound."""
    try:
        said = challenger.outputs(rows_of(challenger, champion, rows))
    except Exception as error:  # noqa: BLE001 - a challenger may fail in any way, the champion answers
        return None, f"it failed: {type(error).__name__}: {error}"
    if said.shape != outputs.shape or not np.isfinite(said).all():
        return None, "it says nothing finite where the champion does"
    return said, ""


def rows_of(reader: Served, champion: Served, rows: Rows) -> Rows:
    """Return a champion's rows as another version reads them."""
    if reader.compiled.layout == champion.compiled.layout:
        return rows
    return Rows.of(rows.frame(champion.compiled.layout), reader.compiled.layout)


def _form(accept: str, content_type: str) -> str:
    asked = accept.partition(",")[0].partition(";")[0].strip()
    return content_type if asked in {"", "*/*"} else asked


def _problem(told: Told) -> str:
    first = told.faults[0]
    return (
        f"No row can be predicted; row {first.row}, column {first.column!r}: "
        f"{first.rule}, got {first.got}."
    )
