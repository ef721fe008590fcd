"""Many models watched on one machine: what each of them costs, and how late its check is."""

import os
import statistics
import time
from pathlib import Path

import psutil
from stack import FINAL, moment, up, world, write_model

from flows.workplace import now, open_workplace
from registry.runs import Runs

FLEETS = [int(n) for n in os.environ.get("FACTORY_BENCH_FLEETS", "10,50,200").split(",")]
TURNS = int(os.environ.get("FACTORY_BENCH_TURNS", "2"))
EVERY = 3600.0


def test_a_fleet_of_monitors(tmp_path, tell):
    lines = []
    for size in FLEETS:
        folder = tmp_path / str(size)
        folder.mkdir()
        lines.append(fleet(folder, size))
    tell(*lines)


def fleet(folder, size):
    """Have so many models checked, all at the same moment, a few times over; tell the cost."""
    names = [f"m{number}" for number in range(size)]
    configs = [write_model(folder, name, every=EVERY) for name in names]
    with up(folder, *configs) as stack:
        stack.ended(stack.trigger("train", names[0]))
        same(stack.home, names)
        before, started = database(stack.home), time.time()
        late = []
        for turn in range(TURNS):
            for name in names:
                path = folder / name / f"{turn}.csv"
                world(300, seed=turn, start=f"2025-{3 + turn:02}-01").to_csv(path, index=False)
            asked = [stack.trigger("monitor", name) for name in names]
            ended = [stack.ended(run, 3600) for run in asked]
            assert all(run["state_type"] in FINAL for run in ended)
            late += [
                (moment(run["start_time"]) - moment(run["created"])).total_seconds()
                for run in ended
                if run["start_time"]
            ]
        seconds = time.time() - started
        memory = {name: held(part["pid"]) for name, part in stack.parts().items() if part["pid"]}
        grown = database(stack.home) - before
    checks = size * TURNS
    each = seconds / checks
    return (
        f"{size} models: {each:.2f} s a check, {3600 / each:.0f} checks an hour at most; "
        f"late {statistics.median(late):.0f} s in the median, {max(late):.0f} s at most, "
        f"when all are due at once; memory {sum(memory.values()):.0f} MB "
        f"({', '.join(f'{k} {v:.0f}' for k, v in memory.items())}); Prefect's database grew by "
        f"{grown / checks / 1024:.0f} KB a check"
    )


def same(home, names):
    """Make the first model the champion under all other names too."""
    place = open_workplace(home)
    bundle = place.models.load(names[0], 1)
    runs = Runs(place.home)
    for name in names[1:]:
        with runs.run(name, "train") as run:
            version = place.models.save(bundle, name, run, data_sha256="0" * 64, tags={})
        place.models.promote(name, version, expected=None, who="bench", why="copy", at=now())


def database(home):
    return sum(path.stat().st_size for path in Path(home, "prefect").glob("prefect.db*"))


def held(pid):
    """Megabytes that a part and its children hold for themselves."""
    try:
        part = psutil.Process(pid)
        return sum(p.memory_full_info().uss for p in (part, *part.children(recursive=True))) / 2**20
    except psutil.NoSuchProcess:
        return 0.0
