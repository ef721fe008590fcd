import asyncio
import json
import shutil
import signal
import subprocess
import sys
from contextlib import asynccontextmanager

import httpx
import pytest
from served_world import ROW, bundle

from registry.home import open_home
from registry.ledger import Ledger
from registry.models import Models
from registry.runs import Runs
from registry.unlogged import Unlogged
from serving.app import Service, Settings
from serving.explain import Explainer
from serving.shelf import Shelf
from serving.tracing import Tracer

AT = "2025-01-01T00:00:00+00:00"


class Kept(Unlogged):
    """A log in memory."""

    def __init__(self):
        self.batches = []
        self.full = False

    def append(self, batch):
        if not self.full:
            self.batches.append(batch)
        return not self.full


@pytest.fixture
def promote(models, keep):
    """Register and promote a bundle; return its version."""

    def act(made, name="m"):
        version = keep(made, name)
        before = models.ledger.champion(name)
        models.promote(name, version, expected=before, who="t", why="t", at=AT)
        return version

    return act


@pytest.fixture
def service(models, home):
    """Open a service of models by their names, in this process."""

    def act(*names, **settings):
        shelf = Shelf(models, dict.fromkeys(names))
        shelf.open()
        return Service(shelf, Kept(), Explainer(home), Tracer(), Settings(**settings))

    return act


@pytest.fixture(scope="session")
def ask():
    """Run a coroutine function on a client of a service that has been started."""

    @asynccontextmanager
    async def started(app):
        inbox, outbox = asyncio.Queue(), asyncio.Queue()
        life = asyncio.create_task(app({"type": "lifespan"}, inbox.get, outbox.put))
        await inbox.put({"type": "lifespan.startup"})
        await outbox.get()
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            yield client
        await inbox.put({"type": "lifespan.shutdown"})
        await life

    def run(app, act):
        async def whole():
            async with started(app) as client:
                return await act(client)

        return asyncio.run(whole())

    return run


@pytest.fixture(scope="session")
def shop(migrated, tmp_path_factory):
    """The shelf of a home with models ``m`` (a regression), ``binary`` and ``multiclass``."""
    folder = tmp_path_factory.mktemp("shop")
    shutil.copy(migrated, folder / "mlflow.db")
    home = open_home(folder, {})
    models, runs = Models(home, Ledger(home.ledger_url)), Runs(home)
    made = {"m": bundle(), "binary": bundle("binary"), "multiclass": bundle("multiclass")}
    for name, one in made.items():
        with runs.run(name, "train") as run_id:
            version = models.save(one, name, run_id, data_sha256="f" * 64)
        models.promote(name, version, expected=None, who="t", why="t", at=AT)
    shelf = Shelf(models, dict.fromkeys(made))
    shelf.open()
    return shelf


@pytest.fixture
def app(shop):
    """A service of the shop, with a log of its own."""
    return Service(
        shop, Kept(), Explainer(shop.models.home), Tracer(), Settings(body_bytes=200_000)
    )


@pytest.fixture(scope="session")
def address(shop):
    """Where ``factory serve`` answers with the shop's models, in a process of its own."""
    command = [sys.executable, "-m", "flows.cli", "serve", *shop.names, "--port", "0", "--json"]
    with subprocess.Popen(
        [*command, "--home", str(shop.models.home.path)], stdout=subprocess.PIPE
    ) as process:
        try:
            said = b""
            while not said.endswith(b"\n}\n"):
                line = process.stdout.readline()
                assert line, "factory serve ended"
                said += line
            told = json.loads(said)["address"]
            # The process that explains starts with the first that asks.
            ready = httpx.post(f"{told}/explain", json={"instances": [ROW]}, timeout=120)
            assert ready.status_code == 200, ready.text
            yield told
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=300)
    assert process.returncode == 0
