"""``factory down``: end the stack of a home."""

import os
import signal
import time
from argparse import Namespace

from factory.errors import Unavailable
from flows.console import answers, print_json
from flows.stack.processes import marked, sweep
from flows.stack.state import running

PATIENCE_SECONDS = 60.0


def run(args: Namespace) -> int:
    """Ask the supervisor to stop, and wait until all of it has ended."""
    state = running(args.home)
    if state is None:
        raise Unavailable(f"No factory is up in {args.home}.", hint="factory up")
    os.kill(state["pid"], signal.SIGTERM)
    until = time.monotonic() + PATIENCE_SECONDS
    while (there := running(args.home)) and there["mark"] == state["mark"]:
        if time.monotonic() > until:
            os.kill(state["pid"], signal.SIGKILL)
            break
        time.sleep(0.1)
    killed = sweep(state["mark"])
    told = {"home": str(args.home), "killed": killed, "left": len(marked(state["mark"]))}
    if args.json:
        print_json(told)
    else:
        answers.print(f"The factory in {args.home} is down.")
    return 0
