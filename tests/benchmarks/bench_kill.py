"""Fifty kills of ``factory run`` at random moments; the test of a few, with more of them."""

import os
import subprocess
import sys
from pathlib import Path

KILLS = 50
TEST = Path(__file__).parents[1] / "flows" / "test_killed.py"


def test_fifty_runs_that_are_killed_are_finished_by_the_next(tell):
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-s", str(TEST)],
        env={**os.environ, "FACTORY_TEST_KILLS": str(KILLS)},
        cwd=TEST.parents[2], capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout[-4000:]
    tell(*(line for line in ran.stdout.splitlines() if line.startswith("{")))
