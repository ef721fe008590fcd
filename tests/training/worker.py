"""One worker of a search, as a process that can be killed: PLACE WORKER TRIALS SECONDS [more].

It says when it is ready, and begins when it is given a line.
"""

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from hills import Hill

import training.search.optuna  # noqa: F401 - so that a worker that says it is ready is
from training.plan import Plan, Study
from training.search.run import search


class Slow(Hill):
    def __init__(self, seconds):
        super().__init__()
        self.seconds = seconds

    def scores(self, proposal):
        print("begun", proposal.number, flush=True)
        for score in super().scores(proposal):
            time.sleep(self.seconds / 3)
            yield score


def main(place, worker, trials, seconds, backend="optuna", join=""):
    study = Study("search", place, worker, join=bool(join), beat=0.2, silence=1.5)
    plan = Plan(
        trials=int(trials),
        seconds=1e9,
        seed=3,
        clock=time.perf_counter,
        backend=backend,
        pruner="none",
        study=study,
        on_trial=lambda record: print(record.number, flush=True),
    )
    print("ready", flush=True)
    sys.stdin.readline()
    records = search(Slow(float(seconds)), plan)
    print("all", *(record.number for record in records), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
