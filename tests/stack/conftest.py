import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import boto3
import psycopg2
import pytest

from flows.stack.local import answers, die_with_parent, free_port
from flows.stack.processes import marked
from flows.stack.state import running

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def s3(tmp_path_factory):
    """An S3 server of our own with a bucket ``artifacts``: its address, and what lets one in."""
    port = free_port()
    log = tmp_path_factory.mktemp("s3") / "log"
    with log.open("wb") as sink:
        server = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
            stdout=sink, stderr=sink,
            preexec_fn=die_with_parent,  # noqa: PLW1509 - it only calls prctl and signal
        )  # fmt: skip
        url = f"http://127.0.0.1:{port}"
        while not answers(f"{url}/moto-api/"):
            assert server.poll() is None, log.read_text()
        access = {
            "AWS_ACCESS_KEY_ID": "factory",
            "AWS_SECRET_ACCESS_KEY": "s3-key-that-clients-do-not-have",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        client = boto3.client(
            "s3", endpoint_url=url, aws_access_key_id=access["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=access["AWS_SECRET_ACCESS_KEY"], region_name="us-east-1",
        )  # fmt: skip
        client.create_bucket(Bucket="artifacts")
        yield SimpleNamespace(url=url, client=client, environ=access)
        client.close()
        server.terminate()
        server.wait(timeout=30)


@pytest.fixture
def databases(postgres_url):
    """Empty databases for Prefect, MLflow and the ledger on a real PostgreSQL: URLs by name."""
    names = ("prefect", "mlflow", "factory")
    connection = psycopg2.connect(postgres_url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        for name in names:
            cursor.execute(f"CREATE DATABASE stack_{name}")
    connection.close()
    return {name: postgres_url.removesuffix("postgres") + f"stack_{name}" for name in names}


@pytest.fixture
def factory(tmp_path):
    """Run a command of ours as a user does, in a home that is down again at the end."""
    home = tmp_path / "home"
    marks = []

    def run(*arguments, environ=(), code=0):
        told = subprocess.run(
            [sys.executable, "-m", "flows.cli", *map(str, arguments), "--home", str(home)],
            env={**clean(os.environ), **dict(environ)},
            capture_output=True, text=True, check=False, timeout=300, cwd=tmp_path,
        )  # fmt: skip
        state = running(home)
        marks.extend([state["mark"]] if state else [])
        assert told.returncode == code, told.stderr
        return told.stdout

    run.home = home
    yield run
    if running(home) is not None:
        run("down")
    assert not [process for mark in marks for process in marked(mark)]


def clean(environ):
    """The environment without what another test's servers left in it."""
    dropped = ("PREFECT_", "MLFLOW_", "FACTORY_")
    kept = {key: value for key, value in environ.items() if not key.startswith(dropped)}
    return {**kept, "PYTHONPATH": str(ROOT)}
