"""Realised performance alarms when it is worse for certain, and by more than is accepted."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from factory.bundle import Bundle
from factory.config import CheckConfig
from factory.estimate import fit_estimator
from factory.labels import labels_needed
from factory.metrics import metric_named
from factory.nouns import Estimate, Schema
from factory.performance import Foretold, foretell, performance

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
    told = {"seed": 0, "foretold": Foretold(estimated)}
    blind = performance(champion, truth[:0], outputs[:0], CONFIG, **told)
    assert (blind.realised, blind.estimated, blind.alarm) == (None, estimated, alarm)
    seeing = performance(champion, truth, outputs, CONFIG, **told)
    assert (seeing.estimated, seeing.alarm) == (estimated, False)


def test_an_estimate_alarms_at_the_level_that_is_its_share():
    champion = binary(np.random.default_rng(6))
    truth, outputs = champion.reference["y"].to_numpy(), champion.reference_outputs
    value = champion.reference_score - 0.2
    told = {"seed": 0, "foretold": Foretold(Estimate(value, value - 0.16, value + 0.16, 1000))}
    alarms = [
        performance(champion, truth[:0], outputs[:0], CONFIG, level=level, **told).alarm
        for level in (0.025, 0.001)
    ]
    assert alarms == [True, False]


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


def champion_of(rng, task):
    """A champion with an estimator, and a window of 600 rows."""
    schema, metric = (BINARY, "accuracy") if task == "binary" else (REGRESSION, None)
    metric = metric_named(metric, schema)

    def made(rows):
        if task == "binary":
            yes = rng.random(rows)
            truth = np.where(rng.random(rows) < yes, "yes", "no").astype(object)
            return pd.DataFrame({"y": truth}), np.column_stack([1 - yes, yes])
        return pd.DataFrame({"y": np.zeros(rows)}), errors(rng, rows)

    reference, held = made(1000), made(800)
    champion = bundle(schema, metric.name, reference[0]["y"].to_numpy(), reference[1])
    estimator = fit_estimator(metric, schema, *held, seed=0)
    return replace(champion, estimator=estimator), metric, made(600)


def told_of(champion, frame, truth, outputs, seen=0):
    """What a check says of performance; the first rows were seen in training."""
    judged = ~pd.isna(truth)
    judged[:seen] = False
    foretold = foretell(champion, frame, truth, outputs, judged, CONFIG, seed=0)
    return performance(champion, truth[judged], outputs[judged], CONFIG, seed=0, foretold=foretold)


def hidden(truth, labelled):
    truth = truth.copy()
    truth[labelled:] = np.nan if truth.dtype == float else None
    return truth


TASKS = ["binary", "regression"]


@pytest.mark.parametrize("task", TASKS)
def test_labels_instant(task):
    champion, metric, (frame, outputs) = champion_of(np.random.default_rng(7), task)
    truth = frame["y"].to_numpy()
    found = told_of(champion, frame, truth, outputs)
    assert found.realised.value == metric.value(truth, outputs)
    assert found.combined == found.realised
    assert found.estimated is not None


@pytest.mark.parametrize("task", TASKS)
def test_labels_absent(task):
    champion, _, (frame, outputs) = champion_of(np.random.default_rng(8), task)
    found = told_of(champion, frame, hidden(frame["y"].to_numpy(), 0), outputs)
    assert found.realised is None
    assert found.combined == found.estimated
    assert found.estimated.low < found.estimated.value < found.estimated.high
    reference = champion.reference["y"].to_numpy(), champion.reference_outputs
    metric = metric_named(champion.metric, champion.schema)
    shown = {"tolerance": CONFIG.tolerance, "level": 0.025}
    assert found.labels_needed == labels_needed(metric, *reference, **shown)
    assert found.tolerance == CONFIG.tolerance


@pytest.mark.parametrize("task", TASKS)
def test_labels_partial(task):
    champion, metric, (frame, outputs) = champion_of(np.random.default_rng(9), task)
    whole = frame["y"].to_numpy()
    found = told_of(champion, frame, hidden(whole, 300), outputs)
    assert found.realised.rows == 300
    assert found.realised.value == metric.value(whole[:300], outputs[:300])
    assert (found.combined.rows, found.estimated.rows) == (600, 600)
    parts = sorted([found.realised.value, found.estimated.value])
    assert parts[0] - 0.02 <= found.combined.value <= parts[1] + 0.02
    assert found.combined.low <= metric.value(whole, outputs) <= found.combined.high
    reach = [each.high - each.low for each in (found.combined, found.estimated)]
    assert reach[0] < reach[1]


@pytest.mark.parametrize("task", TASKS)
def test_labels_delayed_restate_the_window(task):
    champion, metric, (frame, outputs) = champion_of(np.random.default_rng(10), task)
    whole = frame["y"].to_numpy()
    told = [told_of(champion, frame, hidden(whole, n), outputs) for n in (0, 5, 200, 600)]
    assert [each.realised and each.realised.rows for each in told] == [None, None, 200, 600]
    assert len({each.estimated for each in told}) == 1
    assert len({each.combined for each in told}) == 4
    assert told[-1].combined.value == metric.value(whole, outputs)
    assert told == [told_of(champion, frame, hidden(whole, n), outputs) for n in (0, 5, 200, 600)]


def test_rows_seen_in_training_are_in_no_combined_figure():
    champion, metric, (frame, outputs) = champion_of(np.random.default_rng(11), "regression")
    truth = hidden(frame["y"].to_numpy(), 400)
    found = told_of(champion, frame, truth, outputs, seen=100)
    assert (found.realised.rows, found.combined.rows) == (300, 500)
    assert found.realised.value == metric.value(truth[100:400], outputs[100:400])


def test_a_champion_that_cannot_estimate_still_measures():
    champion, _, (frame, outputs) = champion_of(np.random.default_rng(12), "binary")
    blind = replace(champion, estimator=None)
    found = told_of(blind, frame, hidden(frame["y"].to_numpy(), 300), outputs)
    assert found.realised.rows == 300
    assert (found.estimated, found.combined, found.predicted) == (None, None, None)
