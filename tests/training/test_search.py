"""The contract of every search backend that is listed."""

import logging
from collections.abc import Iterator, Mapping
from types import SimpleNamespace

import pytest
from training_rows import Ticks

from factory.errors import BadConfig, BadData
from factory.metrics import Metric
from training.objective import ranked, run_trial
from training.plugins import plugin
from training.search import BACKENDS
from training.space import Choice, Float, Space

ERROR = Metric("mean_absolute_error", greater_is_better=False, task="regression", classes=())
SCORE = Metric("r2", greater_is_better=True, task="regression", classes=())

BACKEND = pytest.mark.parametrize("backend", list(BACKENDS))


class Hill:
    """Scores without a fit: family ``right`` is best at x = 3, family ``wrong`` is far off."""

    folds = ((), (), ())
    metric = ERROR
    spaces: Mapping[str, Space] = {
        "wrong": {"x": Float(-10, 10, start=0.0)},
        "right": {
            "x": Float(-10, 10, start=-5.0),
            "kind": Choice(("plain", "odd")),
            "y": Float(0, 1, start=0.5, when=("kind", ("odd",))),
        },
    }

    starts = (("wrong", {"x": 0.0}), ("right", {"x": -5.0, "kind": "plain"}))

    def __init__(self) -> None:
        self.scored = 0

    def scores(self, family, params) -> Iterator[float]:
        far = abs(params["x"] - 3) + (50 if family == "wrong" else params.get("y", 0))
        for fold in range(3):
            self.scored += 1
            yield far + fold


class Broken(Hill):
    def scores(self, family, params):
        if family == "wrong":
            message = "Input X contains\nsomething odd"
            raise ValueError(message)
        yield from super().scores(family, params)


class BrokenThroughout(Hill):
    def scores(self, family, params):
        message = f"{family} cannot"
        raise ZeroDivisionError(message)
        yield params


def run(backend, objective, *, trials=40, seed=0):
    seen = []
    records = plugin(BACKENDS, backend)(
        objective,
        trials=trials,
        seconds=1e9,
        seed=seed,
        clock=Ticks(),
        on_trial=seen.append,
    )
    assert tuple(seen) == records
    return records


@BACKEND
def test_starts_with_each_family_and_then_finds_the_hill(backend):
    records = run(backend, Hill())
    assert [record.number for record in records] == list(range(40))
    first, second = records[:2]
    assert (first.family, first.params) == ("wrong", {"x": 0.0})
    assert (second.family, second.params) == ("right", {"x": -5.0, "kind": "plain"})
    best = ranked(records, ERROR)[0]
    assert best.family == "right"
    assert abs(best.params["x"] - 3) < 1.5
    assert best.score == pytest.approx(sum(best.folds) / 3)
    assert len(best.folds) == 3


@BACKEND
def test_hopeless_trials_are_pruned(backend):
    hill = Hill()
    records = run(backend, hill)
    pruned = [record for record in records if record.state == "pruned"]
    assert pruned
    assert all(len(record.folds) < 3 for record in pruned)
    assert hill.scored == sum(len(record.folds) for record in records) < 3 * len(records)


@BACKEND
def test_same_seed_same_search(backend):
    assert run(backend, Hill(), seed=7) == run(backend, Hill(), seed=7)
    assert run(backend, Hill(), seed=7) != run(backend, Hill(), seed=8)


@BACKEND
@pytest.mark.parametrize(("seconds", "most"), [(100.0, 10), (10.0, 1), (1e-9, 1)])
def test_no_trial_but_the_first_starts_after_the_budget(backend, seconds, most):
    clock = Ticks(0.0)

    class Slow(Hill):
        def scores(self, family, params):
            for value in super().scores(family, params):
                clock.now += 10
                yield value

    records = plugin(BACKENDS, backend)(
        Slow(), trials=40, seconds=seconds, seed=0, clock=clock, on_trial=lambda _: None
    )
    assert 1 <= len(records) <= most
    assert all(record.started < seconds for record in records)
    assert records[-1].ended >= seconds


@BACKEND
def test_a_failing_trial_is_recorded_and_the_search_goes_on(backend):
    records = run(backend, Broken(), trials=10)
    assert records[0].state == "failed"
    assert records[0].error == "ValueError: Input X contains something odd"
    assert records[0].score is None
    assert ranked(records, ERROR)[0].family == "right"


@BACKEND
def test_when_all_fail_the_first_error_is_told(backend):
    with pytest.raises(BadData, match="the first to fail said: ZeroDivisionError: wrong cannot"):
        ranked(run(backend, BrokenThroughout(), trials=3), ERROR)


@BACKEND
def test_greater_can_be_better(backend):
    class Upside(Hill):
        metric = SCORE

        def scores(self, family, params):
            for value in super().scores(family, params):
                yield -value

    best = ranked(run(backend, Upside()), SCORE)[0]
    assert best.family == "right"
    assert abs(best.params["x"] - 3) < 1.5


@BACKEND
def test_says_nothing_on_stderr(backend, capfd, caplog):
    with caplog.at_level(logging.INFO):
        run(backend, Hill(), trials=3)
    assert capfd.readouterr() == ("", "")


def test_a_metric_that_is_never_defined_fails_the_trial():
    objective = SimpleNamespace(scores=lambda *_: iter(()), folds=((),), metric=SCORE)
    record = run_trial(objective, 0, "f", {}, clock=Ticks(), give_up=lambda *_: False)
    assert (record.state, record.error) == ("failed", "r2 is undefined in every fold")


def test_a_users_error_is_no_failed_trial():
    class Misled(Hill):
        def scores(self, family, params):
            raise BadConfig("No feature is left.", hint="add one")
            yield family, params

    with pytest.raises(BadConfig):
        run_trial(Misled(), 0, "right", {}, clock=Ticks(), give_up=lambda *_: False)
