"""A factory that is up for a benchmark, seen from outside: processes, Prefect's API, the ledger."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

import httpx
import numpy as np
import pandas as pd

from flows.workplace import Workplace, now
from registry.home import open_home
from registry.ledger import Ledger
from registry.models import Models
from registry.runs import Runs

TAG = "model-factory"


def world(n: int, *, seed: int, slope: float = 3.0, start: str = "2025-01-01") -> pd.DataFrame:
    """Rows of a small world, y = slope * a + noise, whose relation may move."""
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=n), rng.exponential(size=n)
    return pd.DataFrame(
        {
            "row": [f"{start}-{seed}-{i}" for i in range(n)],
            "time": pd.date_range(start, periods=n, freq="h"),
            "a": a,
            "b": b,
            "y": slope * a + rng.normal(scale=0.5, size=n),
        }
    )


def write_model(folder: Path, name: str, **deploy: Any) -> Path:
    """Write a config that trains the small world in seconds, and its data."""
    (folder / name).mkdir(parents=True)
    world(1200, seed=1).to_csv(folder / "train.csv", index=False)
    config = {
        "name": name,
        "data": {"path": "train.csv", "target": "y", "timestamp": "time", "id": "row"},
        "search": {"families": ["linear"], "trials": 2, "folds": 2},
        "policy": {"searches": False},
        "deploy": {"monitor": {"windows": f"{name}/*.csv", **deploy}},
    }
    path = folder / f"{name}.yaml"
    path.write_text(json.dumps(config))
    return path


class Stack:
    """A running factory."""

    def __init__(self, home: Path, links: dict[str, str], environ: Mapping[str, str]) -> None:
        self.home = home
        self.links = links
        self.environ = {**environ, "MLFLOW_TRACKING_URI": links["MLflow"]}
        self._api = httpx.Client(base_url=f"{links['Prefect']}/api", timeout=30)

    def close(self) -> None:
        """End the connections to it."""
        self._api.close()

    def ask(self, method: str, path: str, **told: Any) -> Any:
        """Call Prefect's API, again while the server is away."""
        for _ in range(240):
            try:
                answer = self._api.request(method, path, **told)
                if answer.status_code < 500:
                    return answer.json() if answer.content else None
            except httpx.TransportError:
                pass
            time.sleep(0.5)
        raise TimeoutError(path)

    def runs(self, **narrower: Any) -> list[dict[str, Any]]:
        """Return the flow runs of all deployments, newest first."""
        ours = {"tags": {"all_": [TAG]}, **narrower}
        found: list[dict[str, Any]] = []
        while True:
            told = {"flow_runs": ours, "sort": "START_TIME_DESC", "offset": len(found)}
            page = self.ask("POST", "/flow_runs/filter", json={**told, "limit": 200})
            found += page
            if len(page) < 200:
                return found

    def trigger(self, flow: str, name: str, **parameters: Any) -> str:
        """Ask for a run, and return its id."""
        found = self.ask("GET", f"/deployments/name/{flow}/{name}")
        made = self.ask(
            "POST", f"/deployments/{found['id']}/create_flow_run", json={"parameters": parameters}
        )
        return str(made["id"])

    def ended(self, run: str, patience: float = 300.0) -> dict[str, Any]:
        """Wait for the end of a run."""
        for _ in range(int(patience / 0.5)):
            found: dict[str, Any] = self.ask("GET", f"/flow_runs/{run}")
            if found["state_type"] in FINAL:
                return found
            time.sleep(0.5)
        raise TimeoutError(run)

    def place(self) -> Workplace:
        """Open the home as a command that joins the stack does."""
        home = open_home(self.home, self.environ)
        ledger = Ledger(home.ledger_url)
        return Workplace(home, ledger, Models(home, ledger))

    def copy(self, name: str, others: Sequence[str]) -> None:
        """Make a model's first version the champion under other names too."""
        place = self.place()
        bundle = place.models.load(name, 1)
        runs = Runs(place.home)
        for other in others:
            with runs.run(other, "train") as run:
                version = place.models.save(bundle, other, run, data_sha256="0" * 64, tags={})
            place.models.promote(other, version, expected=None, who="bench", why="copy", at=now())

    def parts(self) -> dict[str, dict[str, Any]]:
        """Return the supervisor's parts by name."""
        state = json.loads((self.home / "stack" / "state.json").read_text())
        return {part["name"]: part for part in state["parts"]}


FINAL = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}


@contextmanager
def up(
    folder: Path, *configs: Path, told: Mapping[str, str] = MappingProxyType({})
) -> Iterator[Stack]:
    """Have a factory up while the block runs; ``told`` is added to its environment."""
    home = folder / "home"
    factory = [sys.executable, "-m", "flows.cli"]
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("PREFECT", "MLFLOW"))}
    environ |= told
    words = [*map(str, configs), "--home", str(home), "--json"]
    ran = subprocess.run(
        [*factory, "up", "--detach", *words],
        env=environ,
        check=True,
        capture_output=True,
        text=True,
    )
    stack = Stack(home, json.loads(ran.stdout)["links"], environ)
    try:
        yield stack
    finally:
        stack.close()
        subprocess.run([*factory, "down", "--home", str(home)], env=environ, check=True)


def moment(text: str) -> datetime:
    """Read a moment as Prefect tells it."""
    return datetime.fromisoformat(text).astimezone(UTC)
