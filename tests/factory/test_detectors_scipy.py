"""Distances and their p-values against scipy and plain numpy on the same data."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial.distance import jensenshannon

from factory.detectors.cells import cells, quantile_counts
from factory.detectors.chi2 import chi2
from factory.detectors.cvm import cvm
from factory.detectors.hellinger import hellinger
from factory.detectors.js import js
from factory.detectors.ks import ks
from factory.detectors.psi import psi
from factory.detectors.steps import steps
from factory.detectors.tv import tv
from factory.detectors.wasserstein import area_p_value, wasserstein
from factory.profile import Categories, Numbers

SAMPLE = st.lists(st.integers(-5, 5), min_size=2, max_size=40)
FLOATS = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40)

SHAPES = {
    "normal": lambda rng, rows: rng.normal(size=rows),
    "cauchy": lambda rng, rows: rng.standard_cauchy(size=rows),
    "whole": lambda rng, rows: rng.poisson(3, size=rows).astype(float),
    "one": lambda rng, rows: np.where(rng.random(rows) < 0.9, 7.0, rng.normal(size=rows)),
    "huge": lambda rng, rows: rng.uniform(-1, 1, size=rows) * np.finfo(float).max,
    "tiny": lambda rng, rows: rng.integers(-9, 9, size=rows) * 5e-324,
    "skewed": lambda rng, rows: rng.lognormal(0, 4, size=rows).round(3),
    "far": lambda rng, rows: 1e15 + rng.integers(0, 50, size=rows) / 8,
}
"""Columns of numbers that cells of one width fit well and badly."""


def numbers(values):
    return Numbers.of(np.array(values, dtype=np.float64))


def drawn(seed):
    rng = np.random.default_rng(seed)
    n, m = rng.integers(5, 3000, size=2)
    return rng.normal(size=n), rng.normal(0.05 * (seed % 4), 1 + 0.1 * (seed % 3), size=m)


def letters(seed):
    rng = np.random.default_rng(seed)
    shares = rng.dirichlet(np.full(3 + 4 * seed, 0.7))
    return [
        Categories.of(rng.choice(len(shares), size=rows, p=p).astype(str).astype(object))
        for rows, p in ((900, shares), (400, rng.permutation(shares)))
    ]


@pytest.mark.parametrize("seed", range(20))
def test_cvm_equals_scipy(seed):
    before, now = drawn(seed)
    found = cvm(numbers(before), numbers(now))
    theirs = stats.cramervonmises_2samp(before, now, method="asymptotic")
    assert found.statistic == pytest.approx(theirs.statistic, abs=1e-10)
    assert found.p_value == pytest.approx(theirs.pvalue, abs=1e-7)


@given(SAMPLE, SAMPLE)
def test_cvm_is_the_squared_distance_over_all_rows_for_any_ties(before, now):
    n, m = len(before), len(now)
    both = np.array(before + now)
    shares = [(np.array(side)[:, None] <= both).mean(axis=0) for side in (before, now)]
    expected = n * m / (n + m) ** 2 * ((shares[0] - shares[1]) ** 2).sum()
    assert cvm(numbers(before), numbers(now)).statistic == pytest.approx(expected, abs=1e-12)


def test_cvm_takes_no_difference_in_rows_for_one_in_distribution():
    before, now = np.zeros(100), np.zeros(50)
    assert stats.cramervonmises_2samp(before, now, method="asymptotic").pvalue < 1e-6
    assert cvm(numbers(before), numbers(now)).p_value == 1.0


def test_cvm_at_no_overlap():
    found = cvm(numbers(np.arange(50.0)), numbers(np.arange(50.0, 100.0)))
    assert found.effect == pytest.approx(1.0, abs=1e-3)
    assert found.p_value < 1e-6


@pytest.mark.parametrize("seed", range(20))
def test_wasserstein_equals_scipy(seed):
    before, now = drawn(seed)
    if seed % 2:
        before, now = before.round(1), now.round(1)
    found = wasserstein(numbers(before), numbers(now))
    assert found.statistic == pytest.approx(stats.wasserstein_distance(before, now), abs=1e-10)


@given(FLOATS, FLOATS)
def test_wasserstein_is_scipys_distance_for_any_values(before, now):
    expected = stats.wasserstein_distance(before, now)
    assert wasserstein(numbers(before), numbers(now)).statistic == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize("draw", ["normal", "exponential", "binary"])
def test_wassersteins_p_value_is_that_of_permutations(draw):
    rng = np.random.default_rng(3)
    made = {
        "normal": lambda: rng.normal(size=400),
        "exponential": lambda: rng.exponential(size=400),
        "binary": lambda: (rng.random(400) < 0.2).astype(np.float64),
    }[draw]
    before, now = made(), made()[:250]
    at, some, others = steps(numbers(before), numbers(now))
    both = np.concatenate((before, now))
    permuted = []
    for _ in range(1000):
        rng.shuffle(both)
        permuted.append(stats.wasserstein_distance(both[:400], both[400:]))
    for quantile, tolerance in ((0.5, 0.1), (0.8, 0.04), (0.95, 0.02)):
        distance = np.quantile(permuted, quantile)
        area = distance * np.sqrt(400 * 250 / 650)
        chance = np.mean(np.array(permuted) >= distance)
        assert area_p_value(area, at, some + others) == pytest.approx(chance, abs=tolerance)


def test_wassersteins_effect_is_the_ks_distance_of_a_normal_shift():
    rng = np.random.default_rng(0)
    before, now = rng.normal(5, 3, size=50_000), rng.normal(5.75, 3, size=50_000)
    moved = wasserstein(numbers(before), numbers(now)).effect
    assert moved == pytest.approx(ks(numbers(before), numbers(now)).statistic, abs=0.01)
    assert moved == pytest.approx(2 * stats.norm.cdf(0.125) - 1, abs=0.01)


def test_wasserstein_of_a_constant_reference():
    found = wasserstein(numbers([3.0] * 50), numbers([3.0] * 25 + [4.0] * 25))
    assert found.statistic == pytest.approx(0.5)
    assert found.effect == 1.0


@pytest.mark.parametrize("seed", range(10))
def test_divergences_of_numbers_equal_scipy_on_quantile_bins(seed):
    rng = np.random.default_rng(seed)
    before, now = rng.normal(size=2000), rng.normal(0.2, size=700)
    # Our bins are closed on the left at order statistics.
    edges = np.sort(before)[np.arange(1, 10) * 200]
    p, q = (np.bincount(np.digitize(side, edges), minlength=10) for side in (before, now))
    pair = numbers(before), numbers(now)
    assert sorted(map(tuple, cells(*pair).T)) == sorted(zip(p, q, strict=True))
    assert js(*pair).statistic == pytest.approx(jensenshannon(p, q), abs=1e-12)
    u, v = (p + 0.5) / (p + 0.5).sum(), (q + 0.5) / (q + 0.5).sum()
    assert psi(*pair).statistic == pytest.approx(stats.entropy(u, v) + stats.entropy(v, u))
    roots = np.sqrt(p / p.sum()) - np.sqrt(q / q.sum())
    assert hellinger(*pair).statistic == pytest.approx(np.linalg.norm(roots) / np.sqrt(2))


@pytest.mark.parametrize("seed", range(10))
def test_divergences_of_categories_equal_scipy_on_the_same_cells(seed):
    before, now = letters(seed)
    p, q = cells(before, now)
    assert js(before, now).statistic == pytest.approx(jensenshannon(p, q), abs=1e-12)
    assert js(before, now).effect == pytest.approx(jensenshannon(p, q, base=2), abs=1e-12)
    u, v = (p + 0.5) / (p + 0.5).sum(), (q + 0.5) / (q + 0.5).sum()
    assert psi(before, now).statistic == pytest.approx(stats.entropy(u, v) + stats.entropy(v, u))
    found, tested = tv(before, now), chi2(before, now)
    assert found.statistic == pytest.approx(np.abs(p / p.sum() - q / q.sum()).sum() / 2)
    assert found[1:] == tested[1:]


def test_common_values_get_cells_of_their_own():
    before = numbers([0.0] * 80 + list(range(1, 21)))
    table = quantile_counts(before, numbers([-1.0] * 40 + [0.0] * 40 + [5.0] * 20))
    assert table.sum(axis=1).tolist() == [100.0, 100.0]
    assert [0.0, 40.0] in table.T.tolist()
    assert [80.0, 40.0] in table.T.tolist()


@pytest.mark.parametrize("rows", [5, 2000])
def test_ks_of_a_sparse_sample_equals_scipy(rows):
    rng = np.random.default_rng(0)
    before, now = rng.normal(size=100).round(1), rng.normal(size=rows).round(1)
    found = ks(numbers(before), numbers(now)).statistic
    assert found == pytest.approx(stats.ks_2samp(before, now).statistic, abs=1e-12)


@given(
    st.sampled_from(["normal", "cauchy", "whole", "one", "huge", "tiny", "skewed", "far"]),
    st.integers(1, 400),
    st.integers(1, 400),
    st.sampled_from([0.0, 0.05, 1.0]),
    st.integers(0, 1_000),
)
def test_ks_of_any_shape_equals_scipy(shape, n, m, shift, seed):
    rng = np.random.default_rng(seed)
    before, now = (SHAPES[shape](rng, rows) for rows in (n, m))
    now = np.where(rng.random(m) < shift, now[0], now)
    found = ks(numbers(before), numbers(now)).statistic
    assert found == pytest.approx(stats.ks_2samp(before, now).statistic, abs=1e-12)


@pytest.mark.parametrize("shift", [0.0, 0.01, 0.03, 0.06, 0.1, 1.0])
def test_ks_of_large_samples_equals_scipy(shift):
    rng = np.random.default_rng(1)
    before, now = rng.normal(size=20_000), rng.normal(shift, size=15_000)
    theirs = stats.ks_2samp(before, now, method="asymp")
    found = ks(numbers(before), numbers(now))
    assert found.statistic == pytest.approx(theirs.statistic, abs=1e-12)
    assert found.p_value == pytest.approx(theirs.pvalue, abs=3e-8)
