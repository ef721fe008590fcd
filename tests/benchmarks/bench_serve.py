"""Requests a second beside ``mlflow models serve``, MLServer and bare FastAPI, one worker each.

All servers run at once and are asked in turn, several times, so that loud neighbours are loud for
all of them. Promotions and rollbacks under load have their own test below.
"""

import asyncio
import statistics
import sys
import time
from contextlib import ExitStack
from urllib.parse import urlparse

import httpx
import pytest
from served_forest import constant, forest, one_of, rows
from servers import PEERS, asked, bare, bodies, free_port, mlflow, mlserver, ours, running

AT = "2026-01-01T00:00:00+00:00"
ROUNDS, PAIRS = 3, 8
LONG = 8.0
"""Seconds in which the log is committed to as well."""
SINGLE, BULK, ANY, LOGGED = 20, 3, 1.3, 1.1
FAMILIES = ("linear", "boosting", "tree", "mlp", "svm", "neighbours")
REQUESTS, MOVES = 10_000, 50


@pytest.fixture
def served(models, keep):
    """Register and promote a bundle; return its files' folder."""

    def act(bundle, name):
        version = keep(bundle, name)
        models.promote(name, version, expected=None, who="bench", why="bench", at=AT)
        source = models._version(name, version).source  # noqa: SLF001 - where MLflow keeps it
        return urlparse(source).path

    return act


@pytest.fixture
def files(tmp_path):
    """Bodies of one row and of a thousand."""
    made = {n: tmp_path / f"{n}.json" for n in (1, 1_000)}
    for n, file in made.items():
        file.write_text(bodies(n))
    return made


def in_turn(servers, file):
    """Ask each server several times, and return the medians of what was measured."""
    each = {name: [] for name in servers}
    for _ in range(ROUNDS):
        for name, server in servers.items():
            each[name].append(asked(server, file))
    failed = {name: [run["failed"] for run in runs] for name, runs in each.items()}
    assert not any(any(runs) for runs in failed.values()), failed
    told = ("per_second", "p50", "p99", "cpu_ms")
    return {
        name: {k: statistics.median(r[k] for r in runs) for k in told}
        for name, runs in each.items()
    }


def lines(what, found):
    return [
        f"{what}, {name}: {by['per_second']:,.0f} a second, p50 {by['p50']:.2f} ms, "
        f"p99 {by['p99']:.2f} ms, {by['cpu_ms']:.2f} ms of processor"
        for name, by in found.items()
    ]


def said_by(server, file):
    headers, content = {"content-type": "application/json"}, file.read_text()
    reply = httpx.post(f"http://{server.address}{server.path}", content=content, headers=headers,
                       timeout=60)  # fmt: skip
    return reply.json()["predictions"]


def test_single_rows_and_bodies_of_a_thousand(home, served, files, tmp_path, show, tell):
    folder = served(forest(), "forest")
    ports = [free_port() for _ in range(4)]
    with ExitStack() as stack:
        servers = {
            "ours": stack.enter_context(ours(home, ports[0], "forest")),
            "mlflow": stack.enter_context(mlflow(ports[1], folder)),
            "mlserver": stack.enter_context(
                mlserver(ports[2], "forest", folder, tmp_path / "mlserver")
            ),
            "bare": stack.enter_context(bare(ports[3], forest=folder)).of("forest"),
        }
        said = [said_by(server, files[1_000]) for server in servers.values()]
        assert all(one == said[0] for one in said)
        found = {n: in_turn(servers, file) for n, file in files.items()}
    tell(*lines("1 row", found[1]), *lines("1,000 rows", found[1_000]))
    for name in ("mlflow", "mlserver"):
        single = found[1]["ours"]["per_second"] / found[1][name]["per_second"]
        bulk = found[1_000]["ours"]["per_second"] / found[1_000][name]["per_second"]
        show(f"single rows a second, times {name}'s", single, f"at least {SINGLE}")
        show(f"bodies of 1,000 rows, times {name}'s", bulk, f"at least {BULK}")
        assert single >= SINGLE
        assert bulk >= BULK
        assert found[1]["ours"]["p99"] < found[1][name]["p99"]
    assert found[1_000]["ours"]["p99"] < found[1_000]["bare"]["p99"]


def test_no_family_is_slower_than_a_bare_handler(home, served, files, show, tell):
    folders = {family: served(one_of(family), family) for family in FAMILIES}
    ports = [free_port() for _ in range(2)]
    slower = {}
    with ours(home, ports[0], *FAMILIES) as here, bare(ports[1], **folders) as there:
        for family in FAMILIES:
            servers = {"ours": here.of(family), "bare": there.of(family)}
            said = [said_by(server, files[1_000]) for server in servers.values()]
            assert said[0] == said[1]
            for n, file in files.items():
                found = in_turn(servers, file)
                tell(*lines(f"{family}, {n:,} rows", found))
                ratio = found["bare"]["per_second"] / found["ours"]["per_second"]
                show(f"{family}, {n:,} rows, bare a second over ours", ratio, f"at most {ANY}")
                slower[family, n] = ratio
    assert max(slower.values()) <= ANY


def test_what_the_log_costs(home, served, files, show, tell):
    served(forest(), "forest")
    ports = [free_port() for _ in range(2)]
    unlogged = [sys.executable, PEERS / "serve_unlogged.py", str(home.path), "forest"]
    ratios = {}
    with ours(home, ports[0], "forest") as here, running(
        [*unlogged, str(ports[1])], ports[1]
    ) as there:  # fmt: skip
        for n, file in files.items():
            asked(here, file)
            speeds, works = [], []
            for number in range(PAIRS):
                told = {}
                # Neither is always the first.
                for name in ("unlogged", "logged")[:: 1 if number % 2 else -1]:
                    told[name] = asked(there if name == "unlogged" else here, file, seconds=LONG)
                    # What the log still holds is written before the other is asked.
                    time.sleep(LONG if name == "logged" else 0)
                speeds.append(told["unlogged"]["per_second"] / told["logged"]["per_second"])
                works.append(told["logged"]["cpu_ms"] / told["unlogged"]["cpu_ms"])
                tell(*lines(f"{n:,} rows", told))
            ratios[n] = statistics.median(speeds)
            asked_for = f"at most {LOGGED}"
            show(f"bodies of {n:,}, unlogged a second over logged", ratios[n], asked_for)
            work = statistics.median(works)
            tell(f"bodies of {n:,}: processor of a request, logged over unlogged: {work:.2f}; "
                 f"speeds from {min(speeds):.2f} to {max(speeds):.2f}")  # fmt: skip
    assert max(ratios.values()) <= LOGGED


@pytest.mark.parametrize("connections", [8])
def test_promotions_and_rollbacks_under_load(home, models, keep, tell, tmp_path, connections):
    own, row = {}, rows(1, seed=2)
    for shift in (0.0, 100.0):
        made = constant(shift)
        version = keep(made, "moving")
        before = models.ledger.champion("moving")
        models.promote("moving", version, expected=before, who="b", why="b", at=AT)
        own[version] = float(made.outputs(row[list(made.schema.names)])[0])
    body = bodies(1).encode()
    port = free_port()
    with ours(home, port, "moving") as server:
        replies, seen = asyncio.run(move_under_load(models, server.address, body, connections))
    assert len(replies) >= REQUESTS
    assert {reply["version"] for reply in replies} == set(own)
    far = [abs(reply["predictions"][0] - own[reply["version"]]) for reply in replies]
    assert abs(own[1] - own[2]) > 50
    assert max(far) < 1e-9
    tell(f"{len(replies):,} requests during {MOVES} moves: no error, each made by the version that "
         f"it names; a switch was seen within {max(seen):.2f} s, {statistics.median(seen):.2f} s "
         "in the middle")  # fmt: skip
    assert len(seen) == MOVES
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
                seen.append(time.perf_counter() - waiting["at"])
                waiting.clear()
            if len(replies) / REQUESTS > (len(seen) + 1) / MOVES and not done.is_set():
                await asyncio.sleep(0.02)

    def move(number):
        """Roll back to the version before, and promote it again, in turn."""
        if number % 2 == 0:
            return models.roll_back("moving", who="b", why="b", at=AT)
        models.promote("moving", 2, expected=1, who="b", why="b", at=AT)
        return 2

    async def mover():
        for number in range(MOVES):
            version = await asyncio.to_thread(move, number)
            waiting.update(version=version, at=time.perf_counter())
            while waiting:  # noqa: ASYNC110 - a client clears it
                await asyncio.sleep(0.005)
        done.set()

    headers = {"content-type": "application/json"}
    async with httpx.AsyncClient(headers=headers, timeout=30) as http:
        await asyncio.gather(mover(), *(client(http) for _ in range(connections)))
    return replies, seen
