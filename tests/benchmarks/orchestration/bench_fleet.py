"""Many models watched on one machine: what each of them costs, and how late its check is."""

import json
import os
import sqlite3
import statistics
import time
from contextlib import closing

import numpy as np
import psutil
from stack import FINAL, moment, up, world, write_model

from flows.stack.servers import KEPT

FLEETS = [int(n) for n in os.environ.get("FACTORY_BENCH_FLEETS", "10,50,200").split(",")]
TURNS = int(os.environ.get("FACTORY_BENCH_TURNS", "2"))
EVERY = 3600.0
EVENTS = """SELECT sum(pgsize) FROM dbstat JOIN sqlite_master ON sqlite_master.name = dbstat.name
            WHERE tbl_name IN ('events', 'event_resources')"""
BRIEFLY = {
    "PREFECT_SERVER_SERVICES_DB_VACUUM_LOOP_SECONDS": "20",
    "PREFECT_SERVER_SERVICES_DB_VACUUM_EVENT_RETENTION_OVERRIDES": json.dumps(
        dict.fromkeys(
            json.loads(KEPT["PREFECT_SERVER_SERVICES_DB_VACUUM_EVENT_RETENTION_OVERRIDES"]), 30
        )
    ),
}
"""What is kept for a quarter of an hour, and for an hour, is so for half a minute."""
PRUNED_SECONDS = 75


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
    with up(folder, *configs, told=BRIEFLY) as stack:
        stack.ended(stack.trigger("train", names[0]))
        stack.copy(names[0], names[1:])
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
        grown = (database(stack.home) - before) / size / TURNS / 1024
        time.sleep(PRUNED_SECONDS)
        left = (database(stack.home) - before) / size / TURNS / 1024
    checks = size * TURNS
    each = seconds / checks
    return (
        f"{size} models: {each:.2f} s a check, {3600 / each:.0f} checks an hour at most; "
        f"late {statistics.median(late):.0f} s in the median, {max(late):.0f} s at most, "
        f"when all are due at once; memory {sum(memory.values()):.0f} MB "
        f"({', '.join(f'{k} {v:.0f}' for k, v in memory.items())}); Prefect's database grew by "
        f"{grown[0]:.0f} KB a check ({grown[1]:.0f} KB events), of which {left[0]:.0f} KB "
        f"({left[1]:.0f} KB events) stay when those of tasks are gone"
    )


def database(home):
    """Bytes of Prefect's database that are in use, and of its events among them."""
    with closing(sqlite3.connect(home / "prefect" / "prefect.db", timeout=30)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        pages, free, size = (
            connection.execute(f"PRAGMA {what}").fetchone()[0]
            for what in ("page_count", "freelist_count", "page_size")
        )
        events = connection.execute(EVENTS).fetchone()[0] or 0
    return np.array([(pages - free) * size, events])


def held(pid):
    """Megabytes that a part and its children hold for themselves."""
    try:
        part = psutil.Process(pid)
        return sum(p.memory_full_info().uss for p in (part, *part.children(recursive=True))) / 2**20
    except psutil.NoSuchProcess:
        return 0.0
