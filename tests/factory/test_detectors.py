"""Detectors against scipy, at their edges, and under no change at all."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from factory.budget import AlarmBudget
from factory.config import CheckConfig
from factory.detectors.chi2 import chi2, counts, pooled
from factory.detectors.domain import FEWEST, ROWS, domain_classifier
from factory.detectors.features import detector, signals
from factory.detectors.finding import NOTHING
from factory.detectors.ks import ks
from factory.detectors.shares import missing, unseen
from factory.nouns import Column, Schema
from factory.profile import Categories, Numbers, Profile
from factory.summary import Summary


def numbers(values):
    return Numbers.of(np.array(values, dtype=np.float64))


def categories(values):
    return Categories.of(np.array(values, dtype=object))


def gaps(missing, rows):
    return Summary(np.arange(rows) < missing)


@pytest.mark.parametrize("seed", range(20))
def test_ks_equals_scipy(seed):
    rng = np.random.default_rng(seed)
    n, m = rng.integers(5, 3000, size=2)
    before, now = rng.normal(size=n), rng.normal(0.1 * (seed % 4), size=m)
    if seed % 2:
        before, now = before.round(1), now.round(1)
    found = ks(numbers(before), numbers(now))
    theirs = stats.ks_2samp(before, now, method="asymp")
    assert found.statistic == pytest.approx(theirs.statistic, abs=1e-12)
    assert found.p_value == pytest.approx(theirs.pvalue, abs=1e-8)
    assert found.effect == found.statistic


def test_ks_equals_scipy_where_it_chooses_by_itself():
    rng = np.random.default_rng(1)
    before, now = rng.normal(size=12_000), rng.normal(0.03, size=700)
    theirs = stats.ks_2samp(before, now)
    found = ks(numbers(before), numbers(now))
    assert found.statistic == pytest.approx(theirs.statistic, abs=1e-12)
    assert found.p_value == pytest.approx(theirs.pvalue, abs=1e-8)


@given(
    st.lists(st.integers(-3, 3), min_size=2, max_size=30),
    st.lists(st.integers(-3, 3), min_size=2, max_size=30),
)
def test_ks_is_scipys_distance_for_any_ties_and_symmetric(before, now):
    found = ks(numbers(before), numbers(now))
    theirs = stats.ks_2samp(before, now, method="asymp")
    assert found.statistic == pytest.approx(theirs.statistic, abs=1e-12)
    assert ks(numbers(now), numbers(before)) == found


def letters(rng, shares, rows):
    return categories([f"v{code}" for code in rng.choice(len(shares), size=rows, p=shares)])


@pytest.mark.parametrize("seed", range(20))
def test_chi2_equals_scipy_on_the_pooled_table(seed):
    rng = np.random.default_rng(seed)
    shares = rng.dirichlet(np.full(3 + 5 * seed, 0.5))
    before, now = letters(rng, shares, 900), letters(rng, rng.permutation(shares), 300)
    table = pooled(counts(before, now))
    assert table.sum() == 1200
    theirs = stats.chi2_contingency(table, correction=False)
    assert theirs.expected_freq.min() >= 5
    found = chi2(before, now)
    assert found.statistic == pytest.approx(theirs.statistic)
    assert found.p_value == pytest.approx(theirs.pvalue, abs=1e-12)
    both = table / table.sum(axis=1, keepdims=True)
    assert found.effect == pytest.approx(np.abs(both[0] - both[1]).sum() / 2)


def test_common_categories_are_not_pooled():
    table = np.array([[90.0, 60.0, 50.0], [40.0, 30.0, 30.0]])
    assert pooled(table).tolist() == table.tolist()


@pytest.mark.parametrize(("before", "now"), [((10, 500), (40, 500)), ((0, 500), (3, 40))])
def test_missing_equals_scipy(before, now):
    found = missing(gaps(*before), gaps(*now))
    table = [[hits, rows - hits] for hits, rows in (before, now)]
    chi = stats.chi2_contingency(table, correction=False)
    exact = stats.fisher_exact(table).pvalue
    assert found.statistic == pytest.approx(chi.statistic)
    assert found.p_value == pytest.approx(exact if chi.expected_freq.min() < 5 else chi.pvalue)
    assert found.effect == pytest.approx(abs(before[0] / before[1] - now[0] / now[1]))


def test_unseen_is_the_share_beyond_what_single_categories_make_one_expect():
    plates = categories([f"plate {number}" for number in range(300)])
    others = categories([f"other {number}" for number in range(300)])
    assert unseen(plates, others) == NOTHING
    carriers = categories(["a", "b", "c"] * 100)
    found = unseen(carriers, categories(["a", "new", None, "b"] * 50))
    assert found.effect == pytest.approx(1 / 3)
    assert found.p_value < 1e-6
    assert unseen(carriers, categories(["a", "b"] * 50)) == NOTHING


@pytest.mark.parametrize("name", ["ks", "chi2", "missing", "unseen"])
def test_p_values_are_uniform_or_larger_when_nothing_changed(name):
    rng = np.random.default_rng(11)
    shares = np.full(30, 1 / 30)

    def draw(rows):
        if name == "ks":
            return numbers(rng.normal(size=rows))
        if name == "missing":
            return gaps(int(rng.binomial(rows, 0.1)), rows)
        if name == "unseen":
            return categories(rng.zipf(2, size=rows).astype(str))
        return letters(rng, shares, rows)

    p_values = [detector(name)(draw(600), draw(300)).p_value for _ in range(300)]
    assert np.mean(np.array(p_values) < 0.05) < 0.09


MIXED = Schema((Column("n", "number"), Column("c", "category"), Column("d", "date")), "y", "binary")


def table(rng, rows, shift=0.0):
    days = pd.Timestamp("2020-01-01") + pd.to_timedelta(np.arange(rows) + 1000 * shift, unit="D")
    return pd.DataFrame(
        {
            "n": rng.normal(shift, size=rows),
            "c": rng.choice(np.array(["a", "b", "c"], dtype=object), size=rows),
            "d": days,
        }
    )


def test_dates_are_not_tested_for_drift():
    rng = np.random.default_rng(0)
    pair = [Profile.of(table(rng, 300, shift), MIXED) for shift in (0.0, 1.0)]
    found = signals(*pair, MIXED, CheckConfig(), AlarmBudget())
    assert [(s.feature, s.kind, s.detector, s.alarm) for s in found] == [
        ("n", "number", "ks", True),
        ("c", "category", "chi2", False),
    ]


def test_a_signal_alarms_only_if_certain_large_and_not_silent():
    rng = np.random.default_rng(0)
    pair = [Profile.of(table(rng, 20_000, shift), MIXED) for shift in (0.0, 0.1)]
    first = signals(*pair, MIXED, CheckConfig(), AlarmBudget())[0]
    assert first.p_value < 1e-6
    assert not first.alarm
    assert signals(*pair, MIXED, CheckConfig(minimum_effect=0.01), AlarmBudget())[0].alarm
    silent = signals(*pair, MIXED, CheckConfig(), AlarmBudget(), silent=("n",))[0]
    assert silent == first


def test_missing_and_unseen_values_are_signals_of_their_own():
    rng = np.random.default_rng(0)
    before, now = table(rng, 500), table(rng, 500)
    now.loc[:249, "n"] = np.nan
    now.loc[:249, "c"] = "zeppelin"
    now.loc[:249, "d"] = pd.NaT
    pair = [Profile.of(frame, MIXED) for frame in (before, now)]
    alarms = [
        (s.feature, s.kind) for s in signals(*pair, MIXED, CheckConfig(), AlarmBudget()) if s.alarm
    ]
    assert alarms == [("n", "missing"), ("c", "category"), ("c", "unseen"), ("d", "missing")]


def test_a_schema_without_features_has_no_signals():
    empty = Schema((), "y", "regression")
    profile = Profile.of(pd.DataFrame({"y": [1.0]}), empty)
    assert signals(profile, profile, empty, CheckConfig(), AlarmBudget()) == ()


def test_the_domain_classifier_sees_what_single_features_do_not():
    rng = np.random.default_rng(2)
    schema = Schema((Column("a", "number"), Column("b", "number")), "y", "regression")
    before = pd.DataFrame(rng.normal(size=(1500, 2)), columns=["a", "b"])
    now = before.assign(b=np.where(rng.random(1500) < 0.9, before["a"], before["b"]))
    found = domain_classifier(before, now, schema, seed=0)
    assert found.auc > 0.8
    assert found.p_value < 1e-6
    assert found.effect == pytest.approx(2 * found.auc - 1)


def test_the_domain_classifier_is_calibrated():
    rng = np.random.default_rng(3)
    found = [
        domain_classifier(table(rng, 200), table(rng, 150), MIXED, seed=seed) for seed in range(60)
    ]
    assert np.mean([domain.p_value < 0.05 for domain in found]) <= 0.15
    assert np.mean([domain.auc for domain in found]) == pytest.approx(0.5, abs=0.03)


def test_importance_weights_turn_the_reference_into_the_window():
    rng = np.random.default_rng(4)
    schema = Schema((Column("a", "number"),), "y", "regression")
    before = pd.DataFrame({"a": rng.normal(0, 1, size=6000)})
    now = pd.DataFrame({"a": rng.normal(0.7, 1, size=2500)})
    found = domain_classifier(before, now, schema, seed=0)
    assert len(found.positions) == len(found.weights) == ROWS
    sampled = before["a"].to_numpy()[found.positions]
    assert np.average(sampled, weights=found.weights) == pytest.approx(0.7, abs=0.15)
    assert found.weights.min() >= 1 / 20
    assert found.weights.max() <= 20


def test_the_domain_classifier_at_its_edges():
    rng = np.random.default_rng(5)
    frame = table(rng, 100)
    broken = frame.assign(n=np.nan, c=np.array([None] * 100, dtype=object))
    assert domain_classifier(frame, broken, MIXED, seed=0).auc == pytest.approx(1.0)
    assert domain_classifier(broken, broken, MIXED, seed=0).auc == pytest.approx(0.5)
    infinite = frame.assign(n=np.inf)
    assert domain_classifier(infinite, frame, MIXED, seed=0).auc > 0.9
    few = domain_classifier(frame, frame.iloc[: FEWEST - 1], MIXED, seed=0)
    assert (few.auc, few.p_value, set(few.weights)) == (0.5, 1.0, {1.0})
    dates = Schema((Column("d", "date"),), "y", "regression")
    assert domain_classifier(frame, frame, dates, seed=0).effect == 0.0


def test_the_domain_classifier_repeats_itself():
    rng = np.random.default_rng(6)
    pair = table(rng, 300), table(rng, 300, 0.3)
    first, second = (domain_classifier(*pair, MIXED, seed=9) for _ in range(2))
    assert first.auc == second.auc
    assert first.weights.tolist() == second.weights.tolist()
