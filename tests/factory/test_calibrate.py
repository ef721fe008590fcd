"""Calibration equals scikit-learn's isotonic regression; counting along it loses nothing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import roc_auc_score

from factory.calibrate import Calibrator, Curve, dependence
from factory.expectation import measure
from factory.tally import TALLIED, Tally, expected


def drawn(rng, rows, classes, sharpness=2.0):
    """Probabilities that are too sure of themselves, and the truth."""
    scores = rng.normal(size=(rows, classes))
    chances, said = (np.exp(scale * scores) for scale in (1.0, sharpness))
    chances /= chances.sum(axis=1, keepdims=True)
    codes = (rng.random((rows, 1)) > chances.cumsum(axis=1)[:, :-1]).sum(axis=1)
    return said / said.sum(axis=1, keepdims=True), codes


def both(scores):
    return np.column_stack([1 - scores, scores])


@given(st.integers(0, 10_000), st.sampled_from([2, 3, 5]), st.booleans())
def test_curves_are_those_of_scikit_learn(seed, classes, tied):
    rng = np.random.default_rng(seed)
    outputs, codes = drawn(rng, 200, classes)
    outputs = np.round(outputs, 1) if tied else outputs
    new = drawn(rng, 50, classes, sharpness=4.0)[0]
    judged = [1] if classes == 2 else range(classes)
    weights = rng.uniform(0.1, 3, 200) if seed % 2 else np.ones(200)
    curves = [
        IsotonicRegression(out_of_bounds="clip")
        .fit(outputs[:, c], codes == c, sample_weight=weights)
        .predict(new[:, c])
        for c in judged
    ]
    found = Calibrator.refits(outputs, codes, [weights])[0].probabilities(new)
    if classes == 2:
        np.testing.assert_allclose(found, both(curves[0]), atol=1e-9)
        return
    raw = np.column_stack(curves)
    total = raw.sum(axis=1, keepdims=True)
    wanted = np.where(total > 0, raw / np.where(total > 0, total, 1), 1 / classes)
    np.testing.assert_allclose(found, wanted, atol=1e-9)


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("prior", [0.0, 0.5])
def test_chances_add_up_in_every_fit(classes, prior):
    rng = np.random.default_rng(1)
    outputs, codes = drawn(rng, 40, classes)
    weights = [rng.uniform(size=40) * (np.arange(40) % 5 != left) for left in range(5)]
    for fit in Calibrator.refits(outputs, codes, weights, prior):
        chances = fit.probabilities(drawn(rng, 30, classes)[0])
        np.testing.assert_allclose(chances.sum(axis=1), 1.0)
        assert np.all((chances >= 0) & (chances <= 1))


def test_a_row_without_weight_does_not_count():
    rng = np.random.default_rng(2)
    outputs, codes = drawn(rng, 100, 2)
    weights = [np.r_[np.zeros(5), np.ones(95)]]
    other = np.r_[1 - codes[:5], codes[5:]]
    first, second = (Calibrator.refits(outputs, each, weights)[0] for each in (codes, other))
    np.testing.assert_array_equal(first.probabilities(outputs), second.probabilities(outputs))


def test_a_prior_leaves_nothing_certain_and_the_middle_alone():
    scores = np.linspace(0.01, 0.99, 200)
    codes = (scores > 0.5).astype(int)
    sure, unsure = (
        Calibrator.refits(both(scores), codes, [np.ones(200)], prior)[0].curves[0]
        for prior in (0.0, 0.5)
    )
    assert (sure.at(scores[:1])[0], sure.at(scores[-1:])[0]) == (0.0, 1.0)
    assert unsure.at(scores[:1])[0] == pytest.approx(0.25 / 100.5)
    assert unsure.at(scores[-1:])[0] == pytest.approx(1 - 0.25 / 100.5)


def test_one_class_only_is_certain_of_it():
    outputs = drawn(np.random.default_rng(5), 50, 2)[0]
    found = Calibrator.fit(outputs, np.zeros(50, dtype=int))
    np.testing.assert_array_equal(found.probabilities(outputs)[:, 0], np.ones(50))


@given(st.integers(0, 10_000), st.sampled_from([5, 60, 900]), st.sampled_from([None, 1, 2]))
def test_counting_along_the_curve_loses_nothing(seed, known, digits):
    rng = np.random.default_rng(seed)
    learnt, codes = drawn(rng, known, 2)
    window = drawn(rng, 300, 2, sharpness=rng.uniform(0.5, 6))[0]
    if digits is not None:
        learnt, window = (both(np.round(part[:, 1], digits)) for part in (learnt, window))
    calibrator = Calibrator.fit(learnt, codes)
    names = sorted(name for name in TALLIED if "macro" not in name)
    found = expected(names, calibrator, window)
    for name in names:
        wanted = measure(name, window)(calibrator.probabilities(window))
        np.testing.assert_allclose(found[name], wanted, rtol=1e-9, atol=1e-12, err_msg=name)


@pytest.mark.parametrize(
    "curve",
    [
        Curve(np.array([0.5]), np.array([0.3])),
        Curve(np.array([0.5, np.nextafter(0.5, 1)]), np.array([0.2, 0.9])),
        Curve(np.array([5e-324, 1e-300, 1.0]), np.array([0.0, 0.5, 1.0])),
        Curve(np.array([0.0, 1.0]), np.array([0.0, 1.0])),
        Curve(np.array([0.4, 0.6]), np.array([0.7, 0.7])),
    ],
    ids=["one knot", "neighbours", "subnormal", "all one rise", "flat"],
)
def test_curves_of_any_form_are_counted(curve):
    scores = np.r_[np.linspace(0, 1, 1001), curve.scores, np.nextafter(curve.scores, 1)]
    tally = Tally.of(curve, both(scores))
    chances = curve.at(scores)
    said = scores > 0.5
    wanted = [[np.sum((1 - chances) * side), np.sum(chances * side)] for side in (~said, said)]
    np.testing.assert_allclose(tally.confusion().T, wanted, rtol=1e-9, atol=1e-12)
    area = measure("roc_auc", both(scores))(both(chances))
    np.testing.assert_allclose(tally.area(), area, rtol=1e-9)


def test_no_rows_are_no_rows():
    tally = Tally.of(Curve(np.array([0.2, 0.8]), np.array([0.1, 0.9])), np.empty((0, 2)))
    assert tally.confusion().sum() == 0
    assert np.isnan(tally.area())


def test_the_area_of_certain_labels_is_the_area():
    rng = np.random.default_rng(7)
    scores = np.sort(rng.random(400))
    codes = (rng.random(400) < scores).astype(int)
    curve = Curve(np.array([0.5, np.nextafter(0.5, 1)]), np.array([0.0, 1.0]))
    assert Tally.of(curve, both(scores)).area() == pytest.approx(1.0)
    found = measure("roc_auc", both(scores))(np.eye(2)[codes])
    assert found == pytest.approx(roc_auc_score(codes, scores))


def test_rows_that_hang_together_count_for_less():
    rng = np.random.default_rng(6)
    alone = rng.normal(size=2000)
    assert dependence(alone) < 1.5
    assert 7 < dependence(np.repeat(rng.normal(size=400), 10)) < 15
    assert dependence(np.zeros(100)) == 1.0
    assert dependence(np.array([])) == 1.0
