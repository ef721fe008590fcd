import resource
import statistics
import subprocess
import sys
import time

import pytest

collect_ignore_glob = ["peers/*"]
"""Scripts of other environments, whose libraries are not in ours."""


def cpu_seconds(run, times=5):
    """Median processor seconds of a call in this process."""
    taken = []
    for _ in range(times):
        started = time.process_time()
        run()
        taken.append(time.process_time() - started)
    return statistics.median(taken)


def cpu_seconds_of(*arguments, times=5):
    """Median processor seconds of a program."""
    taken = []
    for _ in range(times):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        taken.append(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
    return statistics.median(taken)


@pytest.fixture
def seconds():
    return cpu_seconds


@pytest.fixture
def program_seconds():
    return cpu_seconds_of


@pytest.fixture
def show(request):
    """Print a measured ratio beside what is asked of it."""

    def tell(what, ratio, bound):
        with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
            print(f"\n{what}: {ratio:.2f} (asked: {bound})")

    return tell


@pytest.fixture
def tell(request):
    """Print lines of figures."""

    def tell(*lines):
        with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
            print("", *lines, sep="\n  ")

    return tell
