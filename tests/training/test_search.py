"""The contract of every search backend that is listed, with each of its samplers."""

import logging
from collections import Counter
from collections.abc import Mapping
from types import SimpleNamespace

import numpy as np
import pytest
import sklearn.experimental.enable_halving_search_cv  # noqa: F401 - makes the next one there
from hills import ERROR, SCORE, Hill, Slope
from sklearn.dummy import DummyRegressor
from sklearn.model_selection import HalvingRandomSearchCV
from training_rows import Ticks

from factory.errors import BadConfig, BadData
from training.objective import Proposal, Score, ranked, run_trial
from training.plan import Plan
from training.search import BACKENDS, PRUNING, SAMPLERS
from training.search.run import search
from training.search.sklearn import schedule
from training.space import Choice, Int, Space, grid

EVERY = [(backend, sampler) for backend in BACKENDS for sampler in SAMPLERS[backend]]
EACH = pytest.mark.parametrize(("backend", "sampler"), EVERY)
# CMA-ES searches one family, so that none is left when that one fails.
OF_FAMILIES = pytest.mark.parametrize(
    ("backend", "sampler"), [one for one in EVERY if one[1] != "cmaes"]
)
GUIDED = {"tpe", "atpe", "anneal", "cmaes"}


class Broken(Hill):
    def scores(self, proposal):
        if proposal.family == "wrong":
            message = "Input X contains\nsomething odd"
            raise ValueError(message)
        yield from super().scores(proposal)


class BrokenThroughout(Hill):
    def scores(self, proposal):
        message = f"{proposal.family} cannot"
        raise ZeroDivisionError(message)
        yield proposal


def hill(sampler, kind=Hill):
    """An objective that the sampler can search."""
    return Slope() if sampler == "cmaes" else kind()


def run(backend, sampler, objective, *, trials=40, seed=0, **more):
    seen = []
    # It takes half a second a trial.
    trials = min(trials, 14) if sampler == "atpe" else trials
    settings = {"seconds": 1e9, "clock": Ticks(), "on_trial": seen.append, **more}
    plan = Plan(trials=trials, seed=seed, backend=backend, sampler=sampler, **settings)
    records = search(objective, plan)
    if "on_trial" not in more:
        assert tuple(seen) == records
    return records


@EACH
def test_starts_where_it_is_told_and_then_finds_the_hill(backend, sampler):
    objective = hill(sampler)
    records = run(backend, sampler, objective)
    assert [record.number for record in records] == list(range(len(records)))
    assert len(records) <= 40
    starts = tuple((record.family, record.params) for record in records[: len(objective.starts)])
    assert starts == tuple(objective.starts)
    best = ranked(records, ERROR)[0]
    assert best.family == list(objective.spaces)[-1]
    assert best.score == pytest.approx(sum(best.folds) / 3)
    assert len(best.folds) == 3
    if sampler in GUIDED:
        assert abs(best.params["x"] - 3) < 1.5
    else:
        assert best.score < max(record.score for record in records[:2] if record.score) + 1


@EACH
def test_points_lie_in_the_space_with_what_matters(backend, sampler):
    objective = hill(sampler)
    for record in run(backend, sampler, objective):
        wanted = {"x"} if record.family == "wrong" else {"x", "n"}
        if record.family == "right":
            wanted = {"x", "kind", "y"} if record.params["kind"] == "odd" else {"x", "kind"}
        assert set(record.params) == wanted
        assert -10 <= record.params["x"] <= 10
        assert type(record.params["x"]) is float
        assert type(record.params.get("n", 1)) is int


@EACH
def test_same_seed_same_search(backend, sampler):
    first, again = (run(backend, sampler, hill(sampler), seed=7) for _ in range(2))
    assert first == again
    if sampler not in {"grid", "halving_grid"}:
        assert first != run(backend, sampler, hill(sampler), seed=8)


@EACH
@pytest.mark.parametrize(("seconds", "most"), [(100.0, 10), (10.0, 1), (1e-9, 1)])
def test_no_trial_but_the_first_starts_after_the_budget(backend, sampler, seconds, most):
    clock = Ticks(0.0)

    class Slow(Slope if sampler == "cmaes" else Hill):
        def scores(self, proposal):
            for value in super().scores(proposal):
                clock.now += 10
                yield value

    told = {"seconds": seconds, "clock": clock, "on_trial": lambda _: None}
    records = run(backend, sampler, Slow(), **told)
    assert 1 <= len(records) <= most
    assert all(record.started < seconds for record in records)
    assert records[-1].ended >= seconds


@EACH
def test_no_trial_but_the_first_starts_where_memory_is_short(backend, sampler):
    held = iter([100.0, 200.0, 300.0])
    records = run(backend, sampler, hill(sampler), megabytes=250.0, memory=lambda: next(held))
    assert len(records) == 3


@OF_FAMILIES
def test_a_failing_trial_is_recorded_and_the_search_goes_on(backend, sampler):
    records = run(backend, sampler, Broken(), trials=13)
    assert records[0].state == "failed"
    assert records[0].error == "ValueError: Input X contains something odd"
    assert records[0].score is None
    assert ranked(records, ERROR)[0].family == "right"


@OF_FAMILIES
def test_when_all_fail_the_first_error_is_told(backend, sampler):
    with pytest.raises(BadData, match="the first to fail said: ZeroDivisionError: wrong cannot"):
        ranked(run(backend, sampler, BrokenThroughout(), trials=3), ERROR)


@EACH
def test_greater_can_be_better(backend, sampler):
    class Upside(Slope if sampler == "cmaes" else Hill):
        metric = SCORE

        def scores(self, proposal):
            for score in super().scores(proposal):
                yield Score(-score.value)

    objective = Upside()
    best = ranked(run(backend, sampler, objective), SCORE)[0]
    assert best.family == list(objective.spaces)[-1]
    if sampler in GUIDED:
        assert abs(best.params["x"] - 3) < 1.5


@EACH
def test_says_nothing_on_stderr(backend, sampler, capfd, caplog):
    with caplog.at_level(logging.INFO):
        run(backend, sampler, hill(sampler), trials=3)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("pruner", ["auto", "median", "halving", "hyperband"])
@pytest.mark.parametrize("backend", PRUNING)
def test_hopeless_trials_are_pruned(backend, pruner):
    objective = Hill()
    records = run(backend, "tpe", objective, pruner=pruner)
    pruned = [record for record in records if record.state == "pruned"]
    assert pruned
    assert all(len(record.folds) < 3 for record in pruned)
    assert objective.scored == sum(len(record.folds) for record in records) < 3 * len(records)
    assert ranked(records, ERROR)[0].family == "right"
    unpruned = run(backend, "tpe", Hill(), pruner="none")
    assert {record.state for record in unpruned} == {"complete"}


@pytest.mark.parametrize("backend", [name for name in BACKENDS if "grid" in SAMPLERS[name]])
def test_a_grid_is_tried_once_each(backend):
    class Steps(Hill):
        spaces: Mapping[str, Space] = {
            "right": {
                "x": Int(1, 4, start=2),
                "kind": Choice(("plain", "odd")),
                "y": Choice((0.0, 0.5), when=("kind", ("odd",))),
            }
        }
        starts = (("right", {"x": 2, "kind": "plain"}),)

    records = run(backend, "grid", Steps(), trials=100, levels=4, pruner="none")
    points = grid(Steps.spaces["right"], 4)
    assert len(points) == 12
    tried = [tuple(record.params.items()) for record in records]
    assert {tuple(point.items()) for point in points} == set(tried)
    assert len(records) <= 13
    few = run(backend, "grid", Steps(), trials=5, levels=4)
    assert len(few) == 5


def test_halving_keeps_the_better_third():
    records = run("sklearn", "halving_random", Hill(), trials=40)
    heats = Counter(record.share for record in records)
    assert heats == {1 / 9: 28, 1 / 3: 9, 1.0: 3}
    assert {r.state for r in records if r.share < 1} == {"pruned"}
    first = sorted(records[:28], key=lambda record: record.score)
    assert [r.params for r in records[28:37]] == [r.params for r in first[:9]]


@pytest.mark.parametrize(("trials", "rows"), [(1, 10), (5, 30), (13, 900), (60, 5000), (200, 9000)])
def test_the_schedule_is_scikit_learns(trials, rows):
    shares, count = schedule(trials, rows)
    assert sum(count // 3**heat for heat in range(len(shares))) <= trials
    if len(shares) == 1:
        return
    least = int(rows * shares[0])
    halving = HalvingRandomSearchCV(
        DummyRegressor(),
        {"constant": np.linspace(0, 1, 1000).tolist()},
        n_candidates=count,
        min_resources=least,
        max_resources=least * 3 ** (len(shares) - 1),
        cv=2,
        random_state=0,
    ).fit(np.zeros((rows, 1)), np.zeros(rows))
    assert [n // 1 for n in halving.n_candidates_[: len(shares)]] == [
        -(-count // 3**heat) if count % 3**heat else count // 3**heat for heat in range(len(shares))
    ]
    assert len(halving.n_resources_) >= len(shares)


@pytest.mark.parametrize(
    ("backend", "settings", "said"),
    [
        ("optuna", {"sampler": "anneal"}, "search.backend: hyperopt"),
        ("sklearn", {"sampler": "tpe"}, "search.backend: optuna"),
        ("hyperopt", {"pruner": "median"}, "hyperopt gives no trial up"),
        ("optuna", {"sampler": "cmaes"}, "cannot choose among wrong, right"),
    ],
)
def test_what_cannot_be_is_refused_before_the_first_trial(backend, settings, said):
    objective = Hill()
    with pytest.raises(BadConfig, match=said):
        run(backend, settings.pop("sampler", "auto"), objective, **settings)
    assert objective.scored == 0


def test_cmaes_refuses_choices():
    class Chosen(Hill):
        spaces: Mapping[str, Space] = {"right": Hill.spaces["right"]}

    with pytest.raises(BadConfig, match="kind is no plain number"):
        run("optuna", "cmaes", Chosen())


def test_a_metric_that_is_never_defined_fails_the_trial():
    objective = SimpleNamespace(
        scores=lambda _: iter(()), steps=lambda _: 1, folds=((),), metric=SCORE
    )
    record = run_trial(objective, Proposal(0, "f", {}), clock=Ticks(), give_up=lambda *_: False)
    assert (record.state, record.error) == ("failed", "r2 is undefined in every fold")


def test_a_users_error_is_no_failed_trial():
    class Misled(Hill):
        def scores(self, proposal):
            raise BadConfig("No feature is left.", hint="add one")
            yield proposal

    with pytest.raises(BadConfig):
        run_trial(Misled(), Proposal(0, "right", {}), clock=Ticks(), give_up=lambda *_: False)
