"""What every detector of the table owes, found by being listed."""

from inspect import signature

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.budget import AlarmBudget
from factory.config import CheckConfig, parse_config
from factory.detectors import ALWAYS, DETECTORS, READS
from factory.detectors.config import DetectorsConfig
from factory.detectors.features import detector, signals
from factory.detectors.finding import Finding
from factory.errors import BadConfig
from factory.nouns import Column, Schema
from factory.profile import Categories, Numbers, Profile

COLUMNS = {
    "empty": [],
    "one row": [1.0],
    "constant": [2.0] * 50,
    "all missing": [np.nan] * 50,
    "infinite": [np.inf, -np.inf, 1.0] * 20,
    "only infinite": [np.inf] * 30,
    "ties": [0.0, 0.0, 0.0, 1.0] * 20,
    "huge": [1e308, -1e308] * 20,
    "tiny": [0.0, 5e-324] * 30,
    "many": list(np.arange(300.0)),
    "plain": list(np.linspace(0, 1, 60)),
}
USES = [(name, kind) for kind in ("number", "category") for name in (*READS[kind], *ALWAYS[kind])]
USED = {name for table in (READS, ALWAYS) for names in table.values() for name in names}
RANK = ("ks", "cvm", "psi", "js", "hellinger")
VALUES = st.lists(st.none() | st.integers(-4, 4), min_size=1, max_size=80)


def numbers(values):
    return Numbers.of(np.array([np.nan if v is None else v for v in values], dtype=np.float64))


def categories(values):
    lost = [value is None or np.isnan(value) for value in values]
    named = [None if gone else str(v) for gone, v in zip(lost, values, strict=True)]
    return Categories.of(np.array(named, dtype=object))


SUMMARY = {"number": numbers, "category": categories}


def is_plain(finding):
    return all(np.isfinite(finding)) and 0 <= finding.p_value <= 1 and 0 <= finding.effect <= 1


@pytest.mark.parametrize("name", DETECTORS)
def test_every_detector_loads_and_is_read_for_some_kind(name):
    function = detector(name)
    assert list(signature(function).parameters) == ["reference", "window", "deff"]
    assert signature(function).return_annotation is Finding
    assert name in USED


def test_every_name_in_use_is_in_the_table():
    assert set(DETECTORS) == USED


@pytest.mark.parametrize(("name", "kind"), USES)
@pytest.mark.parametrize("before", COLUMNS)
def test_no_edge_crashes_or_yields_anything_but_numbers(name, kind, before):
    reference = SUMMARY[kind](COLUMNS[before])
    for now, values in COLUMNS.items():
        found = detector(name)(reference, SUMMARY[kind](values))
        assert is_plain(found), now
        if before == now:
            assert found == (0, pytest.approx(1), 0)


@pytest.mark.parametrize(("name", "kind"), USES)
@given(values=VALUES)
def test_equal_samples_are_at_no_distance(name, kind, values):
    found = detector(name)(SUMMARY[kind](values), SUMMARY[kind](values))
    assert found == (0, pytest.approx(1), 0)


@pytest.mark.parametrize(("name", "kind"), USES)
@given(before=VALUES, now=VALUES, randomly=st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(name, kind, before, now, randomly):
    made = SUMMARY[kind]
    found = detector(name)(made(before), made(now))
    shuffled = [randomly.sample(values, len(values)) for values in (before, now)]
    assert detector(name)(*map(made, shuffled)) == pytest.approx(found)
    assert is_plain(found)


@pytest.mark.parametrize("name", RANK)
@given(before=VALUES, now=VALUES)
def test_rank_statistics_do_not_change_with_the_unit(name, before, now):
    def rescaled(values):
        return [None if v is None else float(np.exp(v)) for v in values]

    found = detector(name)(numbers(before), numbers(now))
    assert detector(name)(numbers(rescaled(before)), numbers(rescaled(now))) == found


@given(before=VALUES, now=VALUES, scale=st.sampled_from([1e-9, 0.5, 2.54, 1e6]))
def test_wasserstein_is_in_the_unit_and_its_effect_in_none(before, now, scale):
    found = detector("wasserstein")(numbers(before), numbers(now))
    rescaled = [numbers([None if v is None else v * scale for v in side]) for side in (before, now)]
    other = detector("wasserstein")(*rescaled)
    assert other.statistic == pytest.approx(found.statistic * scale)
    assert other[1:] == pytest.approx(found[1:])


@pytest.mark.parametrize(
    ("name", "kind"), [use for use in USES if use[0] not in sum(ALWAYS.values(), ())]
)
def test_a_large_change_is_certain_and_large_and_grows_with_the_shift(name, kind):
    rng = np.random.default_rng(0)
    before = SUMMARY[kind](rng.normal(size=2000).round())
    found = [
        detector(name)(before, SUMMARY[kind]((rng.normal(size=1000) + shift).round()))
        for shift in (0.0, 0.5, 1.0, 2.0)
    ]
    assert found[0].p_value > 1e-3
    assert found[0].effect < 0.1
    assert all(one.p_value < 1e-6 for one in found[1:])
    effects = [one.effect for one in found]
    assert effects == sorted(effects)
    assert effects[1] > 0.1


@pytest.mark.parametrize(("name", "kind"), [(n, k) for k in SUMMARY for n in READS[k]])
@pytest.mark.parametrize("sizes", [(60, 60), (300, 100), (150, 1500), (1000, 1000)])
def test_false_alarms_come_at_their_rate(name, kind, sizes):
    rng = np.random.default_rng(7)
    shares = rng.dirichlet(np.full(12, 2.0))
    names = np.array([f"v{code}" for code in range(12)], dtype=object)

    def draw(rows):
        if kind == "number":
            return Numbers.of(rng.normal(size=rows))
        return Categories.of(rng.choice(names, size=rows, p=shares))

    p_values = [detector(name)(*map(draw, sizes)).p_value for _ in range(1000)]
    assert 0.02 <= np.mean(np.array(p_values) < 0.05) <= 0.08


MIXED = Schema((Column("n", "number"), Column("c", "category"), Column("d", "date")), "y", "binary")


def table(rng, rows, shift=0.0):
    return pd.DataFrame(
        {
            "n": rng.normal(shift, size=rows),
            "c": rng.choice(np.array(["a", "b", "c"], dtype=object), size=rows),
            "d": pd.Timestamp("2020-01-01") + pd.to_timedelta(np.arange(rows), unit="D"),
        }
    )


@pytest.mark.parametrize("number", READS["number"])
@pytest.mark.parametrize("category", READS["category"])
def test_the_configured_detectors_are_used(number, category):
    rng = np.random.default_rng(0)
    pair = [Profile.of(table(rng, 500, shift), MIXED) for shift in (0.0, 1.0)]
    config = CheckConfig(detectors=DetectorsConfig(number=number, category=category))
    found = signals(*pair, MIXED, config, AlarmBudget())
    assert [(s.feature, s.kind, s.detector, s.alarm) for s in found] == [
        ("n", "number", number, True),
        ("c", "category", category, False),
    ]


@pytest.mark.parametrize(
    ("kind", "name", "hint"),
    [
        ("number", "kss", "did you mean 'ks'?"),
        ("number", "Wasserstien", "did you mean 'wasserstein'?"),
        ("number", "missing", "choose one of: ks, "),
        ("category", "ch2", "did you mean 'chi2'?"),
        ("category", "wasserstein", "choose one of: chi2, "),
    ],
)
def test_unknown_detectors_are_refused_with_the_nearest(kind, name, hint):
    values = {
        "name": "m",
        "data": {"path": "a.csv", "target": "y"},
        "check": {"detectors": {kind: name}},
    }
    with pytest.raises(BadConfig, match=f"check.detectors.{kind}.*{name}") as refused:
        parse_config(values, source="m.yaml")
    assert hint in refused.value.hint


def test_an_unknown_kind_of_feature_is_refused():
    values = {
        "name": "m",
        "data": {"path": "a", "target": "y"},
        "check": {"detectors": {"num": "ks"}},
    }
    with pytest.raises(BadConfig) as refused:
        parse_config(values, source="m.yaml")
    assert refused.value.hint == "did you mean 'number'?"
