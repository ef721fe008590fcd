"""The whole stack on PostgreSQL and S3, with authentication: what is kept where, and who may."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import psutil
import pytest

from conftest import KEY
from flows.stack.processes import marked
from flows.stack.state import running

sys.path.insert(0, str(Path(__file__).parents[1] / "flows"))
from small import world, write_config

PASSWORD = "correct-horse-battery"  # noqa: S105 - of a server that ends with the test
pytestmark = pytest.mark.xdist_group("stack")


@pytest.fixture
def environ(s3, databases):
    """What a user sets: addresses without passwords, and one name and password."""
    mine = {"FACTORY_LEDGER_URL": databases["factory"], "FACTORY_AUTH": f"ann:{PASSWORD}"}
    servers = {
        "PREFECT_API_DATABASE_CONNECTION_URL": databases["prefect"].replace("://", "+asyncpg://"),
        "MLFLOW_BACKEND_STORE_URI": databases["mlflow"],
        "MLFLOW_ARTIFACTS_DESTINATION": "s3://artifacts",
        "MLFLOW_S3_ENDPOINT_URL": s3.url,
        **s3.environ,
    }
    return mine, {**mine, **servers}


def status(url, method="GET"):
    try:
        asked = Request(url, method=method)  # noqa: S310 - a server of ours
        with urlopen(asked, timeout=20) as answer:  # noqa: S310 - as above
            return answer.status
    except HTTPError as error:
        return error.code


def dumped(url):
    """Everything that a database holds, as text."""
    program = shutil.which("pg_dump")
    assert program is not None
    return subprocess.run([program, url], capture_output=True, text=True, check=True).stdout


def test_the_stack_on_postgres_and_s3_with_authentication(
    factory, environ, databases, s3, tmp_path
):
    mine, servers = environ
    world(1200, seed=1).to_csv(tmp_path / "train.csv", index=False)
    later = world(600, seed=2, start="2025-03-01", first=10_000)
    later.to_csv(tmp_path / "window.csv", index=False)
    config = write_config(tmp_path)

    told = json.loads(factory("up", "--detach", "--json", environ=servers))
    links = told["links"]

    # Whoever has no password is turned away, probes excepted.
    assert status(f"{links['Prefect']}/api/flows/filter", "POST") == 401
    assert status(f"{links['Prefect']}/api/health") == 200
    assert status(f"{links['MLflow']}/api/2.0/mlflow/experiments/get?experiment_id=0") == 401
    assert status(f"{links['MLflow']}/health") == 200

    # Other commands find the servers by themselves, and need no key of the bucket.
    assert json.loads(factory("train", config, "--json", environ=mine))["champion"] == 1
    body = json.loads(factory("run", "small", "--window", "window.csv", "--json", environ=mine))
    assert body["champion_after"] == 1
    assert json.loads(factory("verify", "--json", environ=mine))["whole"]

    # A command that would write to another ledger is refused.
    factory("models", environ={"FACTORY_AUTH": mine["FACTORY_AUTH"]}, code=2)

    # All state is where it was asked to be.
    kept = {path.name for path in factory.home.rglob("*") if path.is_file()}
    assert not kept & {"mlflow.db", "ledger.db", "prefect.db"}
    objects = s3.client.list_objects_v2(Bucket="artifacts")["Contents"]
    assert any(o["Key"].endswith("model.skops") for o in objects)
    dumps = {name: dumped(url) for name, url in databases.items()}
    assert "train-" in dumps["prefect"]
    assert "small" in dumps["mlflow"]
    assert '"decision"' in dumps["factory"]

    # No secret is in a database, an artifact, a file of the home, or a process list.
    secrets = (PASSWORD, KEY)
    for name, text in dumps.items():
        assert not any(secret in text for secret in secrets), name
    for path in (p for p in factory.home.rglob("*") if p.is_file()):
        content = path.read_bytes()
        assert not any(secret.encode() in content for secret in secrets), path
    for kept_object in objects:
        content = s3.client.get_object(Bucket="artifacts", Key=kept_object["Key"])["Body"].read()
        assert not any(secret.encode() in content for secret in secrets), kept_object["Key"]
    for process in psutil.process_iter(["cmdline"]):
        assert not any(secret in " ".join(process.info["cmdline"] or ()) for secret in secrets)

    mark = running(factory.home)["mark"]
    factory("down", environ=mine)
    assert not marked(mark)
    assert running(factory.home) is None
