"""Workers as processes of their own, and a receiver of notifications."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


@contextmanager
def working(home: Path, *queues: str) -> Iterator[dict[str, subprocess.Popen[bytes]]]:
    """Have a worker for each queue; their logs lie beside the home."""
    workers = {}
    try:
        for queue in queues:
            with (home.parent / f"{queue}.log").open("ab") as log:
                told = ["worker", "--queue", queue, "--home", str(home)]
                command = [sys.executable, "-m", "flows.cli", *told]
                workers[queue] = subprocess.Popen(command, stdout=log, stderr=log)
        yield workers
    finally:
        for worker in workers.values():
            worker.terminate()
        for worker in workers.values():
            worker.wait(timeout=30)


@contextmanager
def receiver() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Listen on a loopback port; yield the address, and the JSON that was posted there."""
    heard: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/", heard
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def until(ready: Callable[[], Any], logs: Path, patience: float = 300.0) -> Any:
    """Wait until something is true and return it; fail with the workers' logs."""
    for _ in range(int(patience / 0.25)):
        found = ready()
        if found:
            return found
        time.sleep(0.25)
    raise AssertionError("\n".join(p.read_text()[-4000:] for p in logs.glob("*.log")))
