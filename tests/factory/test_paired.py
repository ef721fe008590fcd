from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import signal, stats
from sklearn.metrics import roc_auc_score

from factory.metrics import Metric
from factory.paired import Paired

CLASSES = ("no", "yes")
MAE = Metric("mean_absolute_error", greater_is_better=False, task="regression", classes=())
RMSE = replace(MAE, name="root_mean_squared_error")
ACCURACY = Metric("accuracy", greater_is_better=True, task="binary", classes=CLASSES)
AUC = replace(ACCURACY, name="roc_auc")


def errors(rng, rows, scale=1.0):
    return np.zeros(rows), rng.normal(size=rows), scale * rng.normal(size=rows)


def classified(rng, rows, strength):
    yes = rng.random(rows) < 0.4
    shared = rng.normal(size=rows)
    said = []
    for each in (1.0, strength):
        score = each * yes + 0.7 * shared + 0.7 * rng.normal(size=rows)
        likely = 1 / (1 + np.exp(-score))
        said.append(np.stack([1 - likely, likely], axis=1))
    return np.where(yes, "yes", "no").astype(object), *said


@pytest.mark.parametrize("seed", range(6))
def test_without_skewness_against_it_a_gain_is_a_paired_t_test(seed):
    y, a, b = errors(np.random.default_rng(seed), 60, 0.9)
    told = stats.ttest_rel(np.abs(a), np.abs(b), alternative="greater")
    found = Paired.of(MAE, y, a, b).p_value()
    if stats.skew(np.abs(a) - np.abs(b)) >= 0:
        assert found == pytest.approx(told.pvalue)
    else:
        assert found > told.pvalue


@given(st.integers(0, 10_000), st.sampled_from([MAE, RMSE, AUC, ACCURACY]))
def test_bounds_are_where_the_p_value_is_the_level(seed, metric):
    rng = np.random.default_rng(seed)
    rows = errors(rng, 80, 0.8) if metric.task == "regression" else classified(rng, 80, 1.5)
    found = Paired.of(metric, *rows)
    low, high = found.bound(0.05), found.bound(0.05, upper=True)
    assert low <= high
    for bound, worse in ((low, False), (high, True)):
        if np.isfinite(bound):
            assert found.p_value(bound, worse=worse) == pytest.approx(0.05, abs=1e-3)
    assert found.bound(0.005) <= low


@given(st.integers(0, 10_000))
def test_no_scale_of_the_target_matters(seed):
    y, a, b = errors(np.random.default_rng(seed), 50, 0.8)
    one, other = Paired.of(RMSE, y, a, b), Paired.of(RMSE, 7 * y, 7 * a, 7 * b)
    assert one.p_value(-0.1) == pytest.approx(other.p_value(-0.1))
    assert one.gain == pytest.approx(other.gain)


def test_the_error_of_an_area_is_delongs():
    y, a, b = classified(np.random.default_rng(1), 2_000, 1.4)
    found = Paired.of(AUC, y, a, b)
    yes = y == "yes"

    def placements(scores):
        ranks, inner, outer = (stats.rankdata(s) for s in (scores, scores[yes], scores[~yes]))
        m, n = yes.sum(), (~yes).sum()
        return (ranks[yes] - inner) / n, 1 - (ranks[~yes] - outer) / m

    sides = [placements(o[:, 1]) for o in (a, b)]
    gain = roc_auc_score(yes, b[:, 1]) - roc_auc_score(yes, a[:, 1])
    spread = [np.var(sides[1][k] - sides[0][k], ddof=1) / len(sides[0][k]) for k in (0, 1)]
    mean, error, _, _ = found._contrast(0.0)  # noqa: SLF001
    assert mean == pytest.approx(gain)
    assert error == pytest.approx(np.sqrt(sum(spread)), rel=0.3)


def test_neighbours_that_resemble_each_other_make_a_gain_less_sure():
    rng = np.random.default_rng(2)
    same = [signal.lfilter([1], [1, -0.9], rng.normal(size=500)) for _ in range(2)]
    apart = Paired.of(MAE, np.zeros(500), same[0], 0.9 * same[1])
    ordered = replace(MAE, ordered=True)
    together = Paired.of(ordered, np.zeros(500), same[0], 0.9 * same[1])
    assert together.detectable(0.05) > 1.5 * apart.detectable(0.05)


@pytest.mark.parametrize("metric", [MAE, RMSE, ACCURACY, AUC])
@pytest.mark.parametrize("rows", [0, 1, 3])
def test_few_rows_say_nothing(metric, rows):
    rng = np.random.default_rng(3)
    some = errors(rng, rows) if metric.task == "regression" else classified(rng, rows, 1.0)
    found = Paired.of(metric, *some)
    assert np.isnan(found.p_value())
    assert np.isnan(found.bound(0.05))
    assert found.rows_needed(0.1, 0.05) is None


def test_models_that_say_the_same_gain_nothing():
    y, a, _ = errors(np.random.default_rng(4), 50)
    found = Paired.of(MAE, y, a, a)
    assert found.gain == 0
    assert found.p_value() == 1
    assert found.p_value(-0.02) < 1e-6


def test_infinite_losses_are_told_as_unknown():
    y, a, _ = errors(np.random.default_rng(5), 50)
    assert np.isnan(Paired.of(RMSE, y, a, np.full(50, 1e200)).p_value())


@pytest.mark.parametrize("ordered", [False, True])
@pytest.mark.parametrize(("metric", "border"), [(MAE, 0.0), (RMSE, -0.05), (ACCURACY, 0.0)])
def test_null_challengers_pass_at_most_at_the_stated_rate(metric, border, ordered):
    metric = replace(metric, ordered=ordered)
    passed = 0
    for seed in range(400):
        rng = np.random.default_rng(seed)
        rows = errors(rng, 60) if metric.task == "regression" else classified(rng, 60, 1.0)
        if border:
            rows = rows[0], rows[1], (1 - border) * rows[2]
        passed += Paired.of(metric, *rows).p_value(border) <= 0.05
    assert passed <= 34  # of 400 at 5 %; 35 or more has probability below 0.1 %


@pytest.mark.parametrize("metric", [MAE, RMSE, AUC])
def test_the_rows_that_are_needed_show_the_gain_in_four_of_five_samples(metric):
    def rows(rng, n):
        return errors(rng, n, 0.9) if metric.task == "regression" else classified(rng, n, 1.3)

    pilot = Paired.of(metric, *rows(np.random.default_rng(6), 20_000))
    needed = pilot.rows_needed(pilot.gain, 0.05)
    shown = sum(
        Paired.of(metric, *rows(np.random.default_rng(7 + seed), needed)).p_value() <= 0.05
        for seed in range(200)
    )
    assert shown >= 140  # of 200 at 80 %; fewer has probability below 0.1 %
