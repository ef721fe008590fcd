"""A supervisor of small parts, as a program: ``toys.py HOME [stubborn | broken | once]``.

``web`` answers, and has a child in a session of its own; ``worker`` stands on it.
"""

import os
import subprocess
import sys
from pathlib import Path

from factory.errors import FactoryError
from flows.stack.local import free_port
from flows.stack.part import Part
from flows.stack.state import holding
from flows.stack.supervisor import Supervisor

WEB = """
import http.server, signal, subprocess, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
    def log_message(self, *told): pass
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
if len(sys.argv) > 2: signal.signal(signal.SIGTERM, signal.SIG_IGN)
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
WORK = "import time; print('working', flush=True); time.sleep(600)"
FAIL = "import sys; print('error: no such thing'); sys.exit(2)"


def python(code: str, *arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code, *arguments)


def parts(kind: str) -> list[Part]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    stubborn = ["stubborn"] if kind == "stubborn" else []
    made = [
        Part("worker", python(WORK), after=("web",), says="working", stop_seconds=0.5),
        Part("web", python(WEB, str(port), *stubborn), health=url, link=url, stop_seconds=0.5),
    ]
    if kind == "broken":
        made.append(Part("broken", python(FAIL), after=("web",), once=True))
    if kind == "once":
        made.append(Part("job", python("print('done')"), after=("web",), once=True))
    return made


def main(home: Path, kind: str = "") -> None:
    with holding(home) as left:
        print("left", left is not None, flush=True)
        supervisor = Supervisor(
            home, parts(kind), dict(os.environ), f"toys-{os.getpid()}", {}, print
        )
        supervisor.run(lambda state: print("ready", state["ready"], flush=True))


def start(home: Path, kind: str = "") -> subprocess.Popen[str]:
    """Start this program, its output open for reading."""
    command = [sys.executable, __file__, str(home), kind]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]), sys.argv[2])
    except FactoryError as error:
        print(error, flush=True)
        sys.exit(2)
