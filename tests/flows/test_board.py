"""What people see while a model is searched, and the page that is kept."""

import io

import pytest
from rich.console import Console

from flows.commands import train as command
from flows.commands.train import Board
from flows.progress import telling
from flows.report.search_page import search_page
from training.curves import Curves, Point
from training.objective import TrialRecord


def trial(number, score, state="complete", **params):
    values = {"C": 10.0**-number, "kind": "a" if number % 2 else "b", **params}
    return TrialRecord(number, "linear", values, state, score, (), number, number + 1.0)


TRIALS = [
    trial(0, 0.5),
    trial(1, 0.7),
    trial(2, 0.6, "pruned"),
    trial(3, None, "failed"),
    trial(4, 0.9),
    trial(5, 0.8),
]


@pytest.fixture
def terminal(monkeypatch):
    def of(*, alive):
        console = Console(file=io.StringIO(), force_terminal=alive, width=100)
        monkeypatch.setattr(command, "progress", console)
        monkeypatch.setattr("flows.console.progress", console)
        return console

    return of


def heard(board, *, greater):
    told = telling(board.hear, greater=greater)
    for one in TRIALS:
        told(one)


def test_a_table_on_a_terminal(terminal):
    console = terminal(alive=True)
    board = Board(trials=10, seconds=60)
    assert board.table().title == "0 of 10 trials"
    heard(board, greater=True)
    assert console.file.getvalue() == ""
    console.print(board.table())
    shown = console.file.getvalue()
    for words in ("6 of 10 trials", "1 pruned", "best 0.9", "4 s left", "linear"):
        assert words in shown


def test_plain_lines_elsewhere(terminal):
    console = terminal(alive=False)
    board = Board(trials=10, seconds=8)
    heard(board, greater=False)
    lines = console.file.getvalue().splitlines()
    assert lines[0] == "trial 0: linear complete 0.5, best 0.5, 7 s left"
    assert lines[3] == "trial 3: linear failed , best 0.5, 4 s left"
    assert len(lines) == 6


def test_nobody_hears_on_a_worker():
    assert telling(None, greater=True) is None


def test_the_page_has_every_plot():
    points = (Point(10, 0.9, 0.5), Point(100, 0.85, 0.6), Point(1000, 0.8, 0.7))
    curves = Curves({"C": 0.8, "kind": 0.2}, points, points, "C")
    page = search_page("m", "accuracy", greater=True, trials=TRIALS, curves=curves)
    assert page.count("<svg") == 5
    assert "linear reached 0.9 in trial 4. 6 trials, 1 pruned, 1 failed." in page
    assert "http" not in page.replace("http-equiv", "")


def test_a_page_of_next_to_nothing():
    page = search_page("m", "r2", greater=True, trials=[trial(0, 0.1)], curves=Curves())
    assert page.count("<svg") == 1
    failed = search_page("m", "r2", greater=True, trials=[TRIALS[3]], curves=Curves())
    assert "<svg" not in failed
