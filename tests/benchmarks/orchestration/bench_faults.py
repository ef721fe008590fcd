"""Parts of a running factory killed at random moments: nothing is lost, nothing done twice."""

import json
import os
import random
import signal
import time
from collections import Counter

import psutil
from stack import FINAL, moment, up, world, write_model

from flows.workplace import open_unmended

FAULTS = int(os.environ.get("FACTORY_BENCH_FAULTS", "100"))
MODELS = int(os.environ.get("FACTORY_BENCH_MODELS", "20"))
PAUSE = float(os.environ.get("FACTORY_BENCH_PAUSE", "20"))
VICTIMS = ("worker", "trainer", "prefect", "mlflow", "run", "training")
RECOVERY_SECONDS = 120.0


def test_a_factory_whose_parts_are_killed_loses_nothing(tmp_path, tell):
    names = [f"m{number}" for number in range(MODELS)]
    configs = [write_model(tmp_path, name, every=60) for name in names]
    rng = random.Random(0)  # noqa: S311 - moments of faults, no secrets
    done = Counter()
    rounds = Counter()
    with up(tmp_path, *configs) as stack:
        for run in [stack.trigger("train", name) for name in names]:
            assert stack.ended(run, 900)["state_type"] == "COMPLETED"
        for _ in range(FAULTS):
            for name in names:
                if not rounds[name] or decided(stack, name, rounds[name]):
                    rounds[name] += 1
                    put_window(tmp_path, name, rounds[name])
            time.sleep(rng.uniform(0.5, 1.5) * PAUSE)
            victim = rng.choice(VICTIMS)
            while not kill(stack, victim, rng):
                victim = rng.choice(VICTIMS)
            done[victim] += 1
        stopped = time.time()
        waiting = settled(stack, names, rounds)
        last = time.time() - stopped
        runs = stack.runs()
        limits = stack.ask("POST", "/v2/concurrency_limits/filter", json={"limit": 200})
    states = Counter(run["state_name"] for run in runs)
    again = sum(run["run_count"] > 1 for run in runs)
    tell(
        f"{sum(done.values())} kills: " + ", ".join(f"{k} {v}" for k, v in sorted(done.items())),
        f"{MODELS} models, {sum(rounds.values())} windows, all decided: {not waiting}",
        f"runs by state: {dict(states)}; begun more than once: {again}",
        f"everything final {last:.0f} s after the last kill",
    )
    assert not waiting
    assert all(limit["active_slots"] == 0 for limit in limits), limits
    for name in names:
        once_each(tmp_path / "home", name)


def put_window(folder, name, number):
    """Write a window whose relation turned round since the one before."""
    slope = -3.0 if number % 2 else 3.0
    rows = world(
        900, seed=number, slope=slope, start=f"20{25 + number // 12}-{1 + number % 12:02}-01"
    )
    partial = folder / name / f".{number}"
    rows.to_csv(partial, index=False)
    partial.rename(folder / name / f"{number:05}.csv")


def kill(stack, victim, rng):
    """Kill one part, or the process of a run; return whether there was one."""
    if victim in {"run", "training"}:
        worker = stack.parts()["worker" if victim == "run" else "trainer"]["pid"]
        try:
            nests = psutil.Process(worker).children()
            found = [run for nest in nests for run in nest.children()]
        except psutil.NoSuchProcess:
            return 0
    else:
        pid = stack.parts()[victim]["pid"]
        found = [psutil.Process(pid)] if pid and psutil.pid_exists(pid) else []
    if not found:
        return 0
    try:
        rng.choice(found).send_signal(signal.SIGKILL)
    except psutil.NoSuchProcess:
        return 0
    return 1


def decided(stack, name, number):
    """Whether the newest window was decided on to the end."""
    ledger = open_unmended(stack.home).ledger
    bodies = [json.loads(decision.body) for decision in ledger.decisions(name)]
    whole = {b["window"]["sha256"] for b in bodies if b["phase"] in {"whole", "then"}}
    windows = [w for w in ledger.windows(name) if w.source == "window"]
    return len({w.sha256 for w in windows} & whole) >= number


def settled(stack, names, rounds):
    """Wait until every window is decided on and every run is over; return what is not."""
    deadline = time.time() + RECOVERY_SECONDS + 240
    while True:
        late = [name for name in names if not decided(stack, name, rounds[name])]
        now = time.time()
        open_runs = [
            run["name"]
            for run in stack.runs()
            if run["state_type"] not in FINAL
            and moment(run["expected_start_time"] or run["created"]).timestamp() < now
        ]
        if not (late or open_runs) or now > deadline:
            return late + open_runs
        time.sleep(2)


def once_each(home, name):
    """Assert that no window was decided twice and no version promoted twice."""
    ledger = open_unmended(home).ledger
    decisions = [decision.id for decision in ledger.decisions(name)]
    assert len(decisions) == len(set(decisions))
    promoted = [p.decision for p in ledger.history(name) if p.decision]
    assert len(promoted) == len(set(promoted))
