"""The log as others read it, and where its tables lie in an S3 store."""

import os
import subprocess
import sys
import time

import boto3
import duckdb
import pandas as pd
import polars as pl
import pytest
from deltalake import DeltaTable
from logged import SECOND, START, predictions
from made import make_schema

from flows.stack.local import answers, die_with_parent, free_port
from registry.home import open_home
from registry.inference.columns import to_table
from registry.inference.commit import losses, with_day
from registry.inference.labels import add_labels, labels_of
from registry.inference.table import address, append, read
from registry.inference.upkeep import maintain
from registry.inference.writer import Pace, Writer

DAY = 86_400 * SECOND


def test_polars_and_duckdb_read_it_as_it_is(home):
    where = address(home, "predictions", "m")
    batches = [predictions(6, at=START + day * DAY, task="binary") for day in range(2)]
    for batch in batches:
        append(where, with_day(to_table([batch])))
    mean = sum(float(batch.outputs[:, 1].sum()) for batch in batches) / 12
    frame = pl.read_delta(where)
    assert frame.height == 12
    assert frame["day"].n_unique() == 2
    assert frame["probability_yes"].mean() == pytest.approx(mean)
    table = DeltaTable(where)
    assert table.protocol().min_reader_version == 1
    files = table.file_uris()
    rows = f"read_parquet({files!r}, hive_partitioning=true)"
    found = duckdb.sql(f"SELECT count(*), avg(probability_yes) FROM {rows}").fetchall()  # noqa: S608 - our own files
    assert found == [(12, pytest.approx(mean))]


@pytest.fixture
def bucket(tmp_path, monkeypatch):
    """An S3 server of our own with a bucket, and an environment that lets one in."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    told = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": url, "AWS_ALLOW_HTTP": "true"}  # fmt: skip
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    with (tmp_path / "s3.log").open("wb") as sink:
        server = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
            stdout=sink, stderr=sink, preexec_fn=die_with_parent,  # noqa: PLW1509 - only prctl
        )  # fmt: skip
        try:
            while not answers(f"{url}/moto-api/"):
                assert server.poll() is None
                time.sleep(0.05)
            client = boto3.client("s3", endpoint_url=url, region_name="us-east-1")
            client.create_bucket(Bucket="log")
            client.close()
            yield "s3://log/inference"
        finally:
            server.terminate()
            server.wait(timeout=30)


def test_the_tables_may_lie_in_an_s3_store(home, bucket):
    place = open_home(home.path, {**os.environ, "FACTORY_LOG_URL": bucket})
    where = address(place, "predictions", "m")
    assert where == "s3://log/inference/predictions/m"
    assert read(where).num_rows == 0
    writer = Writer(place, Pace(gather=0.01, commit=0.05))
    batches = [predictions(3, at=START + n, first=3 * n) for n in range(3)]
    for batch in batches:
        assert writer.append(batch)
        while writer.waiting():
            time.sleep(0.01)
    writer.close()
    told = pd.DataFrame({"prediction_id": batches[0].ids, "y": [1.0, 2.0, 3.0]})
    assert add_labels(place, "m", make_schema(), told, at=START).unknown == 0
    maintain(place, "m", None)
    assert read(where).num_rows == 9
    assert len(DeltaTable(where).file_uris()) == 1
    assert labels_of(place, "m", make_schema(), batches[0].ids).tolist() == [1.0, 2.0, 3.0]
    assert losses(place) == []
