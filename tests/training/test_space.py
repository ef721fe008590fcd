"""Search spaces of all families."""

import numpy as np
import pytest

from factory.errors import BadConfig
from training.families import FAMILIES
from training.family import family_named, loss_for
from training.space import Choice, Float, Int, draw, matters, starting_point

EVERY = [
    (name, task, loss)
    for name in FAMILIES
    for task, losses in family_named(name).losses.items()
    for loss in losses
]


@pytest.mark.parametrize(("name", "task", "loss"), EVERY)
def test_points_lie_in_the_space(name, task, loss):
    space = family_named(name).space(task, loss)
    rng = np.random.default_rng(0)
    for point in [starting_point(space), *(draw(space, rng) for _ in range(50))]:
        assert set(point) == {k for k, dimension in space.items() if matters(dimension, point)}
        for key, value in point.items():
            match space[key]:
                case Choice(options=options):
                    assert value in options
                case Int(low=low, high=high):
                    assert isinstance(value, int)
                    assert low <= value <= high
                case Float(low=low, high=high):
                    assert isinstance(value, float)
                    assert low <= value <= high * (1 + 1e-12)


def test_a_condition_hides_what_does_not_matter():
    space = {"kernel": Choice(("rbf", "poly")), "degree": Int(2, 4, 3, when=("kernel", ("poly",)))}
    points = [draw(space, np.random.default_rng(seed)) for seed in range(20)]
    assert {("degree" in point) == (point["kernel"] == "poly") for point in points} == {True}


@pytest.mark.parametrize(
    ("name", "metric", "loss"),
    [
        ("boosting", "mean_absolute_error", "absolute_error"),
        ("boosting", "r2", "squared_error"),
        ("linear", "median_absolute_error", "absolute_error"),
        ("forest", "mean_absolute_error", "squared_error"),
        ("neighbours", "mean_absolute_error", "squared_error"),
        ("svm", "r2", "absolute_error"),
    ],
)
def test_auto_loss_follows_the_metric(name, metric, loss):
    assert loss_for(family_named(name), "regression", "auto", metric) == loss


def test_a_loss_the_family_lacks():
    with pytest.raises(BadConfig, match="'forest' lacks it for a binary task; it has log_loss"):
        loss_for(family_named("forest"), "binary", "hinge", "accuracy")


def test_an_unknown_family():
    with pytest.raises(BadConfig, match="did you mean 'forest'"):
        family_named("forrest")


def test_every_family_has_every_task():
    assert {(name, task) for name, task, _ in EVERY} == {
        (name, task) for name in FAMILIES for task in ("binary", "multiclass", "regression")
    }
