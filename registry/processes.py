"""A process of its own beside the one that starts it: it ends with it, whatever ends that one."""

import os
import signal
import threading
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context, parent_process


def one_process(nice: int = 0) -> ProcessPoolExecutor:
    """Return an executor of one process, which starts with the first work.

    Args:
        nice: how far it stands back when processors are scarce, 0 to 19.
    """
    context = get_context("spawn")
    return ProcessPoolExecutor(1, mp_context=context, initializer=_begin, initargs=(nice,))


def _begin(nice: int) -> None:
    os.nice(nice)
    # A signal to the whole group is its parent's to obey, which then lets this one finish.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
