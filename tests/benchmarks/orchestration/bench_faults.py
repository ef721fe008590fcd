"""Parts of a running factory killed at random moments: nothing is lost, nothing done twice."""

import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import httpx
import psycopg2
import pytest
from faults import Fault, Faults
from postgres import Postgres
from stack import FINAL, moment, up, world, write_model

from factory.errors import Unavailable

FAULTS = int(os.environ.get("FACTORY_BENCH_FAULTS", "100"))
MODELS = int(os.environ.get("FACTORY_BENCH_MODELS", "20"))
PAUSE = float(os.environ.get("FACTORY_BENCH_PAUSE", "12"))
EVERY = float(os.environ.get("FACTORY_BENCH_EVERY", "180"))
TICK, FEED_SECONDS, PATIENCE = 0.5, 10.0, 1800.0
RECOVERY_SECONDS = 120.0


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_a_factory_whose_parts_are_killed_loses_nothing(database, tmp_path, tell):
    names = [f"m{number}" for number in range(MODELS)]
    configs = [write_model(tmp_path, name, every=EVERY) for name in names]
    rng = random.Random(0)  # noqa: S311 - moments of faults, no secrets
    with standing_on(database) as (postgres, told), up(tmp_path, *configs, told=told) as stack:
        assert stack.ended(stack.trigger("train", names[0]))["state_type"] == "COMPLETED"
        stack.copy(names[0], names[1:])
        faults = Faults(stack, postgres, FAULTS, rng)
        rounds = Counter()
        began = due = fed = time.time()
        while not faults.over:
            faults.look()
            if time.time() >= fed:
                feed(stack, tmp_path, names, rounds)
                fed = time.time() + FEED_SECONDS
            if faults.planned and time.time() >= due and faults.strike():
                due = time.time() + rng.uniform(0.5, 1.5) * PAUSE
            time.sleep(TICK)
        stopped = time.time()
        waiting = settled(stack, names, rounds, stopped)
        drained, last = time.time() - stopped, stack.runs()
        taken = quiet(stack, names)
        proofs = verified(stack)
        wrong = [name for name in names if not served(stack, name)]
        twice = [name for name in names if not once_each(stack, name)]
    late = lateness(last, faults.done)
    tell(*table(faults.done, began), *victims(faults.done))
    tell(
        f"{database}: {len(faults.done)} processes killed in {stopped - began:.0f} s, "
        f"{MODELS} loops, {sum(rounds.values())} windows; not decided: {waiting}",
        f"runs by state: {dict(Counter(run['state_name'] for run in last))}; "
        f"begun more than once: {sum(run['run_count'] > 1 for run in last)}",
        f"{len(late)} runs lived through a fault; final after its recovery: median "
        f"{statistics.median(late):.0f} s, {max(late):.0f} s at most, "
        f"{sum(seconds > RECOVERY_SECONDS for seconds in late)} after more than "
        f"{RECOVERY_SECONDS:.0f} s; all queues empty {drained:.0f} s after the last",
        f"slots taken: {taken}; not whole: {proofs}; done twice: {twice}; served wrongly: {wrong}",
    )
    assert [*waiting, *taken, *proofs, *wrong, *twice] == []
    assert max(late) <= RECOVERY_SECONDS


@contextmanager
def standing_on(database):
    """Yield the PostgreSQL server, if any, and what tells the factory to keep its state there."""
    if database == "sqlite":
        yield None, {}
        return
    with tempfile.TemporaryDirectory(prefix="factory-postgres-", dir="/tmp") as folder:
        postgres = Postgres(Path(folder))
        try:
            postgres.wait()
            yield postgres, databases(postgres.url)
        finally:
            postgres.stop()


def databases(url):
    connection = psycopg2.connect(url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        for name in ("prefect", "mlflow", "factory"):
            cursor.execute(f"CREATE DATABASE {name}")
    connection.close()
    url = url.removesuffix("postgres")
    return {
        "PREFECT_API_DATABASE_CONNECTION_URL": f"{url}prefect".replace("://", "+asyncpg://"),
        "MLFLOW_BACKEND_STORE_URI": f"{url}mlflow",
        "FACTORY_LEDGER_URL": f"{url}factory",
    }


def feed(stack, folder, names, rounds):
    """Give every model a window whose relation turned round, once the one before is decided."""
    for name in names:
        if not rounds[name] or decided(stack, name, rounds[name]):
            rounds[name] += 1
            put_window(folder, name, rounds[name])


def put_window(folder, name, number):
    """Write a window whose relation turned round since the one before."""
    slope = -3.0 if number % 2 else 3.0
    rows = world(
        900, seed=number, slope=slope, start=f"20{25 + number // 12}-{1 + number % 12:02}-01"
    )
    partial = folder / name / f".{number}"
    rows.to_csv(partial, index=False)
    partial.rename(folder / name / f"{number:05}.csv")


def decided(stack, name, number):
    """Whether the newest window was decided on to the end; not while the ledger is away."""
    try:
        ledger = stack.place().ledger
        bodies = [json.loads(decision.body) for decision in ledger.decisions(name)]
    except Unavailable:
        return False
    whole = {b["window"]["sha256"] for b in bodies if b["phase"] in {"whole", "then"}}
    return len(whole) >= number


def settled(stack, names, rounds, stopped):
    """Wait until every window is decided on and every run asked for is over; return the rest."""
    while True:
        late = [name for name in names if not decided(stack, name, rounds[name])]
        open_runs = [
            run["name"]
            for run in stack.runs()
            if run["state_type"] not in FINAL
            and moment(run["expected_start_time"] or run["created"]).timestamp() < stopped
        ]
        if not (late or open_runs) or time.time() > stopped + PATIENCE:
            return late + open_runs
        time.sleep(2)


def quiet(stack, names):
    """Pause the schedules, wait until nothing runs, and return the slots that are taken still."""
    for name in names:
        found = stack.ask("GET", f"/deployments/name/monitor/{name}")
        stack.ask("PATCH", f"/deployments/{found['id']}", json={"paused": True})
    until = time.time() + RECOVERY_SECONDS
    while time.time() < until:
        told = {"state": {"type": {"not_any_": [*FINAL, "SCHEDULED"]}}}
        limits = stack.ask("POST", "/v2/concurrency_limits/filter", json={"limit": 200})
        taken = [limit["name"] for limit in limits if limit["active_slots"]]
        if not (taken or stack.runs(**told)):
            break
        time.sleep(2)
    return taken


def verified(stack):
    """Return what ``factory verify`` finds of the ledger, its tables and versions."""
    told = subprocess.run(
        [sys.executable, "-m", "flows.cli", "verify", "--json", "--home", str(stack.home)],
        env=stack.environ, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    return [f"{m['model']}: {m['damage']}" for m in json.loads(told)["models"] if m["damage"]]


def served(stack, name):
    """Whether ledger, MLflow and predictor agree on the champion."""
    place = stack.place()
    champion = place.ledger.champion(name)
    shown = place.models.client.get_model_version_by_alias(name, "champion").version
    for _ in range(60):
        told = httpx.get(f"{stack.links['predictor']}/v2/models/{name}", timeout=10).json()
        if told["parameters"]["version"] == str(champion):
            return int(shown) == champion
        time.sleep(1)
    return False


def once_each(stack, name):
    """Whether no window was decided twice, and no decision promoted twice."""
    ledger = stack.place().ledger
    decided = Counter(
        (decision.window_sha256, json.loads(decision.body)["phase"])
        for decision in ledger.decisions(name)
    )
    promoted = Counter(p.decision for p in ledger.history(name) if p.decision)
    return max((*decided.values(), *promoted.values()), default=1) == 1


def lateness(runs, faults: list[Fault]):
    """Seconds from the recovery of the last fault that a run lived through until its end."""
    found = []
    for run in runs:
        if run["start_time"] and run["end_time"]:
            start, end = (moment(run[key]).timestamp() for key in ("start_time", "end_time"))
            through = [fault.mended for fault in faults if start <= fault.at <= end]
            found += [max(0.0, end - max(through))] if through else []
    return found


def table(faults, began):
    """The injections, one a line."""
    yield "  no.  after s  victim      pid      mended after s"
    for number, fault in enumerate(faults, start=1):
        yield (
            f"{number:5}  {fault.at - began:7.0f}  {fault.victim:10}  {fault.pid:7}  "
            f"{fault.mended - fault.at:7.1f}"
        )


def victims(faults):
    """What was killed how often, and after how long it was there again."""
    for victim in sorted({fault.victim for fault in faults}):
        took = [fault.mended - fault.at for fault in faults if fault.victim == victim]
        yield (
            f"{victim}: killed {len(took)} times, there again after {statistics.median(took):.1f} s"
            f" in the median, {max(took):.1f} s at most"
        )
