"""A change of unit is told with its factor; what merely grows is left to drift."""

import numpy as np
import pytest

from factory.profile import Numbers
from factory.quality.conversions import CONVERSIONS
from factory.quality.unit import changed_unit

MAPS = {
    "inches to centimetres": (2.54, 0.0),
    "miles to kilometres": (1.609344, 0.0),
    "feet to metres": (0.3048, 0.0),
    "kilograms to pounds": (1 / 0.45359237, 0.0),
    "a unit to its thousandths": (1000.0, 0.0),
    "hundredths": (0.01, 0.0),
    "minutes to seconds": (60.0, 0.0),
    "hours to seconds": (3600.0, 0.0),
    "Celsius to Fahrenheit": (1.8, 32.0),
    "Fahrenheit to Celsius": (1 / 1.8, -32 / 1.8),
    "Celsius to Kelvin": (1.0, 273.15),
    "a miscalibration": (1.1, 0.0),
    "another": (0.93, 0.0),
}


def change(before, now):
    return changed_unit(Numbers.of(np.asarray(before)), Numbers.of(np.asarray(now)))


def tenths(rng, rows):
    """Temperatures, or heights: told in tenths, far from zero."""
    return rng.normal(15, 6, rows).round(1)


@pytest.mark.parametrize("rows", [(200, 80), (1000, 3000)])
@pytest.mark.parametrize("name", MAPS)
def test_steps_tell_any_factor(name, rows):
    rng = np.random.default_rng(1)
    factor, offset = MAPS[name]
    found = change(tenths(rng, rows[0]), factor * tenths(rng, rows[1]) + offset)
    if rows[1] < 100 and name in {"a miscalibration", "another"}:
        return  # So few rows do not show that anything changed at all.
    assert found.factor == pytest.approx(factor, rel=1e-6)
    assert found.offset == pytest.approx(offset, abs=1e-9)
    assert found.certain


def test_steps_tell_a_factor_also_where_the_values_drifted():
    rng = np.random.default_rng(2)
    warmer = tenths(rng, 2000) + 2.0
    found = change(tenths(rng, 2000), (1.609344 * warmer.round(1)))
    assert found.factor == pytest.approx(1.609344)
    assert found.words == "miles to kilometres"


@pytest.mark.parametrize("name", [n for n in MAPS if n not in {"a miscalibration", "another"}])
def test_without_steps_a_conversion_is_told_by_the_distribution(name):
    rng = np.random.default_rng(3)
    factor, offset = MAPS[name]
    found = change(rng.normal(15, 5, 3000), factor * rng.normal(15, 5, 3000) + offset)
    assert found.factor == pytest.approx(factor)
    assert found.offset == pytest.approx(offset)
    if not offset:
        assert found.measured.low <= factor <= found.measured.high
        assert found.measured.is_certain


@pytest.mark.parametrize("draw", ["normal", "lognormal", "standard_t"])
def test_a_thousandfold_is_seen_on_heavy_tails(draw):
    rng = np.random.default_rng(4)
    arguments = {"normal": (50, 10), "lognormal": (0, 1.5), "standard_t": (2,)}[draw]
    before, now = (getattr(rng, draw)(*arguments, 1000) for _ in range(2))
    found = change(before, 1000 * now)
    assert found.factor == 1000
    assert found.measured.low < 1000 < found.measured.high


def test_a_ratio_by_shape_alone_is_told_as_uncertain():
    rng = np.random.default_rng(5)
    found = change(rng.gamma(9, 2, 20_000), 1.1 * rng.gamma(9, 2, 20_000))
    assert not found.certain
    assert found.measured.low < 1.1 < found.measured.high
    few = change(rng.gamma(9, 2, 500), 1.1 * rng.gamma(9, 2, 500))
    assert few is None


def test_two_conversions_that_fit_are_not_told_apart():
    rng = np.random.default_rng(6)
    found = change(rng.lognormal(0, 0.5, 400), 60 * rng.lognormal(0, 0.5, 400))
    assert found.words == ""
    assert found.measured.holds(57.3)
    assert found.measured.holds(60.0)


GROWTH = {
    "a shift": lambda v: v + 9,
    "a shift of counts": lambda v: np.round(v) + 9,
    "more spread": lambda v: 50 + 2.54 * (v - 50),
    "growth of all": lambda v: 1.1 * v,
    "growth, told in tenths": lambda v: (1.1 * v).round(1),
    "growth in the tail": lambda v: np.where(v > 60, 2 * v, v),
    "another shape": lambda v: np.exp(v / 10),
    "half of the rows in another unit": lambda v: np.where(np.arange(len(v)) % 2 == 0, v, 2.54 * v),
    "a part of the values": lambda v: v[v > 55],
}


@pytest.mark.parametrize("rows", [100, 1000])
@pytest.mark.parametrize("name", GROWTH)
def test_drift_is_no_change_of_unit(name, rows):
    rng = np.random.default_rng(7)
    for _ in range(20):
        before, now = rng.normal(50, 10, rows), rng.normal(50, 10, rows)
        assert change(before, GROWTH[name](now)) is None
        assert change(before.round(1), GROWTH[name](now).round(1)) is None


def test_finer_values_are_no_change_of_unit():
    rng = np.random.default_rng(8)
    before, now = rng.normal(50, 10, 1000).round(), rng.normal(58, 10, 1000)
    for digits in (1, 2, 9):
        assert change(before, now.round(digits)) is None
    halves = np.round(2 * now) / 2
    assert change(before, halves) is None
    assert change(halves, before) is None


def test_few_values_and_constants_say_nothing():
    binary, five = np.tile([0.0, 1.0], 200), np.tile(np.arange(4.0), 100)
    assert change(binary, 100 * binary) is None
    assert change(five, 5 * five) is None
    assert change(np.zeros(400), np.ones(400)) is None
    assert change(np.arange(19.0), 1000 * np.arange(19.0)) is None


def test_conversions_go_both_ways():
    for conversion in CONVERSIONS:
        back = conversion.inverse
        assert back.inverse.factor == pytest.approx(conversion.factor)
        assert back.inverse.offset == pytest.approx(conversion.offset)
        assert (conversion.factor * 7 + conversion.offset) * back.factor + back.offset == (
            pytest.approx(7)
        )
