"""What a search leaves to look at."""

import numpy as np
import pytest
from training_rows import TASKS, Ticks, config, rows, schema

from factory.metrics import metric_named
from training.curves import curves_of
from training.family import family_named, loss_for
from training.objective import TrialRecord, ranked
from training.plan import Plan
from training.search.importance import importances
from training.search.run import search
from training.space import Choice, Float
from training.trying import objective_of


@pytest.mark.parametrize("task", TASKS)
def test_a_deep_tree_learns_its_rows_by_heart(task):
    columns = schema(task)
    made = config(search={"families": ["tree"], "folds": 2, "spaces": {"tree": {
        "max_depth": {"int": [1, 16]}, "min_samples_leaf": 1, "min_samples_split": 2,
        "ccp_alpha": 0.0, "max_features": None}}})  # fmt: skip
    metric = metric_named(None, columns)
    losses = {"tree": loss_for(family_named("tree"), task, "auto", metric.name)}
    objective = objective_of(rows(task, 300), columns, made, metric, losses)
    records = search(objective, Plan(trials=12, seconds=1e9, seed=0, clock=Ticks()))
    curves = curves_of(objective, ranked(records, metric)[0], records)
    assert curves == curves_of(objective, ranked(records, metric)[0], records)
    assert curves.dial == "max_depth"
    assert [point.at for point in curves.capacity] == [1, 5, 8, 12, 16]
    first, last = curves.capacity[0], curves.capacity[-1]
    assert metric.gain(first.train, last.train) > 0.05
    gap = [metric.gain(point.validation, point.train) for point in (first, last)]
    assert gap[1] > gap[0]
    sizes = [point.at for point in curves.learning]
    assert sizes == sorted(sizes)
    assert sizes[-1] == 150


def test_what_matters_is_found():
    rng = np.random.default_rng(0)
    space = {"big": Float(0, 1, 0.5), "small": Float(0, 1, 0.5), "same": Choice((1,))}
    records = []
    for number in range(60):
        big, small = rng.random(2)
        score = 10 * big + 0.1 * small
        params = {"big": float(big), "small": float(small), "same": 1}
        records.append(TrialRecord(number, "f", params, "complete", score, (), 0.0, 1.0))
    found = importances(records, "f", space, seed=0)
    assert list(found) == ["big", "small"]
    assert found["big"] > 0.9
    assert importances(records[:5], "f", space, seed=0) == {}
    assert importances(records, "other", space, seed=0) == {}
