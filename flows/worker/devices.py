"""Which GPUs this machine has, and how much memory is free on them and beside them."""

import os
import shutil
import subprocess
from dataclasses import dataclass

import psutil

ASKED = "index,name,memory.total,memory.free"
SECONDS = 20.0


@dataclass(frozen=True)
class Device:
    """A GPU; memory is in MiB."""

    index: str
    name: str
    total_mb: int
    free_mb: int


def devices() -> tuple[Device, ...]:
    """Return the GPUs, the one with most free memory first; none where none can be used.

    ``CUDA_VISIBLE_DEVICES`` narrows them, as it does for every program.
    """
    program = shutil.which("nvidia-smi")
    if program is None:
        return ()
    try:
        said = subprocess.run(  # noqa: S603 - the driver's own program
            [program, f"--query-gpu={ASKED}", "--format=csv,noheader,nounits"],
            capture_output=True, text=True, check=True, timeout=SECONDS,
        ).stdout  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return ()
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    found = [one for one in map(read_line, said.splitlines()) if one is not None]
    if visible is not None:
        found = [one for one in found if one.index in visible.split(",")]
    return tuple(sorted(found, key=lambda one: -one.free_mb))


def read_line(line: str) -> Device | None:
    """Read a line of what the driver says of a GPU; None where it is none.

    >>> read_line("0, NVIDIA H100, 81559, 80000")
    Device(index='0', name='NVIDIA H100', total_mb=81559, free_mb=80000)
    >>> read_line("1, Broken, [N/A], [N/A]")
    """
    parts = [part.strip() for part in line.split(",")]
    match parts:
        case [index, name, total, free] if total.isdecimal() and free.isdecimal():
            return Device(index, name, int(total), int(free))
    return None


def free_memory_mb() -> int:
    """Return MiB of the machine's memory that a new process can have."""
    return int(psutil.virtual_memory().available) // 2**20
