"""What a peer's script needs: its question in, its answer out. Only the standard library here."""

import json
import resource
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any


def answer(compute: Callable[[Any], Any]) -> None:
    """Read the question, compute, write the answer; floats keep all their digits."""
    warnings.simplefilter("ignore")
    asked, answered = map(Path, sys.argv[1:3])
    result = compute(json.loads(asked.read_text()))
    answered.write_text(json.dumps(result, default=float))


def measured(run: Callable[[], Any], times: int) -> dict[str, Any]:
    """Return the median processor seconds of a call, all that were taken, and peak megabytes.

    The median leaves out the first call, which imports and fills caches, if there are three.
    """
    taken = []
    for _ in range(times):
        started = time.process_time()
        run()
        taken.append(time.process_time() - started)
    return {"seconds": statistics.median(taken), "taken": taken, "peak_mb": peak_megabytes()}


def peak_megabytes() -> float:
    """Return the most memory this process ever held at once."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
