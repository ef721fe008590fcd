"""Requests a second beside ``mlflow models serve`` and a bare FastAPI handler, one worker each.

All servers run at once and are asked in turn, several times, so that loud neighbours are loud for
all of them. ``10,000 requests during 50 promotions`` has its own test below.
"""

import asyncio
import ctypes
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from urllib.parse import urlparse

import httpx
import pytest
from served_forest import constant, forest, rows

PEERS = Path(__file__).parent / "peers"
AT = "2026-01-01T00:00:00+00:00"
ROUNDS, SECONDS = 3, 2.0
LONG = 8.0
"""Seconds in which the log is committed to as well."""
SINGLE, BULK, LOGGED = 20, 3, 1.1
REQUESTS, MOVES = 10_000, 50


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def die_with_parent():
    """Have a benchmark that is killed leave no server behind."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


@contextmanager
def running(command, port):
    """A server in a process group of its own, once it answers."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    env = {**os.environ, "OMP_NUM_THREADS": "1", "MLFLOW_DISABLE_TELEMETRY": "true", "PATH": path}
    # MLflow's own loader refuses every skops model where this is false, as it is for us.
    env.pop("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", None)
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            command, env=env, stdout=said, stderr=said, start_new_session=True,
            preexec_fn=die_with_parent,  # noqa: PLW1509 - it only calls prctl
        )  # fmt: skip
        try:
            while not answers(port):
                if process.poll() is not None:
                    said.seek(0)
                    pytest.fail(said.read().decode()[-2000:])
                time.sleep(0.2)
            yield f"127.0.0.1:{port}"
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            process.wait(timeout=60)


def answers(port):
    try:
        return httpx.get(f"http://127.0.0.1:{port}/ping", timeout=5).status_code == 200
    except httpx.TransportError:
        return False


def ours(home, port, name):
    serve = ["-m", "flows.cli", "serve", name, "--port", str(port), "--home", str(home.path)]
    return running([sys.executable, *serve], port)


def bodies(n):
    frame = rows(n, seed=2).drop(columns="y")
    return json.dumps({"dataframe_split": json.loads(frame.to_json(orient="split", index=False))})


def asked(address, file, connections, seconds=SECONDS):
    command = [sys.executable, PEERS / "load.py", address, "/invocations", file, str(seconds)]
    done = subprocess.run([*command, str(connections)], capture_output=True, check=True)
    return json.loads(done.stdout)


def test_single_rows_and_bodies_of_a_thousand(home, models, keep, tmp_path, show, tell):
    version = keep(forest(), "forest")
    models.promote("forest", version, expected=None, who="bench", why="bench", at=AT)
    source = models._version("forest", version).source  # noqa: SLF001 - where MLflow keeps it
    folder = urlparse(source).path
    ports = [free_port() for _ in range(3)]
    mlflow = ["mlflow", "models", "serve", "-m", folder, "--env-manager", "local"]
    bare = [sys.executable, PEERS / "serve_fastapi.py", folder, str(ports[2])]
    files = {}
    for n in (1, 1_000):
        files[n] = tmp_path / f"{n}.json"
        files[n].write_text(bodies(n))
    with ExitStack() as stack:
        addresses = {
            "ours": stack.enter_context(ours(home, ports[0], "forest")),
            "mlflow": stack.enter_context(running([*mlflow, "-p", str(ports[1])], ports[1])),
            "bare": stack.enter_context(running(bare, ports[2])),
        }
        said = {
            name: httpx.post(
                f"http://{a}/invocations", content=files[1_000].read_text(), timeout=60,
                headers={"content-type": "application/json"},
            ).json()["predictions"]
            for name, a in addresses.items()
        }  # fmt: skip
        assert said["ours"] == said["mlflow"] == said["bare"]
        found = {}
        for n, file in files.items():
            each = {name: [] for name in addresses}
            for _ in range(ROUNDS):
                for name, address in addresses.items():
                    each[name].append(asked(address, file, 4))
            found[n] = {
                name: {
                    k: statistics.median(r[k] for r in runs) for k in ("per_second", "p50", "p99")
                }
                for name, runs in each.items()
            }
            assert not any(r["failed"] for runs in each.values() for r in runs)
    tell(
        *(
            f"{n} rows, {name}: {by['per_second']:,.0f} a second, p50 {by['p50']:.2f} ms, "
            f"p99 {by['p99']:.2f} ms"
            for n, servers in found.items()
            for name, by in servers.items()
        )
    )
    single = found[1]["ours"]["per_second"] / found[1]["mlflow"]["per_second"]
    bulk = found[1_000]["ours"]["per_second"] / found[1_000]["mlflow"]["per_second"]
    show("single rows a second, times mlflow's", single, f"at least {SINGLE}")
    show("bodies of 1,000 rows, times mlflow's", bulk, f"at least {BULK}")
    assert single >= SINGLE
    assert bulk >= BULK
    assert found[1]["ours"]["p99"] < found[1]["mlflow"]["p99"]


def test_what_the_log_costs(home, models, keep, tmp_path, show):
    models.promote("forest", keep(forest(), "forest"), expected=None, who="b", why="b", at=AT)
    ports = [free_port() for _ in range(2)]
    bare = [sys.executable, PEERS / "serve_unlogged.py", str(home.path), "forest", str(ports[1])]
    ratios = {}
    with ours(home, ports[0], "forest") as logged, running(bare, ports[1]) as unlogged:
        for n in (1, 1_000):
            file = tmp_path / f"{n}.json"
            file.write_text(bodies(n))
            asked(logged, file, 4)
            found = []
            for _ in range(ROUNDS):
                without, with_log = (asked(a, file, 4, LONG) for a in (unlogged, logged))
                found.append(without["per_second"] / with_log["per_second"])
                # What the log still holds is written before the other is asked.
                time.sleep(LONG)
            ratios[n] = statistics.median(found)
            asked_for = f"at most {LOGGED}"
            show(f"bodies of {n:,}, unlogged a second over logged", ratios[n], asked_for)
    assert max(ratios.values()) <= LOGGED


@pytest.mark.parametrize("connections", [8])
def test_promotions_under_load(home, models, keep, tell, tmp_path, connections):
    for shift in (0.0, 100.0):
        version = keep(constant(shift), "moving")
        before = models.ledger.champion("moving")
        models.promote("moving", version, expected=before, who="b", why="b", at=AT)
    body = bodies(1).encode()
    port = free_port()
    with ours(home, port, "moving") as address:
        replies, seen = asyncio.run(move_under_load(models, address, body, connections))
    assert len(replies) >= REQUESTS
    says = {}
    for reply in replies:
        says.setdefault(reply["version"], set()).add(reply["predictions"][0])
    assert {version: len(values) for version, values in says.items()} == {1: 1, 2: 1}
    assert abs(min(says[2]) - min(says[1]) - 100) < 1
    tell(f"{len(replies):,} requests during {MOVES} moves: no error; a switch was seen within "
         f"{max(seen):.2f} s, {statistics.median(seen):.2f} s in the middle")  # fmt: skip
    assert max(seen) < 2


async def move_under_load(models, address, body, connections):
    """Ask until both the moves and the requests are done; return replies and delays."""
    replies, seen, waiting = [], [], {}
    done = asyncio.Event()

    async def client(http):
        while len(replies) < REQUESTS or not done.is_set():
            reply = await http.post(f"http://{address}/invocations", content=body)
            assert reply.status_code == 200, reply.text
            told = reply.json()
            replies.append(told)
            if waiting and told["version"] == waiting["version"]:
                seen.append(time.perf_counter() - waiting.pop("at"))
                waiting.clear()
            if len(replies) / REQUESTS > (len(seen) + 1) / MOVES and not done.is_set():
                await asyncio.sleep(0.02)

    async def mover():
        for number in range(MOVES):
            version = 1 + number % 2
            before = models.ledger.champion("moving")
            await asyncio.to_thread(
                models.promote, "moving", version, expected=before, who="b", why="b", at=AT
            )
            waiting.update(version=version, at=time.perf_counter())
            while waiting:  # noqa: ASYNC110 - a client clears it
                await asyncio.sleep(0.005)
        done.set()

    headers = {"content-type": "application/json"}
    async with httpx.AsyncClient(headers=headers, timeout=30) as http:
        await asyncio.gather(mover(), *(client(http) for _ in range(connections)))
    return replies, seen
