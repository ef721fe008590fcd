"""Searches that several processes share, that die, and that are taken up again."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from hills import ERROR, Hill, Slope
from sqlalchemy import create_engine, text
from training_rows import Ticks

from factory.errors import BadData, Unavailable
from training.objective import ranked
from training.plan import Plan, Study
from training.search.run import search
from training.search.studies import finish, record_of, storage_at

WORKER = Path(__file__).with_name("worker.py")


@pytest.fixture
def database(postgres_url):
    """An empty database of its own."""
    admin = create_engine(postgres_url, isolation_level="AUTOCOMMIT")
    name = "studies"
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
        connection.execute(text(f"CREATE DATABASE {name}"))
    yield postgres_url.rpartition("/")[0] + f"/{name}"
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


@pytest.fixture
def workers():
    started = []

    def start(*args, begin=True):
        process = subprocess.Popen(
            [sys.executable, WORKER, *map(str, args)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout.readline() == "ready\n"
        if begin:
            go(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


def go(process):
    process.stdin.write("\n")
    process.stdin.flush()


def after(process, trials):
    """Read a worker's lines until it has finished so many trials and begun another."""
    lines = [process.stdout.readline().strip() for _ in range(2 * trials + 1)]
    assert lines[-1].startswith("begun")
    return [int(line) for line in lines if not line.startswith("begun")]


def result(process):
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    *own, last = out.splitlines()
    word, *every = last.split()
    assert word == "all"
    ended = [int(line) for line in own if not line.startswith("begun")]
    return ended, [int(number) for number in every]


def plan(place, worker="me", *, trials=12, seed=3, join=False, name="search", **more):
    study = Study(name, str(place), worker, join=join, beat=0.2, silence=1.5)
    return Plan(trials=trials, seconds=1e9, seed=seed, clock=Ticks(), study=study, **more)


def kill_and_resume(place, workers, trials):
    first = workers(place, "first", trials, 0.15)
    told = after(first, 4)
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    second = workers(place, "second", trials, 0.01)
    own, every = result(second)
    assert sorted(told + own) == every
    assert len(every) == trials


def test_killed_and_taken_up_again_in_a_file(tmp_path, workers):
    place = tmp_path / "s.journal"
    kill_and_resume(place, workers, 12)
    trials = storage_at(str(place)).get_all_trials(0)
    lost = [trial for trial in trials if record_of(trial) is None]
    assert len(lost) == 1
    retried = [trial for trial in trials if trial.user_attrs.get("tries") == 2]
    assert [trial.params for trial in retried] == [trial.params for trial in lost if trial.params]
    assert {trial.state.name for trial in trials} == {"COMPLETE", "FAIL"}


@pytest.mark.xdist_group("pg")
def test_killed_and_taken_up_again_in_postgres(database, workers):
    kill_and_resume(database, workers, 12)


@pytest.mark.parametrize("backend", ["hyperopt", "sklearn"])
def test_killed_and_taken_up_again_by_one_process(backend, tmp_path, workers):
    place = tmp_path / "s.journal"
    first = workers(place, "first", 14, 0.1, backend)
    told = after(first, 4)
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    with place.open("a") as file:
        file.write('{"number": 5, "fam')  # what a crash of the machine may leave
    records = search(Hill(), plan(place, trials=14, backend=backend))
    assert [record.number for record in records] == list(range(14))
    whole = search(Hill(), Plan(trials=14, seconds=1e9, seed=3, clock=Ticks(), backend=backend))
    assert [r.params for r in records] == [r.params for r in whole]
    assert len(told) == 4


def test_two_workers_share_one_search(tmp_path, workers):
    place = tmp_path / "s.journal"
    first = workers(place, "first", 20, 0.25, begin=False)
    second = workers(place, "second", 20, 0.25, "optuna", "join", begin=False)
    go(first)
    after(first, 1)
    go(second)
    one, every = result(first)
    other, seen = result(second)
    assert sorted([0, *one, *other]) == every == seen
    assert len(every) == 20
    assert other


def test_a_worker_waits_for_what_another_might_lose(tmp_path, workers):
    place = tmp_path / "s.journal"
    first = workers(place, "first", 6, 600)
    assert first.stdout.readline() == "begun 0\n"
    second = workers(place, "second", 6, 0.01, "optuna", "join")
    ended = [second.stdout.readline() for _ in range(10)]
    assert ended[-1] == "5\n"
    os.kill(first.pid, signal.SIGKILL)
    _, every = result(second)
    assert len(every) == 6


def test_workers_meet_at_a_grpc_proxy(tmp_path, workers):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    code = (
        "import sys; from optuna.storages import run_grpc_proxy_server as run;"
        "from training.search.studies import storage_at;"
        "run(storage_at(sys.argv[1]), host='127.0.0.1', port=int(sys.argv[2]))"
    )
    served = [sys.executable, "-W", "ignore", "-c", code, str(tmp_path / "s.journal"), str(port)]
    server = subprocess.Popen(served, stderr=subprocess.DEVNULL)
    try:
        kill_and_resume(f"grpc://127.0.0.1:{port}", workers, 8)
    finally:
        server.kill()
        server.wait()


@pytest.mark.xdist_group("pg")
def test_a_finished_search_begins_anew(tmp_path, database):
    for place in (tmp_path / "s.journal", database):
        whole = search(Hill(), plan(place))
        again = search(Hill(), plan(place, "other"))
        assert again == whole
        finish(Study("search", str(place), "me"))
        anew = search(Hill(), plan(place, "me"))
        assert [r.params for r in anew] == [r.params for r in whole]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "s.journal", "s.journal.lock", "s.journal.workers",
    ]  # fmt: skip


def test_more_trials_go_on_where_fewer_ended(tmp_path):
    few = search(Slope(), plan(tmp_path / "s.journal", trials=5))
    more = search(Slope(), plan(tmp_path / "s.journal", trials=30, sampler="cmaes"))
    assert more[:5] == few
    assert len(more) == 30
    assert ranked(more, ERROR)[0].score < ranked(few, ERROR)[0].score


def test_a_grid_is_shared(tmp_path):
    place = tmp_path / "s.journal"
    few = search(Hill(), plan(place, trials=9, sampler="grid"))
    more = search(Hill(), plan(place, "other", trials=30, sampler="grid"))
    points = [(r.family, tuple(r.params.items())) for r in more]
    assert more[:9] == few
    # Three values of x in one family, three times one plus three in the other; two starts.
    assert len(more) == 3 + 3 + 9 + 2
    assert len(set(points)) >= 15


def test_nobody_joins_what_has_not_begun(tmp_path):
    with pytest.raises(Unavailable, match="There is no search 'search' to join"):
        search(Hill(), plan(tmp_path / "s.journal", join=True))


def test_a_file_of_another_search_is_refused(tmp_path):
    place = tmp_path / "s.journal"
    search(Hill(), plan(place, backend="sklearn"))
    with pytest.raises(BadData, match="holds trials of another search"):
        search(Hill(), plan(place, backend="sklearn", seed=99, trials=20))
    place.write_text('{"metric": "r2"}\n')
    with pytest.raises(BadData, match="holds scores of r2"):
        search(Hill(), plan(place, backend="sklearn"))
    place.write_text("nonsense\n")
    with pytest.raises(BadData, match="is damaged"):
        search(Hill(), plan(place, backend="sklearn"))


@pytest.mark.parametrize(
    "place", ["postgresql://factory@127.0.0.1:1/none", "postgresql://factory:secret@127.0.0.1:1/x"]
)
def test_a_server_that_is_not_there(place):
    with pytest.raises(Unavailable, match="does not answer") as told:
        search(Hill(), plan(place))
    assert "secret" not in str(told.value)
