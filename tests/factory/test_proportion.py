"""Shares of few rows: their falls by chance are as rare as the p-values say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import fisher_exact
from sklearn.metrics import accuracy_score, f1_score, jaccard_score, precision_score, recall_score

from factory.breakdown.fall import fall
from factory.breakdown.proportion import compare, proportion
from factory.breakdown.rates import Rate
from factory.config import CheckConfig
from factory.metrics import metric_named
from factory.nouns import Schema

CLASSES = ("no", "yes")
SCORES = {
    "accuracy": accuracy_score,
    "f1": lambda y, said: f1_score(y, said, pos_label="yes"),
    "jaccard": lambda y, said: jaccard_score(y, said, pos_label="yes"),
    "precision": lambda y, said: precision_score(y, said, pos_label="yes"),
    "recall": lambda y, said: recall_score(y, said, pos_label="yes"),
}


def named(name, *, ordered=False):
    schema = Schema((), "y", "binary", timestamp="t" if ordered else None, classes=CLASSES)
    return metric_named(name, schema)


def side(rng, rows, positive):
    """Rows of which that share is positive, half of them found."""
    truth = rng.random(rows) < positive
    said = np.where(truth, rng.random(rows) < 0.5, rng.random(rows) < 0.3 * positive)
    chance = np.where(said, 0.8, 0.2)
    return np.where(truth, "yes", "no"), np.column_stack([1 - chance, chance])


@pytest.mark.parametrize("name", SCORES)
def test_a_share_is_the_metric_or_rises_with_it(name):
    y, outputs = side(np.random.default_rng(0), 300, 0.3)
    rate = proportion(named(name), y, outputs)
    share = rate.some.sum() / rate.of.sum()
    told = 2 * share / (1 + share) if name == "f1" else share
    assert told == pytest.approx(SCORES[name](y, np.array(CLASSES)[outputs.argmax(axis=1)]))


def test_other_metrics_are_no_share():
    y, outputs = side(np.random.default_rng(0), 50, 0.3)
    assert proportion(named("roc_auc"), y, outputs) is None
    several = metric_named(
        "precision_macro", Schema((), "y", "multiclass", classes=("a", "b", "c"))
    )
    assert proportion(several, np.array(["a"]), np.array([[0.5, 0.2, 0.3]])) is None


@pytest.mark.parametrize("name", ["f1", "precision", "recall"])
@pytest.mark.parametrize("sizes", [(1_000, 200), (400, 60), (100, 100)])
@pytest.mark.parametrize("positive", [0.4, 0.03])
def test_falls_by_chance_are_as_rare_as_their_p_values_say(name, sizes, positive):
    rng = np.random.default_rng(1)
    p_values = []
    for _ in range(500):
        shares = [proportion(named(name), *side(rng, rows, positive)) for rows in sizes]
        found = compare(named(name), *shares)
        p_values.append(1.0 if found is None else found.p_value)
    p_values = np.array(p_values)
    # Binomial bounds at one in a thousand.
    assert (p_values <= 0.05).sum() <= 41
    assert (p_values <= 0.01).sum() <= 13


@given(*[st.tuples(st.integers(0, 40), st.integers(2, 40)) for _ in range(2)])
def test_the_p_value_is_fishers_less_half_of_what_was_seen(before, now):
    (hits, rows), (hits_now, rows_now) = ((min(hits, rows), rows) for hits, rows in (before, now))
    shares = [
        Rate(np.repeat([1.0, 0.0], [some, of - some]), np.ones(of))
        for some, of in ((hits, rows), (hits_now, rows_now))
    ]
    found = compare(named("precision"), *shares)
    table = [[hits_now, rows_now - hits_now], [hits, rows - hits]]
    fewer, more = (fisher_exact(table, alternative=side).pvalue for side in ("less", "greater"))
    # Both tails hold what was seen.
    seen = fewer + more - 1
    assert found.p_value == pytest.approx(fewer - seen / 2, abs=1e-9)


def test_rows_that_repeat_each_other_count_once():
    rng = np.random.default_rng(2)
    rates = [
        Rate(np.repeat((rng.random(100) < share).astype(float), 8), np.ones(800))
        for share in (0.97, 0.8)
    ]
    alone, together = (compare(named("accuracy", ordered=o), *rates) for o in (False, True))
    assert together.p_value > 10 * alone.p_value
    assert together.error > 2 * alone.error


def test_a_model_that_no_longer_says_yes_has_no_precision_to_fall():
    y, outputs = side(np.random.default_rng(3), 400, 0.3)
    never = np.tile([0.9, 0.1], (400, 1))
    found = fall(named("precision"), (y, outputs), (y, never), CheckConfig(), level=0.05, seed=0)
    assert (found.p_value, found.alarm) == (None, None)
    found = fall(named("recall"), (y, outputs), (y, never), CheckConfig(), level=0.05, seed=0)
    assert found.alarm
