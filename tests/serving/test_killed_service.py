"""A service that is killed while it answers: what is lost is counted, and the log is whole."""

import json
import signal
import subprocess
import sys
import threading
import time

import httpx
import psutil
from served_world import ROW, bundle

from registry.inference.commit import losses, spools
from registry.inference.table import address, read
from registry.inference.writer import LOST_SECONDS
from registry.predictions import moment_of

NAMED = {"name": "m", "data": {"path": "rows.csv", "target": "y"}}
CLIENTS, ANSWERS = 3, 900


def started(home):
    """``factory serve`` in a process of its own, and where it answers."""
    command = [sys.executable, "-m", "flows.cli", "serve", "m", "--port", "0", "--json"]
    process = subprocess.Popen([*command, "--home", str(home.path)], stdout=subprocess.PIPE)
    said = b""
    while not said.endswith(b"\n}\n"):
        line = process.stdout.readline()
        assert line, "factory serve ended"
        said += line
    return process, json.loads(said)["address"]


def ask(url, answered):
    with httpx.Client(base_url=url) as client:
        while True:
            try:
                reply = client.post("/invocations", json={"instances": [ROW, ROW]})
            except httpx.TransportError:
                return
            assert reply.status_code == 200
            answered.extend(reply.json()["ids"])


def test_what_a_killed_service_loses_is_counted_and_the_rest_is_in_the_log(home, promote):
    promote(bundle(**NAMED))
    process, url = started(home)
    answered = []
    clients = [threading.Thread(target=ask, args=(url, answered)) for _ in range(CLIENTS)]
    for client in clients:
        client.start()
    # Long enough for predictions to be older than what may be lost.
    until = time.monotonic() + 2 * LOST_SECONDS
    while len(answered) < ANSWERS or time.monotonic() < until:
        time.sleep(0.01)
    beside = psutil.Process(process.pid).children(recursive=True)
    killed = time.time_ns()
    process.kill()
    process.wait()
    process.stdout.close()
    for client in clients:
        client.join()
    assert not psutil.wait_procs(beside, timeout=60)[1]
    assert losses(home) == []

    process, url = started(home)
    assert httpx.post(f"{url}/invocations", json={"instances": [ROW]}).status_code == 200
    while not losses(home):
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=300) == 0
    process.stdout.close()

    logged = read(address(home, "predictions", "m"), ["prediction_id"])["prediction_id"]
    known = set(logged.to_pylist())
    assert len(known) == len(logged)
    (loss,) = losses(home)
    lost = set(answered) - known
    # Beyond what was answered, each client may have had one request that was taken and not told.
    assert len(lost) <= loss.rows <= len(lost) + 2 * CLIENTS
    safe = {one for one in answered if moment_of(one) < killed - LOST_SECONDS * 1e9}
    assert len(safe) > ANSWERS / 10
    assert safe <= known
    # Only the newest are lost: what is written is whole up to a moment.
    told = sorted(set(answered) & known)
    assert len(told) > 0
    assert sum(one < told[-1] for one in lost) <= 2 * CLIENTS
    assert not list(spools(home).iterdir())
