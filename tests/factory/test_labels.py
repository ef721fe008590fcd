"""How many labels would tell: held against windows that did fall."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import signal

from factory.labels import labels_needed
from factory.metrics import metric_named
from factory.nouns import Schema

REGRESSION = Schema((), "y", "regression")
BINARY = Schema((), "y", "binary", classes=("no", "yes"))
LEVEL = 0.025


def regression(rng, rows, scale=1.0):
    return np.zeros(rows), scale * rng.normal(size=rows)


def binary(rng, rows, flipped=0.0):
    yes = rng.beta(0.7, 0.7, rows)
    labels = rng.random(rows) < np.where(rng.random(rows) < flipped, 1 - yes, yes)
    truth = np.where(labels, "yes", "no").astype(object)
    return truth, np.column_stack([1 - yes, yes])


@pytest.mark.parametrize(
    ("name", "schema", "made", "fallen"),
    [
        ("mean_absolute_error", REGRESSION, regression, {"scale": 1.1}),
        ("root_mean_squared_error", REGRESSION, regression, {"scale": 1.1}),
        ("accuracy", BINARY, binary, {"flipped": 0.12}),
        ("log_loss", BINARY, binary, {"flipped": 0.12}),
        ("roc_auc", BINARY, binary, {"flipped": 0.12}),
        ("f1", BINARY, binary, {"flipped": 0.12}),
    ],
)
def test_that_many_labels_show_the_fall_in_four_of_five_windows(name, schema, made, fallen):
    rng = np.random.default_rng(0)
    metric = metric_named(name, schema)
    reference = made(rng, 20_000)
    score = metric.value(*reference)
    fall = -metric.gain(score, metric.value(*made(rng, 200_000, **fallen)))
    needed = labels_needed(metric, *reference, tolerance=fall, level=LEVEL)
    sound = [metric.value(*made(rng, needed)) for _ in range(300)]
    worse = [metric.value(*made(rng, needed, **fallen)) for _ in range(300)]
    tail = LEVEL if metric.greater_is_better else 1 - LEVEL
    bound = np.quantile(sound, tail)
    seen = np.mean(worse < bound if metric.greater_is_better else worse > bound)
    assert 0.65 < seen < 0.93


def test_less_of_a_fall_needs_more_labels_until_none_would_do():
    metric = metric_named("mean_absolute_error", REGRESSION)
    reference = regression(np.random.default_rng(1), 2000)
    counts = [
        labels_needed(metric, *reference, tolerance=fall, level=LEVEL) for fall in (1, 0.2, 0.1)
    ]
    assert counts[0] < counts[1] < counts[2]
    assert labels_needed(metric, *reference, tolerance=0.02, level=LEVEL) is None
    assert labels_needed(metric, *reference, tolerance=0.0, level=LEVEL) is None


def test_rows_that_hang_together_need_more_labels():
    rng = np.random.default_rng(2)
    errors = np.repeat(rng.normal(size=2000), 10)
    alone, together = (
        labels_needed(
            metric_named("mean_absolute_error", Schema((), "y", "regression", timestamp=time)),
            np.zeros(20_000),
            errors,
            tolerance=0.2,
            level=LEVEL,
        )
        for time in (None, "t")
    )
    assert together > 5 * alone


def test_undefined_metrics_need_no_number():
    metric = metric_named("roc_auc", BINARY)
    one_class = np.full(100, "yes", dtype=object), np.tile([0.4, 0.6], (100, 1))
    assert labels_needed(metric, *one_class, tolerance=0.1, level=LEVEL) is None
    exact = metric_named("mean_absolute_error", REGRESSION)
    assert labels_needed(exact, np.zeros(50), np.zeros(50), tolerance=0.1, level=LEVEL) is None


def test_a_champion_without_errors_needs_more_than_a_handful_of_labels():
    truth = np.array(["no", "yes"] * 500, dtype=object)
    said = np.tile([[0.9, 0.1], [0.1, 0.9]], (500, 1))
    told = {"tolerance": 0.05, "level": LEVEL}
    assert labels_needed(metric_named("accuracy", BINARY), truth, said, **told) > 100
    assert labels_needed(metric_named("f1", BINARY), truth, said, **told) is None


def test_rows_in_time_order_need_more_labels_also_for_a_metric_that_is_no_mean():
    rng = np.random.default_rng(0)
    yes = rng.random(20_000) < 0.3
    mood = signal.lfilter([0.2], [1, -0.98], rng.normal(size=20_000))
    likely = 1 / (1 + np.exp(-((1.5 + mood) * yes + rng.normal(size=20_000))))
    said = np.column_stack([1 - likely, likely])
    truth = np.where(yes, "yes", "no").astype(object)
    metric = replace(metric_named("roc_auc", BINARY), ordered=True)
    needed = labels_needed(metric, truth, said, tolerance=0.05, level=LEVEL)
    alone = labels_needed(metric_named("roc_auc", BINARY), truth, said, tolerance=0.05, level=LEVEL)
    assert needed > 1.3 * alone
