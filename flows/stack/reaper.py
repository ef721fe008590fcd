"""Waits for the supervisor to die, and ends what it left.

It runs as a process of its own: ``python -m flows.stack.reaper HOME MARK``. Its standard input is
a pipe from the supervisor, which writes a byte when it stopped everything itself. Where the pipe
closes without one, the supervisor was killed.
"""

import signal
import sys
from pathlib import Path

from flows.stack.processes import sweep
from flows.stack.state import forget

PATIENCE = 5.0


def main(home: str, mark: str) -> None:
    """Wait for the end of the supervisor."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    if sys.stdin.buffer.read(1):
        return
    sweep(mark, patience=PATIENCE)
    forget(Path(home))


if __name__ == "__main__":
    main(*sys.argv[1:])
