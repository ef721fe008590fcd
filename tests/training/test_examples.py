"""The example configs are searched as they stand, with fewer trials."""

from pathlib import Path

import pytest
from sklearn.datasets import load_breast_cancer
from training_rows import Ticks

from factory.config import load_config
from factory.metrics import metric_named
from factory.nouns import Column, Schema
from training.family import family_named, loss_for
from training.search.run import search
from training.trying import IN_MEMORY, objective_of, plan_of

EXAMPLES = Path(__file__).parents[2] / "configs" / "examples"


def benign():
    X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    columns = tuple(Column(name, "number") for name in X)
    frame = X.assign(target=y.astype(str).astype(object))
    return frame, Schema(columns, "target", "binary", classes=("0", "1"))


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_example_is_a_config(path):
    config = load_config(path)
    for family in config.search.families:
        assert family_named(family).name == family


@pytest.mark.parametrize("name", ["lecture_hyperopt", "lecture_optuna"])
def test_the_lectures_search_reaches_its_score(name):
    config = load_config(EXAMPLES / f"{name}.yaml")
    small = config.search.model_copy(update={"trials": 8, "folds": 3})
    config = config.model_copy(update={"search": small})
    frame, schema = benign()
    metric = metric_named(config.metric, schema)
    losses = {"linear": loss_for(family_named("linear"), "binary", "auto", metric.name)}
    objective = objective_of(frame, schema, config, metric, losses)
    records = search(objective, plan_of(config, Ticks(), None, IN_MEMORY))
    assert len(records) == 8
    assert {("l1_ratio" in r.params) == (r.params["solver"] == "saga") for r in records} == {True}
    assert max(record.score for record in records if record.state == "complete") > 0.97
