"""Batch scoring: rows in, predictions with ids out, every one of them logged once.

A table is scored piece by piece. What is done of it lies in a folder beside the output, so that
a run that died is gone on with: with the version, the moment and the ids that it began with. A
piece is logged before it is kept, under its number, and the log takes a number once.
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

import pandas as pd
import pyarrow as pa
import pyarrow.parquet

from factory.abstain import abstained
from factory.bundle import Bundle
from factory.compiled.rows import Layout, Rows
from factory.errors import BadData, Conflict, Unavailable
from factory.locks import held
from factory.nouns import Outputs
from registry.canonical import canonical_features
from registry.home import Home
from registry.inference.columns import PROBABILITY, name_of, to_table
from registry.inference.commit import Watch, nothing_beside, watched, with_day
from registry.inference.table import address, append
from registry.inference.waiting import ABSTAINED
from registry.pictures import with_pictures
from registry.pieces import ROWS, pieces_of
from registry.predictions import Predictions, prediction_ids
from registry.tables import read_table

OWN = {"prediction_id", "prediction", "model", "version", "predicted_at", "abstained"}
ENDINGS = (".csv", ".parquet")


@dataclass(frozen=True)
class Scorer:
    """What scores, and where it is logged.

    Attributes:
        home: whose log.
        model: registered name.
        version: that predicts.
        bundle: of the version.
        outputs: what it says of rows, in its fastest form.
        watch: asked for columns that are logged beside the rows.
    """

    home: Home
    model: str
    version: int
    bundle: Bundle
    outputs: Callable[[Rows], Outputs]
    watch: Watch = nothing_beside


@dataclass(frozen=True, slots=True)
class Job:
    """A table that is being scored.

    Attributes:
        model: registered name.
        version: that predicts.
        source: the table.
        state: of the table as a file, so that another table is another job.
        id: of the job.
        at: moment of all its predictions, nanoseconds since 1970.
        rows: of a piece.
    """

    model: str
    version: int
    source: str
    state: str
    id: str
    at: int
    rows: int


@dataclass(frozen=True, slots=True)
class Scored:
    """What was done: rows in the output, and how many of them an earlier run had scored."""

    version: int
    rows: int
    before: int


def begun(output: Path, model: str, source: str) -> Job | None:
    """Return the job that died before this output was whole, None where there is none."""
    try:
        told = json.loads((_folder(output) / "job.json").read_text(encoding="utf-8"))
        job = Job(**told)
    except (OSError, ValueError, TypeError):
        return None
    same = (job.model, job.source, job.state) == (model, source, _state(source))
    return job if same else None


def score_table(scorer: Scorer, source: str, output: Path, *, at: int, rows: int = ROWS) -> Scored:
    """Score every row of a table once, log it once, and write the predictions.

    Args:
        scorer: what scores. A job that was begun is gone on with by the same version.
        source: .csv, .parquet, a Delta table's folder, or URL#table.
        output: .csv or .parquet; its rows are in the table's order: ``prediction_id``, the id
            and the timestamp as the table has them (``input_<key>`` where the name is taken),
            ``prediction``, ``probability_<class>`` for classifiers, ``abstained`` where the version
            may (see ``factory.abstain``), ``model``, ``version`` and ``predicted_at``.
        at: moment of prediction, nanoseconds since 1970, UTC.
        rows: scored together, which bounds the memory.

    Raises:
        BadData: the table cannot be read or lacks a feature, or the output cannot be written.
        Conflict: another process scores into this output.
        Unavailable: the log cannot be written.
    """
    require_writable(output)
    folder = _folder(output)
    busy = Conflict(
        f"Another process scores into {output}.", hint="wait for it, or give another file"
    )
    try:
        folder.mkdir(exist_ok=True)
        with held(folder / "lock", busy, hint="give another file"):
            job = begun(output, scorer.model, source)
            if job is None or job.version != scorer.version:
                job = _begin(scorer, source, folder, at, rows)
            try:
                total, before = _score_pieces(scorer, job, folder)
            except BadData:
                # A table that is mended is another one: there is nothing to go on with.
                shutil.rmtree(folder)
                raise
            _assemble(folder, output)
            shutil.rmtree(folder)
    except OSError as error:
        raise BadData(f"{output} cannot be written: {error}.", hint="give another file") from None
    return Scored(job.version, total, before)


def require_writable(output: Path) -> None:
    """Refuse an output that could not be written.

    Raises:
        BadData: its name ends in neither .csv nor .parquet, or its folder is absent.
    """
    if output.suffix not in ENDINGS:
        raise BadData(
            f"{output} is neither .csv nor .parquet.", hint="end the file's name in one of these"
        )
    if not output.parent.is_dir():
        raise BadData(f"There is no folder {output.parent}.", hint=f"mkdir -p {output.parent}")


def _begin(scorer: Scorer, source: str, folder: Path, at: int, rows: int) -> Job:
    for left in folder.glob("*.*"):
        left.unlink()
    job = Job(scorer.model, scorer.version, source, _state(source), uuid4().hex, at, rows)
    (folder / "job.json").write_text(json.dumps(asdict(job)), encoding="utf-8")
    return job


def _score_pieces(scorer: Scorer, job: Job, folder: Path) -> tuple[int, int]:
    total = before = 0
    for number, raw in enumerate(pieces_of(_held(job, folder), job.rows), start=1):
        piece = folder / f"{number:08}.parquet"
        if piece.exists():
            before += len(raw)
        else:
            table = _score(scorer, job, total, raw, number)
            partial = piece.with_suffix(".part")
            pyarrow.parquet.write_table(table, partial)
            partial.replace(piece)
        total += len(raw)
    return total, before


def _score(scorer: Scorer, job: Job, first: int, raw: pd.DataFrame, number: int) -> Any:
    """Score and log one piece, and return what the output tells of it."""
    schema = scorer.bundle.schema
    raw = with_pictures(raw, schema.features, job.source)
    features = canonical_features(raw, schema)[0]
    layout = Layout(schema.features)
    rows = Rows.of(features, layout)
    outputs = scorer.outputs(rows)
    named = [name for name in (schema.id, schema.timestamp) if name is not None]
    keys = {name: raw[name] for name in named if name in raw.columns}
    batch = Predictions(
        model=job.model,
        version=job.version,
        role="champion",
        at=job.at,
        ids=prediction_ids(job.at, int(job.id[:8], 16), first, len(raw)),
        schema=schema,
        layout=layout,
        rows=rows,
        outputs=outputs,
        keys={name: pa.array(values).to_pylist() for name, values in keys.items()},
        abstained=abstained(scorer.bundle, lambda: features, outputs),
    )
    table = to_table([batch])
    logged = with_day(watched(job.model, [table], scorer.watch))
    append(address(scorer.home, "predictions", job.model), logged, (job.id, number))
    return _answer(table, keys, job)


def _answer(table: Any, keys: dict[str, pd.Series], job: Job) -> Any:
    columns = {"prediction_id": table.column("prediction_id")}
    for name, values in keys.items():
        column = pa.array(values, from_pandas=True)
        columns[f"input_{name}" if name in OWN else name] = column
    columns["prediction"] = table.column("prediction")
    for name in table.column_names:
        label = name_of(PROBABILITY, name)
        if label is not None:
            columns[f"{PROBABILITY}{label}"] = table.column(name)
    if ABSTAINED in table.column_names:
        columns[ABSTAINED] = table.column(ABSTAINED)
    rows = table.num_rows
    moment = pd.Timestamp(job.at, unit="ns", tz="UTC").isoformat()
    fixed = {"model": job.model, "version": job.version, "predicted_at": moment}
    return pa.table({**columns, **{name: pa.array([v] * rows) for name, v in fixed.items()}})


def _held(job: Job, folder: Path) -> str:
    """Return where the rows are read from; those of a database are kept, for they may change."""
    if "://" not in job.source:
        return job.source
    kept = folder / "rows.parquet"
    if not kept.exists():
        partial = kept.with_suffix(".part")
        read_table(job.source).to_parquet(partial, index=False)
        partial.replace(kept)
    return str(kept)


def _assemble(folder: Path, output: Path) -> None:
    """Write the pieces as one file, which appears once it is whole."""
    pieces = [folder / f"{number:08}.parquet" for number in _until_absent(folder)]
    partial = folder / f"output{output.suffix}"
    if output.suffix == ".csv":
        for place, piece in enumerate(pieces):
            frame = pd.read_parquet(piece)
            frame.to_csv(partial, mode="a" if place else "w", header=not place, index=False)
    else:
        schema = pa.parquet.read_schema(pieces[0])
        with pa.parquet.ParquetWriter(partial, schema) as writer:
            for piece in pieces:
                writer.write_table(pa.parquet.read_table(piece).cast(schema))
    partial.replace(output)


def _until_absent(folder: Path) -> Iterator[int]:
    for number in count(1):
        if not (folder / f"{number:08}.parquet").exists():
            return
        yield number


def _folder(output: Path) -> Path:
    return output.with_name(f".{output.name}.parts")


def _state(source: str) -> str:
    """Return what tells a file from what it was before, as far as it can be told unread."""
    if "://" in source:
        return ""
    path = Path(source)
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    try:
        told = [[str(f), f.stat().st_size, f.stat().st_mtime_ns] for f in files if f.is_file()]
    except OSError as error:
        raise Unavailable(f"{source} cannot be read: {error}.", hint="try again") from None
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()
