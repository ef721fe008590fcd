"""The whole stack on PostgreSQL and S3, with authentication: what is kept where, and who may."""

import json
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import psutil
import pytest
from sqlalchemy import create_engine

from flows.stack.processes import marked
from flows.stack.state import running

sys.path.insert(0, str(Path(__file__).parents[1] / "flows"))
from small import world, write_config

PASSWORD, SHOP = "correct-horse-battery", "shop-battery-staple"
pytestmark = pytest.mark.xdist_group("stack")


@pytest.fixture
def environ(s3, databases):
    """What a user sets: addresses without passwords, and one name and password."""
    mine = {"FACTORY_LEDGER_URL": databases["factory"], "FACTORY_AUTH": f"ann:{PASSWORD}"}
    servers = {
        "SHOP_PASSWORD": SHOP,
        "PREFECT_API_DATABASE_CONNECTION_URL": databases["prefect"].replace("://", "+asyncpg://"),
        "MLFLOW_BACKEND_STORE_URI": databases["mlflow"],
        "MLFLOW_ARTIFACTS_DESTINATION": "s3://artifacts",
        "MLFLOW_S3_ENDPOINT_URL": s3.url,
        **s3.environ,
    }
    return mine, {**mine, **servers}


def eventually(true, seconds=60):
    until = time.monotonic() + seconds
    while not (told := true()) and time.monotonic() < until:
        time.sleep(0.2)
    return told


def status(url, method="GET", headers=()):
    try:
        asked = Request(url, method=method, headers=dict(headers))  # noqa: S310 - a server of ours
        with urlopen(asked, timeout=20) as answer:  # noqa: S310 - as above
            return answer.status
    except HTTPError as error:
        return error.code


def dumped(url):
    """Everything that a database holds, as text."""
    program = shutil.which("pg_dump")
    assert program is not None
    return subprocess.run([program, url], capture_output=True, text=True, check=True).stdout


@pytest.fixture
def config(databases, tmp_path):
    """A model whose rows and studies are on PostgreSQL, by addresses that name a variable."""
    url = databases["factory"].replace("factory@", "factory:${SHOP_PASSWORD}@")
    world(1200, seed=1).to_sql("sales", create_engine(databases["factory"]), index=False)
    later = world(600, seed=2, start="2025-03-01", first=10_000)
    later.to_csv(tmp_path / "window.csv", index=False)
    return write_config(
        tmp_path,
        data={"path": f"{url}#sales", "target": "y", "timestamp": "time", "id": "row"},
        search={"families": ["linear"], "trials": 2, "folds": 2, "study": url},
        deploy={"monitor": {"windows": "window.csv"}},
    )


def test_the_stack_on_postgres_and_s3_with_authentication(factory, environ, databases, config, s3):
    mine, servers = environ
    links = json.loads(factory("up", config, "--detach", "--json", environ=servers))["links"]

    # Whoever has no password is turned away, probes excepted.
    assert status(f"{links['Prefect']}/api/flows/filter", "POST") == 401
    assert status(f"{links['MLflow']}/api/2.0/mlflow/experiments/get?experiment_id=0") == 401
    assert status(f"{links['predictor']}/v2/models/small") == 401
    for probe in ("Prefect/api/health", "MLflow/health", "predictor/v2/health/live"):
        server, _, path = probe.partition("/")
        assert status(f"{links[server]}/{path}") == 200

    # Workers train and check, and need no key of the bucket; nor does the predictor.
    for flow in ("train", "monitor"):
        told = factory("trigger", flow, "small", "--wait", "--json", environ=mine)
        assert json.loads(told)["state"] == "Completed", told
    known = {"Authorization": f"Bearer {mine['FACTORY_AUTH']}"}
    ready = f"{links['predictor']}/v2/models/small/ready"
    assert eventually(lambda: status(ready, headers=known) == 200)

    # All state is where it was asked to be.
    kept = {path.name for path in factory.home.rglob("*") if path.is_file()}
    assert kept & {"mlflow.db", "ledger.db", "prefect.db"} == set()
    objects = s3.client.list_objects_v2(Bucket="artifacts")["Contents"]
    assert any(o["Key"].endswith("model.skops") for o in objects)
    dumps = {name: dumped(url) for name, url in databases.items()}
    assert "train-small" in dumps["prefect"]
    assert "registered_models" in dumps["mlflow"]
    assert '"decision"' in dumps["factory"]
    assert re.search(r"COPY \w+\.trials .*\n\d+\t", dumps["factory"])

    # No secret is in a database, an artifact, a file of the home, or a process list.
    secrets = (PASSWORD, SHOP, s3.environ["AWS_SECRET_ACCESS_KEY"])
    for name, text in dumps.items():
        assert not any(secret in text for secret in secrets), name
    for path in (p for p in factory.home.rglob("*") if p.is_file()):
        content = path.read_bytes()
        assert not any(secret.encode() in content for secret in secrets), path
    for held in objects:
        content = s3.client.get_object(Bucket="artifacts", Key=held["Key"])["Body"].read()
        assert not any(secret.encode() in content for secret in secrets), held["Key"]
    for process in psutil.process_iter(["cmdline"]):
        assert not any(secret in " ".join(process.info["cmdline"] or ()) for secret in secrets)

    mark = running(factory.home)["mark"]
    factory("down", environ=mine)
    assert not marked(mark)
    assert running(factory.home) is None
