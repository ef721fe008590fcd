"""The inference log: the cost of a prediction, a million labels joined, large tables scored."""

import multiprocessing
import os
import time
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet
import pytest
from deltalake import DeltaTable
from sklearn.linear_model import Ridge
from sklearn.pipeline import Pipeline

from factory.bundle import Bundle, pipeline_outputs
from factory.compiled.proof import proved
from factory.compiled.rows import Layout, Rows
from factory.config import FeaturesConfig
from factory.nouns import Column, Schema
from registry.inference.columns import to_table
from registry.inference.commit import with_day
from registry.inference.labels import add_labels, labels_of
from registry.inference.table import address, append
from registry.inference.windows import LogWindow, read_log
from registry.inference.writer import Writer
from registry.predictions import Predictions, prediction_ids
from serving.batch import Scorer, score_table
from serving.beside import Beside
from training.family import family_named
from training.features import feature_steps

SCORED = int(os.environ.get("FACTORY_BENCH_ROWS", "2000000"))
LABELLED = int(os.environ.get("FACTORY_BENCH_LABELS", "1000000"))
JOINED, GROWN = 4.0, 1.1
PIECE = 100_000
AT = 1_750_000_000_000_000_000
NUMBERS = tuple(Column(f"x{i}", "number") for i in range(9))
FEATURES = (*NUMBERS, Column("c", "category"))
SCHEMA = Schema(FEATURES, "y", "regression", id="row")


def frame_of(rows, seed, first=0):
    rng = np.random.default_rng(seed)
    numbers = rng.normal(size=(rows, 9)).round(4)
    found = pd.DataFrame(numbers, columns=[f"x{i}" for i in range(9)])
    found["c"] = rng.choice(np.array(["red", "green", "blue"], object), size=rows)
    return found.assign(row=[f"r{i}" for i in range(first, first + rows)])


def batches(rows, size):
    layout = Layout(FEATURES)
    features = frame_of(size, 0)
    for number, first in enumerate(range(0, rows, size)):
        yield Predictions(
            "m", 1, "champion", AT + number, prediction_ids(AT + number, 1, first, size), SCHEMA,
            layout, Rows.of(features, layout), np.zeros(size),
            {"row": [f"r{i}" for i in range(first, first + size)]},
        )  # fmt: skip


@pytest.mark.parametrize("size", [1, 1_000])
def test_taking_a_prediction(home, tell, size):
    made = list(batches(20_000 if size == 1 else 200_000, size))
    writer = Writer(home)
    started = time.perf_counter()
    for batch in made:
        assert writer.append(batch)
    taken = time.perf_counter() - started
    cpu = time.process_time()
    writer.close()
    beside = time.process_time() - cpu
    rows = len(made) * size
    tell(
        f"requests of {size}: append takes {taken / len(made) * 1e6:.2f} us a request; beside it "
        f"{beside / rows * 1e6:.2f} us of processor a row until all is in the log"
    )


def test_a_million_labels_are_joined(home, tell, show):
    where = address(home, "predictions", "m")
    ids = []
    for batch in batches(LABELLED, PIECE):
        append(where, with_day(to_table([batch])))
        ids += batch.ids
    rng = np.random.default_rng(0)
    told = pd.DataFrame({"prediction_id": ids, "y": rng.normal(size=len(ids))})
    seconds = {}
    for what, rows in (("first", told), ("corrected", told.assign(y=told["y"] + 1))):
        started = time.perf_counter()
        found = add_labels(home, "m", SCHEMA, rows, at=AT + len(seconds) * 10**9)
        seconds[what] = time.perf_counter() - started
        assert (found.rows, found.unknown) == (len(ids), 0)
    started = time.perf_counter()
    assert (labels_of(home, "m", SCHEMA, ids) == told["y"] + 1).all()
    joined = time.perf_counter() - started
    started = time.perf_counter()
    plain = joined_by_polars(home, ids)
    by_polars = time.perf_counter() - started
    assert (plain == told["y"].to_numpy() + 1).all()
    started = time.perf_counter()
    window = read_log(home, LogWindow("m", "", "f", AT + 10**12), SCHEMA)
    whole = time.perf_counter() - started
    assert window.frame["y"].notna().all()
    tell(
        f"{len(ids):,} labels: kept in {seconds['first']:.1f} s, corrected in "
        f"{seconds['corrected']:.1f} s, joined in {joined:.1f} s (by polars alone "
        f"{by_polars:.1f} s), read as a window with features and hash in {whole:.1f} s"
    )
    show("labels joined, times what polars takes", joined / by_polars, f"at most {JOINED}")
    assert joined / by_polars <= JOINED


def joined_by_polars(home, ids):
    """Return the last label of each prediction, read from the files as they lie there."""
    kept = pl.scan_parquet(f"{address(home, 'labels', 'm')}/day=*/*.parquet")
    last = kept.sort("at", "sequence").unique("prediction_id", keep="last", maintain_order=True)
    asked = pl.LazyFrame({"prediction_id": ids})
    found = asked.join(last, on="prediction_id", how="left", maintain_order="left")
    return found.select("label").collect()["label"].to_numpy()


def peak_mb():
    """Return the most memory that this program held, in MB."""
    told = Path("/proc/self/status").read_text()
    line = next(line for line in told.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def score(home, source, output, pipe):
    """Score a table in a process of its own, and tell its rows, seconds and peak memory."""
    kind = family_named("linear")
    taught = frame_of(20_000, 1)
    taught["y"] = taught["x0"] - 2 * taught["x1"] + (taught["c"] == "red")
    steps = feature_steps(SCHEMA, FeaturesConfig(), kind, 0)
    pipeline = Pipeline([*steps, ("estimator", Ridge())]).fit(
        taught[list(SCHEMA.names)], taught["y"]
    )
    bundle = Bundle(
        schema=SCHEMA, pipeline=pipeline, family="linear", params={}, metric="mean_absolute_error",
        reference=taught, reference_outputs=pipeline_outputs(pipeline, SCHEMA, taught),
        reference_score=0.1, importance={}, neutral={}, seen=np.array([], np.uint64),
        config={"name": "m", "data": {"path": "rows.parquet", "target": "y"}},
    )  # fmt: skip
    compiled, proof = proved(bundle)
    before = peak_mb()
    started = time.perf_counter()
    scorer = Scorer(home, "m", 1, bundle, compiled.outputs, Beside(lambda *_: bundle))
    told = score_table(scorer, source, Path(output), at=AT)
    seconds = time.perf_counter() - started
    pipe.send((told.rows, seconds, before, peak_mb(), proof.form))


def test_memory_does_not_grow_with_the_table(home, tmp_path, tell, show):
    peaks = []
    for rows in (SCORED // 2, SCORED):
        source, output = tmp_path / f"{rows}.parquet", tmp_path / f"{rows}.out.parquet"
        piece = pa.Table.from_pandas(frame_of(PIECE, 2), preserve_index=False)
        with pa.parquet.ParquetWriter(source, piece.schema) as writer:
            for _ in range(0, rows, PIECE):
                writer.write_table(piece)
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=score, args=(home, str(source), str(output), theirs))
        process.start()
        count, seconds, before, peak, form = ours.recv()
        process.join()
        assert count == pa.parquet.read_metadata(output).num_rows == rows
        peaks.append(peak)
        tell(
            f"{rows:,} rows ({form}) scored, logged and written in {seconds:.0f} s, "
            f"{seconds / rows * 1e6:.1f} us a row; memory {before:.0f} MB before, "
            f"{peak:.0f} MB at most"
        )
    logged = DeltaTable(address(home, "predictions", "m")).get_add_actions(flatten=True)
    assert pa.table(logged)["num_records"].to_numpy().sum() == SCORED + SCORED // 2
    show("memory at most, twice the rows over once", peaks[1] / peaks[0], f"at most {GROWN}")
    assert peaks[1] / peaks[0] <= GROWN
