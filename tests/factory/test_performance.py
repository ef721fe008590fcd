"""Realised performance alarms when it is worse for certain, and by more than is accepted."""

import numpy as np
import pandas as pd
import pytest

from factory.bundle import Bundle
from factory.config import CheckConfig
from factory.metrics import metric_named
from factory.nouns import Estimate, Schema
from factory.performance import performance

CONFIG = CheckConfig(resamples=100)
REGRESSION = Schema((), "y", "regression")
BINARY = Schema((), "y", "binary", classes=("no", "yes"))


def bundle(schema, metric, truth, outputs):
    """A champion of which only the judged reference is known."""
    return Bundle(
        schema=schema,
        pipeline=None,
        family="",
        params={},
        metric=metric,
        reference=pd.DataFrame({"y": truth}),
        reference_outputs=outputs,
        reference_score=metric_named(metric, schema).value(truth, outputs),
        importance={},
        neutral={},
        seen=np.array([], dtype=np.uint64),
    )


def errors(rng, rows, scale=1.0):
    return scale * rng.laplace(size=rows)


def regression(rng, rows=1000):
    return bundle(REGRESSION, "mean_absolute_error", np.zeros(rows), errors(rng, rows))


def binary(rng, rows=1000, metric="accuracy"):
    yes = rng.random(rows)
    truth = np.where(rng.random(rows) < yes, "yes", "no").astype(object)
    return bundle(BINARY, metric, truth, np.column_stack([1 - yes, yes]))


def test_no_change_seldom_alarms_even_with_a_small_reference():
    rng = np.random.default_rng(0)
    for rows, size in [(1000, 500), (150, 2000), (2000, 40)]:
        alarms = [
            performance(
                regression(rng, rows), np.zeros(size), errors(rng, size), CONFIG, seed=seed
            ).alarm
            for seed in range(150)
        ]
        assert np.mean(alarms) <= 0.08


@pytest.mark.parametrize(("scale", "alarm"), [(1.03, False), (1.3, True), (0.5, False)])
def test_a_loss_beyond_the_tolerance_alarms(scale, alarm):
    rng = np.random.default_rng(1)
    champion = regression(rng, 20_000)
    found = performance(champion, np.zeros(20_000), errors(rng, 20_000, scale), CONFIG, seed=0)
    assert found.alarm is alarm
    assert found.realised.low < found.realised.value < found.realised.high
    assert found.realised.rows == 20_000


@pytest.mark.parametrize("metric", ["accuracy", "roc_auc", "f1", "log_loss"])
def test_scores_and_errors_alarm_on_their_own_worse_side(metric):
    rng = np.random.default_rng(2)
    champion = binary(rng, metric=metric)
    truth, outputs = champion.reference["y"].to_numpy(), champion.reference_outputs
    swapped = np.where(rng.random(1000) < 0.3, np.where(truth == "yes", "no", "yes"), truth)
    worse = performance(champion, swapped.astype(object), outputs, CONFIG, seed=0)
    assert worse.alarm
    sure = np.where(truth == "yes", 0.95, 0.05)
    better = performance(champion, truth, np.column_stack([1 - sure, sure]), CONFIG, seed=0)
    assert not better.alarm


def test_a_large_loss_on_few_rows_is_no_proof():
    rng = np.random.default_rng(3)
    champion = regression(rng)
    now = np.zeros(12), np.array([0.1, 0.3, 0.5, 0.6, 0.8, 0.9, 1.0, 1.2, 1.5, 2.0, 2.8, 4.0])
    found = performance(champion, *now, CheckConfig(), seed=0)
    assert found.realised.value > 1.05 * champion.reference_score
    assert not found.alarm


def test_too_few_rows_or_one_class_say_nothing():
    rng = np.random.default_rng(4)
    champion = binary(rng, metric="roc_auc")
    truth, outputs = champion.reference["y"].to_numpy(), champion.reference_outputs
    for rows in (truth[:9], np.full(50, "yes", dtype=object), truth[:0]):
        found = performance(champion, rows, outputs[: len(rows)], CONFIG, seed=0)
        assert (found.realised, found.alarm) == (None, False)
        assert found.reference == champion.reference_score


@pytest.mark.parametrize(
    ("metric", "value", "spread", "alarm"),
    [
        ("log_loss", 1.0, 0.05, True),
        ("log_loss", 1.0, 0.6, False),
        ("log_loss", 0.1, 0.05, False),
        ("accuracy", 0.5, 0.05, True),
        ("accuracy", 0.5, 0.4, False),
        ("accuracy", 0.98, 0.01, False),
    ],
)
def test_an_estimate_alarms_only_where_nothing_is_realised(metric, value, spread, alarm):
    champion = binary(np.random.default_rng(6), metric=metric)
    truth, outputs = champion.reference["y"].to_numpy(), champion.reference_outputs
    estimated = Estimate(value, value - spread, value + spread, 1000)
    told = {"seed": 0, "estimated": estimated}
    blind = performance(champion, truth[:0], outputs[:0], CONFIG, **told)
    assert (blind.realised, blind.estimated, blind.alarm) == (None, estimated, alarm)
    seeing = performance(champion, truth, outputs, CONFIG, **told)
    assert (seeing.estimated, seeing.alarm) == (estimated, False)


def test_rows_without_a_label_do_not_count():
    rng = np.random.default_rng(5)
    champion = binary(rng)
    truth, outputs = champion.reference["y"].to_numpy(), champion.reference_outputs
    gaps = truth.copy()
    gaps[::2] = None
    found = performance(champion, gaps, outputs, CONFIG, seed=0)
    assert (
        found.realised == performance(champion, truth[1::2], outputs[1::2], CONFIG, seed=0).realised
    )
    assert found.realised.rows == 500
