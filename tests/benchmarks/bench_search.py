"""What a search costs beside its trials, and what a second worker spares."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

import optuna
import pytest

from factory.searching import SearchConfig
from flows.stack.local import LOOPBACK, answers, free_port
from flows.stack.servers import mlflow_part
from registry.home import open_home
from registry.runs import Runs
from registry.settings import MLFLOW
from training.plan import Plan, Study
from training.search.run import search

TESTS = Path(__file__).parents[1] / "training"
sys.path.insert(0, str(TESTS))
from hills import Slope  # noqa: E402 - it lies beside the tests that use it most

TRIALS, SECONDS = 200, 0.02


class Timed(Slope):
    """Three folds of about 7 ms."""

    def scores(self, proposal):
        for score in super().scores(proposal):
            time.sleep(SECONDS / 3)
            yield score


def ours(study=None):
    began = time.perf_counter()
    plan = Plan(trials=TRIALS, seconds=1e9, seed=0, clock=time.perf_counter, pruner="none",
                study=study)  # fmt: skip
    records = search(Timed(), plan)
    assert len(records) == TRIALS
    return time.perf_counter() - began, records


def plain(storage=None):
    def objective(trial):
        x, n = trial.suggest_float("x", -10, 10), trial.suggest_int("n", 1, 100, log=True)
        total = 0.0
        for fold in range(3):
            time.sleep(SECONDS / 3)
            total += abs(x - 3) + abs(n - 40) / 40 + fold
            trial.report(total / (fold + 1), fold)
            trial.should_prune()
        return total / 3

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    began = time.perf_counter()
    study = optuna.create_study(
        sampler=optuna.samplers.TPESampler(seed=0),
        pruner=optuna.pruners.NopPruner(),
        storage=storage,
    )
    study.optimize(objective, n_trials=TRIALS)
    return time.perf_counter() - began


def test_overhead_against_plain_optuna(show, tmp_path):
    files = (tmp_path / f"{name}.journal" for name in "abcdef")
    backend = optuna.storages.journal.JournalFileBackend
    theirs = min(plain() for _ in range(2))
    mine = min(ours()[0] for _ in range(2))
    show("wall time against plain Optuna in memory", mine / theirs, "<= 1.10")
    kept = min(ours(Study("s", str(next(files)), "w"))[0] for _ in range(2))
    journal = min(
        plain(optuna.storages.JournalStorage(backend(str(next(files))))) for _ in range(2)
    )
    show("the same, both in a journal file", kept / journal, "<= 1.10")
    show("ours in a journal file against plain in memory", kept / theirs, "told")
    assert mine / theirs <= 1.10
    assert kept / journal <= 1.10


def test_tracking_costs_little(show, home):
    runs = Runs(home)
    seconds, records = ours()
    with runs.run("m", "train") as run_id:
        began = time.perf_counter()
        runs.log_trials(run_id, "m", [asdict(record) for record in records])
        tracked = time.perf_counter() - began
    show("tracking, percent of the search", 100 * tracked / seconds, "< 5")
    assert tracked < 0.05 * seconds


@pytest.fixture
def served(home):
    """The same home behind MLflow's server as a stack starts it."""
    part = mlflow_part(home, LOOPBACK, free_port(), {})
    server = subprocess.Popen(
        part.command,
        env={**os.environ, **MLFLOW, **part.environ},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        for _ in range(600):
            if answers(part.health):
                break
            time.sleep(0.2)
        yield open_home(home.path, {"MLFLOW_TRACKING_URI": part.link})
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait()


def test_tracking_on_a_server_costs_little(show, served):
    runs = Runs(served)
    record = asdict(ours()[1][0])
    usual = SearchConfig()
    trials = [{**record, "number": number} for number in range(usual.trials)]
    with runs.run("m", "train") as run_id:
        began = time.perf_counter()
        runs.log_trials(run_id, "m", trials)
        tracked = time.perf_counter() - began
    show("one trial on a server, milliseconds", 1000 * tracked / len(trials), "told")
    show("tracking on a server, percent of the usual search", 100 * tracked / usual.seconds, "< 5")
    assert tracked < 0.05 * usual.seconds


def share(folder, workers, trials=40, seconds=0.5):
    """Return the wall time of so many workers on one search."""
    started = [
        subprocess.Popen(
            [sys.executable, TESTS / "worker.py", folder / f"{workers}.journal", f"w{number}",
             str(trials), str(seconds)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for number in range(workers)
    ]  # fmt: skip
    for process in started:
        assert process.stdout.readline() == "ready\n"
    began = time.perf_counter()
    for process in started:
        process.stdin.write("\n")
        process.stdin.flush()
    for process in started:
        out, _ = process.communicate()
        assert len(out.splitlines()[-1].split()) == 1 + trials
    return time.perf_counter() - began


@pytest.mark.parametrize("seconds", [0.5])
def test_two_workers_share_the_trials(show, tmp_path, seconds):
    alone = share(tmp_path, 1, seconds=seconds)
    together = share(tmp_path, 2, seconds=seconds)
    show("two workers' time for 40 trials against one's", together / alone, "< 0.6")
    assert together < 0.6 * alone
