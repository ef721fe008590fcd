"""Processes of a stack: started so that nothing outlives it, and found wherever they went.

Each carries the stack's mark and its part's name in its environment, and hands both on to
whatever it starts itself. So the grandchildren of a part that was killed are found too, even
those that made a session of their own.
"""

import os
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import psutil

from flows.stack.local import die_with_parent

MARK, PART = "FACTORY_STACK", "FACTORY_STACK_PART"
KILL_SECONDS = 10.0


def spawn(
    command: tuple[str, ...], environ: Mapping[str, str], log: Path
) -> subprocess.Popen[bytes]:
    """Start a process in a session of its own that gets SIGTERM when this one dies.

    Args:
        command: arguments.
        environ: the whole environment.
        log: file to which its output is appended.
    """
    with log.open("ab") as sink:
        return subprocess.Popen(  # noqa: S603 - our own commands
            command,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            preexec_fn=die_with_parent,  # noqa: PLW1509 - the supervisor has no threads
            start_new_session=True,
        )


def marked(mark: str, part: str | None = None) -> list[psutil.Process]:
    """Return the living processes of a stack, or of one of its parts; never this one."""
    found = []
    for process in psutil.process_iter():
        try:
            environ = process.environ() if process.pid != os.getpid() else {}
            if environ.get(MARK) == mark and part in {None, environ.get(PART)}:
                found.append(process)
        except (psutil.Error, OSError):
            continue  # it ended, or is somebody else's
    return found


def sweep(mark: str, part: str | None = None, patience: float = 0.0) -> int:
    """End all processes of a stack or part: asked first, killed when patience is over.

    Returns:
        How many there were.
    """
    left = marked(mark, part)
    count = len(left)
    if patience:
        _signal(left, signal.SIGTERM)
        psutil.wait_procs(left, timeout=patience)
    deadline = time.monotonic() + KILL_SECONDS
    # Whatever forks while it is being killed is found in the next round.
    while (left := marked(mark, part)) and time.monotonic() < deadline:
        _signal(left, signal.SIGKILL)
        psutil.wait_procs(left, timeout=0.5)
    return count


def _signal(processes: list[psutil.Process], number: int) -> None:
    for process in processes:
        try:
            process.send_signal(number)
        except psutil.Error:
            continue
