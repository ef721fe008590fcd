"""``factory up``: the whole stack, until Ctrl-C."""

import os
import subprocess
import sys
import time
from argparse import Namespace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from factory.errors import BadConfig, Unavailable
from flows.console import print_json, print_table, say
from flows.stack.logs import last_words, log_of
from flows.stack.plan import plan
from flows.stack.processes import sweep
from flows.stack.servers import servers_home
from flows.stack.state import holding, running
from flows.stack.supervisor import Supervisor


def run(args: Namespace) -> int:
    """Start everything in order, keep it running, and stop it when asked."""
    configs = [Path(config).absolute() for config in args.configs]
    for config in configs:
        if not config.is_file():
            raise BadConfig(
                f"No config file at {config}.", hint="factory init DATA --target COL -o FILE"
            )
    if args.detach:
        return _detached(args)
    home = servers_home(args.home, os.environ)
    with holding(home.path) as left:
        if left is not None:
            count = sweep(left["mark"])
            say(f"A stack was killed here; {count} processes of it were left, and are ended.")
        planned = plan(home, configs, os.environ)
        facts = {"since": datetime.now(UTC).isoformat(timespec="seconds"), **planned.facts}
        started = time.monotonic()

        def ready(state: dict[str, Any]) -> None:
            show(state, as_json=args.json)
            say(f"Up after {time.monotonic() - started:.0f} s. Ctrl-C, or factory down, ends it.")

        Supervisor(
            home.path, planned.parts, planned.environ, planned.mark, facts, _tell
        ).run(ready)  # fmt: skip
    say("Everything has ended.")
    return 0


def show(state: dict[str, Any], *, as_json: bool) -> None:
    """Print where to look."""
    if as_json:
        print_json({"links": state["links"], "pid": state["pid"], "parts": state["parts"]})
        sys.stdout.flush()
        return
    print_table("the factory is up", ("what", "where"), state["links"].items())


def _tell(text: str) -> None:
    say(f"{datetime.now(UTC):%H:%M:%S} {text}")


def _detached(args: Namespace) -> int:
    """Start the stack in the background, and wait until it is up."""
    if running(args.home) is not None:
        raise Unavailable(f"A factory is up in {args.home} already.", hint="factory down")
    log = log_of(args.home, "supervisor")
    command = [sys.executable, "-m", "flows.cli", "up", *args.configs, "--home", str(args.home)]
    with log.open("ab") as sink:
        process = subprocess.Popen(  # noqa: S603 - this very command
            command, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, start_new_session=True
        )
    while process.poll() is None:
        state = running(args.home)
        if state is not None and state["ready"]:
            show(state, as_json=args.json)
            return 0
        time.sleep(0.2)
    said = last_words(log)
    raise Unavailable(f"The stack ended: {said}", hint=f"read {log}")
