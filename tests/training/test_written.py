"""Search spaces as a config writes them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.model_selection import ParameterGrid
from training_rows import TASKS, Ticks, config, rows, schema

from factory.config import parse_config
from factory.errors import BadConfig
from factory.metrics import metric_named
from training.family import family_named, loss_for
from training.objective import Proposal
from training.plan import Plan
from training.search import BACKENDS, SAMPLERS
from training.search.run import search
from training.space import Choice, Float, Int, branches, draw, grid, holds, nearest_point
from training.trying import objective_of
from training.written import point_of, space_of


def written(text):
    """Read spaces as a config's would be."""
    return config(search={"spaces": text}).search.spaces


def linear(**space):
    known = written({"linear": space})["linear"]
    return space_of(family_named("linear"), "binary", "log_loss", known, seed=0)


def test_a_config_overrides_a_space_in_part():
    usual = family_named("linear").space("binary", "log_loss")
    space = linear(C={"float": ["1e-4", 10], "log": True}, max_iter=300, warm_start=True)
    assert space["C"] == Float(1e-4, 10.0, start=pytest.approx(10**-1.5), log=True)
    assert space["max_iter"] == Choice((300,))
    assert space["warm_start"] == Choice((True,))
    kept = set(usual) - {"C", "max_iter"}
    assert {name: space[name] for name in kept} == {name: usual[name] for name in kept}


def test_what_a_change_rules_out_is_gone():
    space = linear(solver="lbfgs")
    assert "l1_ratio" not in space


def test_conditions_and_their_order():
    space = linear(
        l1_ratio={"choice": [0.0, 1.0], "when": {"solver": "liblinear"}},
        solver={"choice": ["liblinear", "lbfgs"]},
    )
    names = list(space)
    assert names.index("solver") < names.index("l1_ratio")
    points = [draw(space, np.random.default_rng(seed)) for seed in range(20)]
    assert {("l1_ratio" in p) == (p["solver"] == "liblinear") for p in points} == {True}


@pytest.mark.parametrize(
    ("space", "said"),
    [
        ({"C": {"float": [2, 1]}}, "search.spaces.linear.C: .2, 1.: the bounds are reversed"),
        ({"C": {"float": [0, 1], "log": True}}, "the lower bound must be above 0"),
        ({"C": {"int": [1, 9], "start": 10}}, "start = 10 is outside"),
        ({"C": {"flot": [1, 2]}}, "unknown key 'search.spaces.linear.C.flot'"),
        ({"C": {"choice": []}}, "search.spaces.linear.C.choice"),
        ({"C": {"float": [1, 2], "when": {"a": 1, "b": 2}}}, "search.spaces.linear.C.when"),
    ],
)
def test_a_range_that_cannot_be_is_refused(space, said):
    with pytest.raises(BadConfig, match=said):
        written({"linear": space})


@pytest.mark.parametrize(
    ("space", "said"),
    [
        ({"penalti": "l2"}, "unexpected keyword argument 'penalti'"),
        ({"C": {"float": [1, 2], "when": {"depth": 3}}}, "depends on 'depth', which is not there"),
        ({"tol": {"float": [1, 2], "when": {"C": 1.0}}}, "depends on 'C', which is a number"),
        (
            {"C": {"float": [1, 2], "when": {"solver": "sag"}}},
            "matters when solver is 'sag', which it never is",
        ),
    ],
)
def test_a_space_that_the_family_cannot_have_is_refused(space, said):
    with pytest.raises(BadConfig, match=said):
        linear(**space)


def test_points_are_completed_and_checked():
    spaces = {"linear": linear()}
    family, point = point_of(spaces, {"family": "linear", "C": 0.5, "solver": "saga"})
    assert (family, point["C"], point["l1_ratio"]) == ("linear", 0.5, 0.0)
    for wrong in ({"C": 1e9}, {"solver": "sag"}, {"l1_ratio": 0.5}, {"depth": 3}):
        with pytest.raises(BadConfig, match="is no point of family 'linear'"):
            point_of(spaces, {"family": "linear", **wrong})
    with pytest.raises(BadConfig, match="family 'tree' is not searched"):
        point_of(spaces, {"family": "tree"})


def test_a_config_survives_being_stored():
    made = config(
        search={
            "spaces": {"linear": {"C": {"float": [0.1, 1]}, "solver": {"choice": ["saga", None]}}},
            "points": [{"family": "linear", "C": 0.5}],
        }
    )
    assert parse_config(made.model_dump(mode="json"), source="again") == made


SPACES = st.fixed_dictionaries(
    {
        "a": st.sampled_from([Choice((1, 2)), Choice(("x", None, True)), Choice((0.5,))]),
        "b": st.sampled_from(
            [Int(1, 4, 2), Int(1, 1000, 10, log=True), Float(0.1, 9, 1, log=True)]
        ),
    }
)


@given(SPACES, st.integers(1, 5), st.integers(0, 99))
def test_grids_hold_points_of_the_space_once_each(space, count, seed):
    parent = space["a"].options[0]
    space = {**space, "c": Float(-1, 1, 0, when=("a", (parent,)))}
    points = grid(space, count)
    assert len({tuple(point.items()) for point in points}) == len(points)
    for point in [*points, draw(space, np.random.default_rng(seed))]:
        assert ("c" in point) == (point["a"] == parent and type(point["a"]) is type(parent))
        assert all(holds(space[name], value) for name, value in point.items())
        assert nearest_point(space, point) == point
    assert len(list(branches(space))) == len(space["a"].options)


def test_a_grid_is_scikit_learns_where_nothing_depends():
    space = {"a": Choice((1, 2)), "b": Float(0, 1, 0), "c": Int(1, 100, 1, log=True)}
    known = ParameterGrid({"a": [1, 2], "b": [0.0, 0.5, 1.0], "c": [1, 10, 100]})
    assert sorted(map(str, grid(space, 3))) == sorted(str(dict(sorted(p.items()))) for p in known)


EVERY = [
    (backend, sampler) for backend in BACKENDS for sampler in SAMPLERS[backend] if sampler != "atpe"
]


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize(("backend", "sampler"), EVERY)
def test_every_backend_searches_every_task(backend, sampler, task):
    made = config(
        search={
            "backend": backend,
            "sampler": sampler,
            "families": ["tree"],
            "folds": 2,
            "spaces": {
                "tree": {"criterion": "gini", "max_features": 0.5} if task != "regression"
                else {"max_features": 0.5}
            },
        }
    )  # fmt: skip
    columns = schema(task)
    metric = metric_named(None, columns)
    losses = {"tree": loss_for(family_named("tree"), task, "auto", metric.name)}
    objective = objective_of(rows(task, 120), columns, made, metric, losses)
    runs = [
        search(objective, Plan(trials=6, seconds=1e9, seed=1, clock=Ticks(), backend=backend,
                               sampler=sampler))
        for _ in range(2)
    ]  # fmt: skip
    assert runs[0] == runs[1]
    assert {record.state for record in runs[0]} <= {"complete", "pruned"}
    assert runs[0][0].params == objective.starts[0][1]


def test_boosting_is_scored_as_it_grows():
    told = {"families": ["boosting"], "folds": 3}
    made = config(search={**told, "stages": 3, "pruner": "hyperband"})
    columns = schema("regression")
    metric = metric_named(None, columns)
    objective = objective_of(
        rows("regression", 120), columns, made, metric, {"boosting": "absolute_error"}
    )
    assert objective.steps("boosting") == 9
    start = objective.starts[0][1]
    scores = list(objective.scores(Proposal(0, "boosting", {**start, "max_iter": 31})))
    assert [score.final for score in scores] == [False, False, True] * 3
    whole = objective_of(
        rows("regression", 120),
        columns,
        config(search=told),
        metric,
        {"boosting": "absolute_error"},
    )
    at_once = [s.value for s in whole.scores(Proposal(0, "boosting", {**start, "max_iter": 31}))]
    assert [s.value for s in scores if s.final] == pytest.approx(at_once, rel=1e-3)
    records = search(
        objective,
        Plan(trials=12, seconds=1e9, seed=1, clock=Ticks(), pruner="hyperband"),
    )
    pruned = [record for record in records if record.state == "pruned"]
    assert pruned
    assert all(len(record.folds) < 3 for record in pruned)


@pytest.mark.parametrize(
    ("count", "told", "folds"), [(5_000, {}, 5), (5_001, {}, 3), (200, {"folds": 4}, 4)]
)
def test_few_rows_are_scored_on_more_folds(count, told, folds):
    columns, in_time = schema("regression"), schema("regression", timestamp=True)
    metric = metric_named(None, columns)
    made = config(search={"families": ["linear"], **told})
    losses = {"linear": "squared_error"}
    frame = rows("regression", count)
    assert len(objective_of(frame, columns, made, metric, losses).folds) == folds
    dated = objective_of(frame, in_time, made, metric, losses)
    assert len(dated.folds) == told.get("folds", 3)
