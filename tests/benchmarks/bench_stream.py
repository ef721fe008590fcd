"""A window of 10 million rows x 100 columns from Parquet: memory stays, time grows with the rows.

``FACTORY_BENCH_ROWS`` sets another number of rows. The file is written for the benchmark and
removed after it: 80 columns of numbers with a thousand values each, and 20 of categories.
"""

import os
import shutil
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from peers.environment import SCRIPTS, ask
from scipy.special import ndtri

ROWS = int(os.environ.get("FACTORY_BENCH_ROWS", "10_000_000"))
NUMBERS, CATEGORIES, NAMES, VALUES = 80, 20, 20, 1_000
GROUP = 200_000
"""Rows of a row group."""
BYTES = 150
"""What a row takes on disk at most."""
GIB = 1024
"""Megabytes."""


def rows_of(rng, rows):
    """Rows whose numbers repeat, so that they take little room on disk."""
    values = ndtri((np.arange(VALUES) + 0.5) / VALUES)
    names = pa.array([f"name {code}" for code in range(NAMES)])
    columns = {f"n{i}": values[rng.integers(0, VALUES, rows)] * (i + 1) for i in range(NUMBERS)}
    for i in range(CATEGORIES):
        codes = pa.array(rng.integers(0, NAMES, rows).astype(np.int32))
        columns[f"c{i}"] = pa.DictionaryArray.from_arrays(codes, names)
    return pa.table(columns)


def write(path, rows, seed):
    rng = np.random.default_rng(seed)
    groups = [min(GROUP, rows - start) for start in range(0, rows, GROUP)]
    first = rows_of(rng, groups[0])
    with pq.ParquetWriter(path, first.schema, compression="snappy") as writer:
        writer.write_table(first)
        for size in groups[1:]:
            writer.write_table(rows_of(rng, size))


@pytest.fixture(scope="module")
def looked(tmp_path_factory):
    """How long it takes to look at so many rows, and how much memory."""
    folder = tmp_path_factory.mktemp("stream")
    write(folder / "reference.parquet", 20_000, seed=0)

    @cache
    def look(rows):
        free = shutil.disk_usage(folder).free
        if free < 2 * BYTES * rows:
            pytest.skip(f"{free >> 30} GiB of disk are free; it takes {2 * BYTES * rows >> 30}")
        window = folder / "window.parquet"
        write(window, rows, seed=1)
        question = {"reference": str(folder / "reference.parquet"), "window": str(window)}
        try:
            return ask("ours", SCRIPTS / "stream_ours.py", question, minutes=30)
        finally:
            window.unlink()

    yield look
    shutil.rmtree(folder)


def test_memory_does_not_grow_with_the_rows(looked, show, tell):
    found = looked(ROWS)
    tell(line(found))
    assert found["rows"] == ROWS
    assert found["features"] == NUMBERS + CATEGORIES
    show("GiB at most", found["peak_mb"] / GIB, "less than 2")
    assert found["peak_mb"] < 2 * GIB


def test_twice_the_rows_take_twice_the_time(looked, show, tell):
    less, more = looked(ROWS // 10), looked(ROWS // 5)
    tell(line(less), line(more))
    show("time for twice the rows", more["seconds"] / less["seconds"], "at most 2.3")
    assert more["seconds"] <= 2.3 * less["seconds"]
    show("memory for twice the rows", more["peak_mb"] / less["peak_mb"], "at most 1.25")
    assert more["peak_mb"] <= 1.25 * less["peak_mb"]


def line(found):
    return (
        f"{found['rows']:,} rows x {found['features']} columns: {found['seconds']:.1f} CPU s, "
        f"peak {found['peak_mb']:.0f} MB, {found['before_mb']:.0f} of them before"
    )
