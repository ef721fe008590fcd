"""Class shares and calibration against independent implementations, on known shifts."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.stats import multivariate_normal
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import HuberRegressor, LogisticRegression

from factory.adapt.recalibrate import huber_line
from factory.adapt.scaling import Scaling
from factory.adapt.shares import (
    Shares,
    from_confusion,
    from_probabilities,
    shares_of,
    with_labels,
)

CENTRES = np.array([[0.0, 0.0], [2.0, 0.0], [0.0, 2.0]])


def world(shares, rows, seed):
    """Rows of three overlapping classes, and what a perfect model of even classes says of them."""
    rng = np.random.default_rng(seed)
    codes = rng.choice(3, size=rows, p=shares)
    X = CENTRES[codes] + rng.normal(size=(rows, 2))
    density = np.column_stack([multivariate_normal(c).pdf(X) for c in CENTRES])
    return codes, density / density.sum(axis=1, keepdims=True)


EVEN = np.full(3, 1 / 3)


@pytest.mark.parametrize("wanted", [(0.8, 0.1, 0.1), (0.05, 0.9, 0.05), (1 / 3, 1 / 3, 1 / 3)])
def test_known_shifts_are_found(wanted):
    known, before = world(EVEN, 4000, 1)
    _, now = world(wanted, 4000, 2)
    likeliest = from_probabilities(now, EVEN)
    np.testing.assert_allclose(likeliest, wanted, atol=0.03)
    said, window = before.argmax(axis=1), now.argmax(axis=1)
    np.testing.assert_allclose(from_confusion(known, said, window, 3), wanted, atol=0.05)
    found = shares_of(known, before, now, EVEN, seed=0)
    np.testing.assert_allclose(found.values, wanted, atol=0.03)


def test_confusion_is_solved_as_linear_algebra_solves_it():
    known, before = world(EVEN, 3000, 3)
    _, now = world((0.5, 0.2, 0.3), 2000, 4)
    said, window = before.argmax(axis=1), now.argmax(axis=1)
    joint = np.array([[np.mean((said == i) & (known == j)) for j in range(3)] for i in range(3)])
    weights = np.linalg.solve(joint, np.bincount(window, minlength=3) / len(window))
    assert (weights > 0).all()
    shares = weights * np.bincount(known, minlength=3) / len(known)
    np.testing.assert_allclose(from_confusion(known, said, window, 3), shares / shares.sum())


def test_expectation_and_maximisation_reach_the_maximum_of_the_likelihood():
    _, now = world((0.6, 0.3, 0.1), 1500, 5)

    def missed(free):
        shares = np.exp([*free, 0.0])
        return -np.log((now / EVEN) @ (shares / shares.sum())).sum()

    free = minimize(missed, np.zeros(2), tol=1e-10).x
    shares = np.exp([*free, 0.0])
    np.testing.assert_allclose(from_probabilities(now, EVEN), shares / shares.sum(), atol=1e-4)


def test_stated_certainty_is_that_of_repeated_samples():
    found, stated = [], []
    for seed in range(60):
        known, before = world(EVEN, 1500, 100 + seed)
        _, now = world((0.7, 0.2, 0.1), 1000, 300 + seed)
        shares = shares_of(known, before, now, EVEN, seed=seed)
        found.append(shares.values)
        stated.append(shares.rows)
    spread = float(np.var(found, axis=0).sum())
    true = (1 - np.sum(np.square((0.7, 0.2, 0.1)))) / spread
    assert 0.5 < np.median(stated) / true < 2.0


def test_labels_join_an_estimate_or_overrule_it():
    estimate = Shares(np.array([0.8, 0.2]), 500.0)
    codes = np.repeat([0, 1], [45, 15])
    np.testing.assert_allclose(
        with_labels(estimate, codes, 2).values, [(400 + 45) / 560, (100 + 15) / 560]
    )
    against = np.repeat([0, 1], [10, 50])
    np.testing.assert_allclose(with_labels(estimate, against, 2).values, [10.5 / 61, 50.5 / 61])
    assert with_labels(estimate, np.array([], dtype=np.intp), 2) is estimate
    assert with_labels(None, codes[:5], 2) is None
    assert with_labels(None, codes, 2).rows == 60


def test_two_classes_with_biases_are_scikit_learns_sigmoid():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(4000, 1))
    y = (rng.random(4000) < 1 / (1 + np.exp(-2 * X[:, 0] + 1))).astype(int)
    model = LogisticRegression(C=100).fit(X[:1000], y[:1000])
    model.coef_ = 3 * model.coef_
    peer = CalibratedClassifierCV(FrozenEstimator(model), method="sigmoid").fit(X, y)
    found = Scaling.fit(model.predict_proba(X), y, biased=True)
    np.testing.assert_allclose(
        found.probabilities(model.predict_proba(X)), peer.predict_proba(X), atol=0.02
    )


@pytest.mark.parametrize("temperature", [0.4, 1.0, 3.0])
def test_a_temperature_is_found_again(temperature):
    codes, outputs = world((0.5, 0.3, 0.2), 6000, 6)
    right = outputs * np.array([0.5, 0.3, 0.2])
    right /= right.sum(axis=1, keepdims=True)
    off = right ** (1 / temperature)
    off /= off.sum(axis=1, keepdims=True)
    found = Scaling.fit(off, codes, biased=False)
    assert found.slope == pytest.approx(temperature, rel=0.1)
    np.testing.assert_allclose(found.probabilities(off), right, atol=0.03)


@settings(max_examples=30)
@given(st.integers(2, 4), st.integers(0, 10_000))
def test_scalings_compose(classes, seed):
    rng = np.random.default_rng(seed)
    outputs = rng.dirichlet(np.ones(classes), size=20)
    first, second = (Scaling(rng.uniform(0.5, 1.2), rng.normal(size=classes)) for _ in range(2))
    both = second.after(first).probabilities(outputs)
    np.testing.assert_allclose(
        both, second.probabilities(first.probabilities(outputs)), rtol=1e-3, atol=1e-5
    )
    assert np.allclose(Scaling.none(classes).probabilities(outputs), outputs, atol=1e-5)


def test_the_line_is_scikit_learns_huber_line():
    rng = np.random.default_rng(0)
    said = rng.normal(100, 20, 500)
    truth = 5 + 1.2 * said + rng.normal(0, 3, 500)
    truth[::15] += 400
    peer = HuberRegressor(epsilon=1.345, alpha=0, max_iter=10_000, tol=1e-9)
    peer.fit((said - 100)[:, None] / 20, truth)
    intercept, slope = huber_line(truth, said)
    grid = np.array([50.0, 150.0])
    np.testing.assert_allclose(
        intercept + slope * grid, peer.predict((grid[:, None] - 100) / 20), rtol=0.01
    )
    assert huber_line(truth, np.full(500, 3.0))[1] == 1.0
