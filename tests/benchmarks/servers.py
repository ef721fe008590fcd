"""Servers in processes of their own, and a client that asks them."""

import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import psutil
import pytest
from peers.environment import environment
from served_forest import rows

PEERS = Path(__file__).parent / "peers"
SECONDS = 2.0


@dataclass(frozen=True)
class Server:
    """Where it answers, its first process, and what it is asked."""

    address: str
    process: int
    path: str = "/invocations"

    def of(self, model):
        """Return the same, asked for one of its models."""
        return replace(self, path=f"/models/{model}/invocations")

    def cpu(self):
        """Processor seconds that it has taken, all of its processes together."""
        whole, taken = psutil.Process(self.process), 0.0
        for one in (whole, *whole.children(recursive=True)):
            # What a process starts in passing, to learn of its machine, may be gone already.
            with suppress(psutil.NoSuchProcess):
                taken += sum(one.cpu_times()[:2])
        return taken


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def die_with_parent():
    """Have a benchmark that is killed leave no server behind."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


@contextmanager
def running(command, port, **environ):
    """A server in a process group of its own, once it answers."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    quiet = {"OMP_NUM_THREADS": "1", "MLFLOW_DISABLE_TELEMETRY": "true", "PATH": path}
    env = {**os.environ, **quiet, **environ}
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
            yield Server(f"127.0.0.1:{port}", process.pid)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            process.wait(timeout=60)


def answers(port):
    try:
        return httpx.get(f"http://127.0.0.1:{port}/ping", timeout=5).status_code == 200
    except httpx.TransportError:
        return False


def ours(home, port, *names):
    serve = ["-m", "flows.cli", "serve", *names, "--port", str(port), "--home", str(home.path)]
    return running([sys.executable, *serve], port)


def bare(port, **folders):
    """FastAPI handlers that call ``predict`` of models by name."""
    given = [f"{name}={folder}" for name, folder in folders.items()]
    return running([sys.executable, PEERS / "serve_fastapi.py", str(port), *given], port)


def mlflow(port, folder):
    command = ["mlflow", "models", "serve", "-m", folder, "--env-manager", "local"]
    return running([*command, "-p", str(port)], port)


def mlserver(port, model, folder, place):
    """MLServer with one process that predicts; it answers as MLflow's servers do, too."""
    place.mkdir()
    ports = {"http_port": port, "grpc_port": free_port(), "metrics_endpoint": None}
    (place / "settings.json").write_text(json.dumps({**ports, "host": "127.0.0.1"}))
    runtime = {"implementation": "mlserver_mlflow.MLflowRuntime", "parameters": {"uri": folder}}
    (place / "model-settings.json").write_text(json.dumps({"name": model, **runtime}))
    command = [environment("mlserver").parent / "mlserver", "start", place]
    return running(command, port, PYTHONPATH=str(PEERS.parents[2]))


def bodies(n):
    frame = rows(n, seed=2).drop(columns="y")
    return json.dumps({"dataframe_split": json.loads(frame.to_json(orient="split", index=False))})


def asked(server, file, *, connections=4, seconds=SECONDS):
    """Ask as fast as it answers; adds the processor seconds of a request, in milliseconds."""
    before = server.cpu()
    command = [sys.executable, PEERS / "load.py", server.address, server.path, file, str(seconds)]
    done = subprocess.run([*command, str(connections)], capture_output=True, check=True)
    found = json.loads(done.stdout)
    return {**found, "cpu_ms": 1_000 * (server.cpu() - before) / found["requests"]}
