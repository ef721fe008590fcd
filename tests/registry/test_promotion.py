"""Two promoters at once, and death in the middle: no version is lost, aliases follow the ledger."""

import multiprocessing
from uuid import uuid4

import numpy as np
import pytest
from made import make_bundle
from promoter import VERSIONS, promote_some, promote_until_killed
from sqlalchemy import NullPool, create_engine

from registry.client import connect
from registry.home import open_home
from registry.ledger import Ledger
from registry.models import Models
from registry.runs import Runs
from registry.verify import verify_model

PROMOTERS, EACH = 3, 6
KILLS = {"sqlite": 15, "postgresql": 5}


@pytest.fixture(scope="session")
def processes():
    """Processes that are forked from one that has imported everything and holds no connection."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["registry.models"])
    return context


@pytest.fixture(scope="session")
def postgres_store(postgres_url):
    """A database of its own for MLflow and the ledger; MLflow migrates it for some seconds."""
    with create_engine(
        postgres_url, poolclass=NullPool, isolation_level="AUTOCOMMIT"
    ).connect() as c:
        c.exec_driver_sql("CREATE DATABASE shared")
    return postgres_url.rpartition("/")[0] + "/shared"


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.xdist_group("pg"))])
def store(request, home, tmp_path):
    """A home on SQLite, or one whose MLflow and ledger both live on PostgreSQL."""
    if request.param == "sqlite":
        return home
    url = request.getfixturevalue("postgres_store")
    return open_home(tmp_path / "other", {"MLFLOW_TRACKING_URI": url, "FACTORY_LEDGER_URL": url})


@pytest.fixture
def name():
    return f"m-{uuid4().hex[:8]}"


@pytest.fixture
def models(store, name):
    """A model of four versions whose champion is the first."""
    models = Models(store, Ledger(store.ledger_url))
    with Runs(store).run(name, "train") as run_id:
        for _ in VERSIONS:
            models.save(make_bundle(), name, run_id, data_sha256="f" * 64)
    models.promote(name, 1, expected=None, who="test", why="first", at="now")
    return models


def assert_nothing_lost(models, name):
    """History is a chain without gaps, and MLflow shows its end."""
    history = models.ledger.history(name)
    chain = models.ledger.chain(name)
    assert [entry.sequence for entry in chain] == list(range(1, len(chain) + 1))
    assert verify_model(models, name).damage is None
    assert [p.previous for p in history] == [None, *(p.version for p in history[:-1])]
    assert all(p.version != p.previous for p in history)
    held = connect(models.home).get_registered_model(name).aliases
    shown = {alias: int(version) for alias, version in held.items()}
    assert shown.pop("previous", None) == models.ledger.previous(name) == history[-1].previous
    assert shown == {"champion": models.champion(name)} == {"champion": history[-1].version}


def test_promoters_at_once_lose_nothing(models, name, processes):
    running = [
        processes.Process(target=promote_some, args=(models.home, name, i, EACH))
        for i in range(PROMOTERS)
    ]
    for process in running:
        process.start()
    for process in running:
        process.join()
    assert [process.exitcode for process in running] == [0] * PROMOTERS
    history = models.ledger.history(name)
    assert len(history) == 1 + PROMOTERS * EACH
    for i in range(PROMOTERS):
        assert sum(p.who == str(i) for p in history) == EACH
    assert models.repair() == []
    assert_nothing_lost(models, name)
    models.verify(name, models.champion(name))
    assert models.roll_back(name, who="test", why="back", at="now") == history[-1].previous
    assert_nothing_lost(models, name)


def test_a_promoter_that_is_killed_leaves_a_champion_that_loads(models, name, processes):
    draw = np.random.default_rng(0)
    before = len(models.ledger.history(name))
    for _ in range(KILLS[models.home.ledger_url.partition(":")[0]]):
        started = processes.Event()
        process = processes.Process(target=promote_until_killed, args=(models.home, name, started))
        process.start()
        assert started.wait(timeout=60)
        process.join(timeout=draw.uniform(0.01, 0.25))
        assert process.exitcode is None
        process.kill()
        process.join()
        models.repair()
        assert models.repair() == []
        assert_nothing_lost(models, name)
        models.verify(name, models.champion(name))
    assert len(models.ledger.history(name)) > before
