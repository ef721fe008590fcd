"""``factory run`` killed at any moment: what serves loads, nothing happens twice, all is whole."""

import json
import multiprocessing
import os
import time
from collections import Counter

import numpy as np
import pytest
from killable import run_window
from small import command, world

from flows.workplace import open_unmended, open_workplace
from registry.verify import verify_model

KILLS = int(os.environ.get("FACTORY_TEST_KILLS", "3"))
ROWS = 240


@pytest.fixture(scope="module")
def processes(prefect_api):
    """Processes that are forked from one that has imported everything; they share the server."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["flows.monitor", "flows.commands.run"])
    return context


def windows(folder):
    """Windows whose relation is another each time, so that each calls for a remedy."""
    number = 0
    while True:
        slope = (3.0 + number % 7) * (-1) ** (number + 1)
        start = np.datetime64("2025-03-01T00") + np.timedelta64(ROWS * number, "h")
        rows = world(ROWS, seed=number, slope=slope, start=str(start), first=10_000 + ROWS * number)
        name = folder / f"window-{number}.csv"
        rows.to_csv(name, index=False)
        yield str(name)
        number += 1


def assert_whole(home):
    """Return what serves, after the records were verified as they lie there."""
    proof = verify_model(open_unmended(home).models, "small")
    assert proof.damage is None
    place = open_workplace(home)
    champion = place.models.champion("small")
    place.models.verify("small", champion)
    by_decision = Counter(p.decision for p in place.ledger.history("small") if p.decision)
    assert max(by_decision.values(), default=0) <= 1
    decided = Counter(d.window_sha256 for d in place.ledger.decisions("small"))
    assert max(decided.values(), default=0) <= 1
    assert place.models.repair() == []
    return place, champion


def timed(processes, home, window):
    """Run a window to its end, and return the seconds from its begin."""
    begun = processes.Event()
    process = processes.Process(target=run_window, args=(str(home), window, begun))
    process.start()
    assert begun.wait(timeout=120)
    started = time.monotonic()
    process.join()
    assert process.exitcode == 0
    return time.monotonic() - started


def test_a_run_that_is_killed_is_finished_by_the_next(shop, tmp_path, processes, capsys):
    home, draw, kills = shop / "home", np.random.default_rng(0), 0
    stream = windows(tmp_path)
    longest = timed(processes, home, next(stream))
    moments = Counter()
    while kills < KILLS:
        window, begun = next(stream), processes.Event()
        before = len(open_unmended(home).ledger.chain("small"))
        process = processes.Process(target=run_window, args=(str(home), window, begun))
        process.start()
        assert begun.wait(timeout=120)
        started = time.monotonic()
        process.join(timeout=draw.uniform(0, longest))
        longest = longest if process.is_alive() else time.monotonic() - started
        process.kill()
        process.join()
        killed = process.exitcode != 0
        place, champion = assert_whole(home)
        recorded = place.ledger.chain("small")[before:]
        kinds = "+".join(entry.kind for entry in recorded) or "nothing"
        moments[f"after {kinds}" if killed else "finished"] += 1
        kills += killed
        _, body = command("run", "small", "--window", window, home=home, capsys=capsys)
        decided = any(entry.kind == "decision" for entry in recorded)
        assert body["repeated"] == decided
        place, after = assert_whole(home)
        assert body["champion_after"] == after
        assert after == champion or not decided
    print(json.dumps({"kills": kills, "moments": moments}))
    assert len(place.ledger.decisions("small")) == 1 + moments.total()
