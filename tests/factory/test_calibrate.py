"""Calibration equals scikit-learn's isotonic regression, and knows how far it may be trusted."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression

from factory.calibrate import GROUPS, Calibrator, dependence


def drawn(rng, rows, classes, sharpness=2.0):
    """Probabilities that are too sure of themselves, and the truth."""
    scores = rng.normal(size=(rows, classes))
    chances, said = (np.exp(scale * scores) for scale in (1.0, sharpness))
    chances /= chances.sum(axis=1, keepdims=True)
    codes = (rng.random((rows, 1)) > chances.cumsum(axis=1)[:, :-1]).sum(axis=1)
    return said / said.sum(axis=1, keepdims=True), codes


def fitted(outputs, codes, **told):
    return Calibrator.fit("accuracy", outputs, codes, **{"ordered": False, "seed": 0, **told})


@given(st.integers(0, 10_000), st.sampled_from([2, 3, 5]), st.booleans())
def test_curves_are_those_of_scikit_learn(seed, classes, tied):
    rng = np.random.default_rng(seed)
    outputs, codes = drawn(rng, 200, classes)
    outputs = np.round(outputs, 1) if tied else outputs
    new = drawn(rng, 50, classes, sharpness=4.0)[0]
    judged = [1] if classes == 2 else range(classes)
    curves = [
        IsotonicRegression(out_of_bounds="clip").fit(outputs[:, c], codes == c).predict(new[:, c])
        for c in judged
    ]
    found = fitted(outputs, codes).probabilities(new)
    if classes == 2:
        np.testing.assert_allclose(found, np.column_stack([1 - curves[0], curves[0]]), atol=1e-9)
        return
    raw = np.column_stack(curves)
    total = raw.sum(axis=1, keepdims=True)
    expected = np.where(total > 0, raw / np.where(total > 0, total, 1), 1 / classes)
    np.testing.assert_allclose(found, expected, atol=1e-9)


@pytest.mark.parametrize("classes", [2, 4])
def test_chances_add_up_in_every_fit(classes):
    rng = np.random.default_rng(1)
    outputs, codes = drawn(rng, 40, classes)
    found = fitted(outputs, np.minimum(codes, classes - 1))
    for fit in range(1 + GROUPS):
        chances = found.probabilities(drawn(rng, 30, classes)[0], fit)
        np.testing.assert_allclose(chances.sum(axis=1), 1.0)
        assert np.all((chances >= 0) & (chances <= 1))


def test_a_fit_without_a_group_does_not_know_its_rows():
    rng = np.random.default_rng(2)
    outputs, codes = drawn(rng, 100, 2)
    found = fitted(outputs, codes, ordered=True)
    other = codes.copy()
    other[:5] = 1 - other[:5]
    changed = fitted(outputs, other, ordered=True)
    np.testing.assert_array_equal(
        found.probabilities(outputs, 1), changed.probabilities(outputs, 1)
    )
    assert not np.array_equal(found.probabilities(outputs), changed.probabilities(outputs))


def test_curves_flatter_themselves_less_the_more_rows_there_are():
    rng = np.random.default_rng(3)
    optimism = [
        np.mean([fitted(*drawn(rng, rows, 3)).optimism for _ in range(20)]) for rows in (100, 2000)
    ]
    assert optimism[0] > 2 * optimism[1] > 0


def test_a_huge_calibration_set_is_sampled():
    rng = np.random.default_rng(4)
    outputs, codes = drawn(rng, 100_500, 2)
    again = fitted(outputs, codes)
    np.testing.assert_array_equal(fitted(outputs, codes).scores, again.scores)
    assert len(again.scores) < 100_000


def test_one_class_only_is_certain_of_it():
    outputs = drawn(np.random.default_rng(5), 50, 2)[0]
    found = fitted(outputs, np.zeros(50, dtype=int))
    np.testing.assert_array_equal(found.probabilities(outputs)[:, 0], np.ones(50))


def test_rows_that_hang_together_count_for_less():
    rng = np.random.default_rng(6)
    alone = rng.normal(size=2000)
    assert dependence(alone) < 1.5
    assert 7 < dependence(np.repeat(rng.normal(size=400), 10)) < 15
    assert dependence(np.zeros(100)) == 1.0
    assert dependence(np.array([])) == 1.0
