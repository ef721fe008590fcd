import os
import signal
import time
from pathlib import Path

import psutil
import pytest
import toys

from factory.errors import Unavailable
from flows.stack.logs import bound, last_words, log_of
from flows.stack.processes import marked
from flows.stack.state import forget, holding, running, write_state


@pytest.fixture
def up(tmp_path):
    """Start a stack of toys and wait until it is ready; whatever is left at the end is ended."""
    started = []

    def start(kind=""):
        process = toys.start(tmp_path, kind)
        started.append(process)
        for line in process.stdout:
            if line == "ready True\n":
                return process
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()
        assert eventually(lambda p=process: not marked(f"toys-{p.pid}"))


def eventually(true, seconds=30):
    until = time.monotonic() + seconds
    while not (told := true()) and time.monotonic() < until:
        time.sleep(0.05)
    return told


def pid_of(home, name):
    return next(part["pid"] for part in running(home)["parts"] if part["name"] == name)


def files(home):
    return sorted(path.name for path in (home / "stack").iterdir())


def test_parts_start_in_order_and_tell_where_they_are(up, tmp_path):
    supervisor = up("once")
    state = running(tmp_path)
    assert (state["pid"], state["ready"]) == (supervisor.pid, True)
    told = {part["name"]: part for part in state["parts"]}
    assert {name: part["state"] for name, part in told.items()} == {
        "worker": "healthy", "web": "healthy", "job": "done",
    }  # fmt: skip
    begun = {name: psutil.Process(told[name]["pid"]).create_time() for name in ("web", "worker")}
    assert begun["web"] < begun["worker"]
    assert told["web"]["link"].startswith("http://127.0.0.1:")
    assert eventually(lambda: Path(told["worker"]["log"]).read_text() == "working\n")
    assert Path(told["job"]["log"]).read_text() == "done\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_leaves_no_process_and_no_file(number, up, tmp_path):
    supervisor = up("stubborn" if number == signal.SIGINT else "")
    mark = running(tmp_path)["mark"]
    assert len(marked(mark)) == 3
    supervisor.send_signal(number)
    assert supervisor.wait(timeout=30) == 0
    assert not marked(mark)
    assert files(tmp_path) == ["logs"]
    assert running(tmp_path) is None


def test_a_killed_supervisor_leaves_no_process_and_no_file(up, tmp_path):
    supervisor = up("stubborn")
    mark = running(tmp_path)["mark"]
    supervisor.kill()
    assert eventually(lambda: not marked(mark) and files(tmp_path) == ["logs"])
    assert running(tmp_path) is None


def test_what_dies_starts_again_without_what_it_left(up, tmp_path):
    up()
    mark = running(tmp_path)["mark"]
    for name in ("web", "worker"):
        before = pid_of(tmp_path, name)
        os.kill(before, signal.SIGKILL)
        assert eventually(lambda n=name, b=before: pid_of(tmp_path, n) not in {None, b})
    assert eventually(lambda: running(tmp_path)["ready"])
    assert [part["restarts"] for part in running(tmp_path)["parts"]] == [1, 1]
    assert len(marked(mark, "web")) == 2


def test_what_cannot_start_ends_the_stack_and_says_why(up, tmp_path):
    supervisor = toys.start(tmp_path, "broken")
    said, _ = supervisor.communicate(timeout=60)
    assert supervisor.returncode == 2
    assert "broken does not start, it ended with code 2: no such thing" in said
    assert "mend the cause" in said
    assert not marked(f"toys-{supervisor.pid}")
    assert files(tmp_path) == ["logs"]


def test_one_stack_a_home(up, tmp_path):
    up()
    with pytest.raises(Unavailable, match="already"), holding(tmp_path):
        pass
    forget(tmp_path)
    assert running(tmp_path) is not None


def test_the_state_of_a_dead_supervisor_is_known_as_such(tmp_path):
    (tmp_path / "stack").mkdir()
    (tmp_path / "stack" / "lock").touch()
    write_state(tmp_path, {"mark": "gone", "pid": os.getpid()})
    assert running(tmp_path) is None
    with holding(tmp_path) as left:
        assert left["mark"] == "gone"
    assert list((tmp_path / "stack").iterdir()) == []


def test_a_block_that_fails_lets_go_of_the_home(tmp_path):
    with pytest.raises(ZeroDivisionError), holding(tmp_path):
        raise ZeroDivisionError
    with holding(tmp_path) as left:
        assert left is None


def test_logs_are_bounded_while_they_are_written_to(tmp_path):
    log = log_of(tmp_path, "part")
    with log.open("ab") as file:
        file.write(b"x" * 100)
        file.flush()
        bound(log, largest=99)
        file.write(b"next\n")
    assert log.read_bytes() == b"next\n"
    assert log.with_suffix(".log.1").read_bytes() == b"x" * 100
    bound(log, largest=99)
    assert last_words(log) == "next"
