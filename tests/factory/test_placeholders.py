import numpy as np
import pytest

from factory.profile import Numbers
from factory.quality.placeholders import placeholders

DISTANCE = Numbers.of(np.random.default_rng(0).integers(80, 2500, size=2000).astype(float))
COUNTS = Numbers.of(np.random.default_rng(0).poisson(3, size=2000).astype(float))
WARM = Numbers.of(np.random.default_rng(0).normal(18, 4, size=2000).round())


@pytest.mark.parametrize("value", [0.0, -1.0, 99999.0, -999.0])
def test_a_placeholder_in_part_of_the_rows_is_found(value):
    values = DISTANCE.values.copy()
    values[::4] = value
    assert np.array_equal(placeholders(DISTANCE, values), values == value)


def test_minus_one_is_found_among_counts():
    values = COUNTS.values.copy()
    values[::10] = -1
    assert placeholders(COUNTS, values).sum() == 200


@pytest.mark.parametrize("mean", [8, 4, 0, -10])
def test_cold_days_are_no_placeholders(mean):
    cold = np.random.default_rng(1).normal(mean, 4, size=2000).round()
    assert placeholders(WARM, cold).sum() == 0


def test_what_the_reference_knows_is_none():
    known = Numbers.of(np.array([0.0, 10.0, 99.0] * 100))
    assert placeholders(known, np.array([0.0, 99.0] * 50)).sum() == 0


def test_rare_zeros_and_ordinary_new_values_are_none():
    values = DISTANCE.values.copy()
    values[:50] = 0.0
    assert placeholders(DISTANCE, values).sum() == 0
    values[:500] = 3333.0
    assert placeholders(DISTANCE, values).sum() == 0


@pytest.mark.parametrize("reference", [[], [5.0], [5.0] * 50])
def test_poor_references_do_no_harm(reference):
    found = placeholders(Numbers.of(np.array(reference)), np.zeros(100))
    assert found.all() or not found.any()
