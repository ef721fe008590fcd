"""The machine: disk, ports, clock, devices."""

import ctypes
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path

from flows.doctor.finding import Finding, Grade
from flows.stack.local import free_port

GIGABYTE = 1_000_000_000
LEAST_DISK, GOOD_DISK = 1 * GIGABYTE, 5 * GIGABYTE
CLOCK_SECONDS = 2.0
CLOCK_UNKEPT = 5
"""What ``adjtimex`` returns while nothing keeps the kernel's clock right (TIME_ERROR)."""
OTHERS_WRITE = 0o002


def home_folder(home: Path, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Look whether the home can be written, and by whom."""
    del environ
    if not home.exists():
        yield Finding("home", "note", f"{home} is not there yet", "factory train CONFIG")
        return
    try:
        with tempfile.TemporaryFile(dir=home):
            pass
    except OSError as error:
        said = f"{home} cannot be written: {error.strerror}."
        yield Finding("home", "problem", said, "give --home another folder")
        return
    if home.stat().st_mode & OTHERS_WRITE:
        said = f"Everybody on this machine can write to {home}."
        yield Finding("home", "warning", said, f"chmod o-w {home}")
    else:
        yield Finding("home", "ok", f"{home} can be written")


def disk(home: Path, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Look at the free space of the home and of temporary files."""
    del environ
    there = next(folder for folder in (home, *home.parents) if folder.exists())
    for what, folder in (("the home", there), ("temporary files", Path(tempfile.gettempdir()))):
        free = shutil.disk_usage(folder).free
        said = f"{free / GIGABYTE:.1f} GB are free for {what} in {folder}"
        if free >= GOOD_DISK:
            yield Finding("disk", "ok", said)
        else:
            grade: Grade = "problem" if free < LEAST_DISK else "warning"
            yield Finding(
                "disk", grade, f"Only {said}.", "make room, or move there: --home, TMPDIR"
            )


def ports(home: Path, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Look whether a server can listen on the loopback."""
    del home, environ
    try:
        free_port()
    except OSError as error:
        said = f"No port of 127.0.0.1 can be listened on: {error.strerror}."
        yield Finding("ports", "problem", said, "ip link set lo up, or allow it in the container")
    else:
        yield Finding("ports", "ok", "free ports of 127.0.0.1 can be listened on")


def clock(home: Path, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Look whether the clock is kept right, and agrees with that of the home's disk."""
    del environ
    if ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(512)) == CLOCK_UNKEPT:
        said = "Nothing keeps this machine's clock right; schedules and records drift with it."
        yield Finding("clock", "warning", said, "timedatectl set-ntp true, or chrony")
    else:
        yield Finding("clock", "ok", "the clock is kept right")
    if home.is_dir() and os.access(home, os.W_OK):
        with tempfile.NamedTemporaryFile(dir=home) as file:
            apart = abs(time.time() - Path(file.name).stat().st_mtime)
        if apart > CLOCK_SECONDS:
            said = f"The clock of the home's disk is {apart:.0f} s from this machine's."
            yield Finding("clock", "problem", said, "keep both by NTP")


def gpu(home: Path, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Look for devices, and for a TensorFlow that can use them."""
    del home
    program = shutil.which("nvidia-smi")
    listed = ""
    if program is not None:
        asked = [program, "--query-gpu=name,memory.total", "--format=csv,noheader"]
        answer = subprocess.run(  # noqa: S603 - NVIDIA's own program
            asked, capture_output=True, text=True, timeout=20, check=False
        )
        listed = answer.stdout.strip() if answer.returncode == 0 else ""
        if answer.returncode != 0:
            said = f"nvidia-smi fails: {' '.join(answer.stdout.split()) or answer.returncode}."
            yield Finding("gpu", "warning", said, "mend the NVIDIA driver")
    if not listed:
        yield Finding("gpu", "note", "no GPU here; the gpu queue is served by processors")
        return
    devices = "; ".join(listed.splitlines())
    if find_spec("tensorflow") is None:
        said = f"{devices}: TensorFlow is not installed, so that nothing uses it."
        yield Finding("gpu", "note", said, "pip install 'drift-factory[keras]'")
    elif find_spec("nvidia") is None and "LD_LIBRARY_PATH" not in environ:
        said = f"{devices}: TensorFlow finds no CUDA libraries."
        yield Finding("gpu", "warning", said, "pip install 'tensorflow[and-cuda]<2.19'")
    else:
        yield Finding("gpu", "ok", devices)
