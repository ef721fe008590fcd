"""What is known of a running stack, for every other command in the same home.

The supervisor holds a lock on a file for as long as it lives; the kernel lets go of it when the
supervisor dies in whatever way. So a state file without that lock is a dead supervisor's.
"""

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from factory.errors import Unavailable

LOCK_ATTEMPTS, LOCK_PAUSE = 20, 0.1


def stack_folder(home: Path) -> Path:
    """Return where a stack keeps its state and its logs."""
    return home / "stack"


@contextmanager
def holding(home: Path) -> Iterator[dict[str, Any] | None]:
    """Be the one supervisor of a home while the block runs; leave no file behind.

    Yields:
        The state that a supervisor left that was killed, None where there is none.

    Raises:
        Unavailable: another one runs.
    """
    folder = stack_folder(home)
    folder.mkdir(parents=True, exist_ok=True)
    lock = folder / "lock"
    descriptor = _locked(lock, home)
    try:
        yield _read(folder / "state.json")
    finally:
        with suppress(FileNotFoundError):
            (folder / "state.json").unlink()
        lock.unlink()
        os.close(descriptor)


def write_state(home: Path, state: dict[str, Any]) -> None:
    """Replace the state that others see, in one step."""
    file = stack_folder(home) / "state.json"
    new = file.with_suffix(".new")
    new.write_text(json.dumps(state, indent=1))
    new.replace(file)


def running(home: Path) -> dict[str, Any] | None:
    """Return the state of the stack that runs in a home, None where none does."""
    folder = stack_folder(home)
    state = _read(folder / "state.json")
    return state if state is not None and _is_held(folder / "lock") else None


def forget(home: Path) -> None:
    """Remove the files that a dead supervisor left; a living one's are left alone."""
    with suppress(Unavailable), holding(home):
        pass


def _locked(lock: Path, home: Path) -> int:
    # A command that looks whether a stack runs holds the lock for a moment.
    for _ in range(LOCK_ATTEMPTS):
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # The one before may have removed the file that was opened here.
            if os.path.samestat(os.fstat(descriptor), lock.stat()):
                return descriptor
        except (BlockingIOError, FileNotFoundError):
            time.sleep(LOCK_PAUSE)
        os.close(descriptor)
    raise Unavailable(
        f"A factory is up in {home} already.",
        hint=f"factory status --home {home}; factory down --home {home}",
    )


def _is_held(lock: Path) -> bool:
    try:
        descriptor = os.open(lock, os.O_RDWR)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _read(file: Path) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = json.loads(file.read_text())
    except (OSError, ValueError):
        return None
    return found
