"""Folders of searches within fits, of which some belong to processes that were killed."""

import os
import signal
import subprocess
import sys

import pytest

from training.inner import listening, work_folder

LIVING = """
import sys
from pathlib import Path
from training.inner import listening, work_folder
with listening(Path(sys.argv[1])), work_folder("search") as folder:
    (folder / "half").write_text("done")
    print(folder.name, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def start(tmp_path):
    """Start a process that works in a folder of its own; return it and the folder."""
    processes = []

    def act():
        process = subprocess.Popen(
            [sys.executable, "-c", LIVING, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        processes.append(process)
        return process, tmp_path / process.stdout.readline().decode().strip()

    yield act
    for process in processes:
        process.communicate()


def test_what_a_killed_search_left_is_removed_and_a_living_ones_stays(start, tmp_path):
    (dead, left), (living, kept) = start(), start()
    os.kill(dead.pid, signal.SIGKILL)
    dead.wait()
    assert (left / "half").exists()
    with listening(tmp_path), work_folder("search") as mine:
        assert sorted(tmp_path.iterdir()) == sorted([kept, mine])
        assert (kept / "half").exists()
    living.communicate()
    assert list(tmp_path.iterdir()) == []
