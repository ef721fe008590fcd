"""Columns that are gone or of another kind, and what follows from damaged data."""

from dataclasses import replace

import numpy as np
import pytest
from damaged import hourly, look, schema_of

from factory.diagnosis.diagnose import diagnose
from factory.nouns import ROWS, DataVersion, Diagnosis, Evidence, Performance, Problem
from factory.plan import History, applicable
from factory.policy import PolicyConfig
from factory.quality import ROW_RULES, RULES
from factory.remedies import Adapt, DropFeatures, FixSource, Retrain, describe
from factory.told import check_json


def without(name, **marks):
    """Look at a window whose table lacks a column."""
    rng = np.random.default_rng(1)
    reference, frame = hourly(rng, 1000), hourly(rng, 400, "2025-02-01")
    gone = frame.assign(**{name: np.nan if name != "c" else None})
    gone[name] = gone[name].astype(frame[name].dtype)
    schema = schema_of(frame, timestamp="t")
    return look(reference, gone, schema, absent=(name,), **marks)


@pytest.mark.parametrize("name", ["a", "c"])
def test_a_column_that_is_gone_is_one_problem(name):
    found, broken = without(name)
    assert set(found) == {(name, "schema")}
    assert found[name, "schema"].detail == "column is gone"
    assert found[name, "schema"].share == 1.0
    assert broken[name].all()


@pytest.mark.parametrize(
    ("extra", "detail"),
    [
        (("A",), "column is gone; 'A' is new: renamed?"),
        (("other", " a "), "column is gone; ' a ' is new: renamed?"),
        (("zz", "yy", "xx", "ww"), "column is gone; new: 'zz', 'yy', 'xx' and 1 more"),
    ],
)
def test_a_new_column_may_be_the_old_one(extra, detail):
    assert without("a", extra=extra)[0]["a", "schema"].detail == detail


def test_new_columns_alone_are_no_problem():
    rng = np.random.default_rng(2)
    reference, frame = hourly(rng, 1000), hourly(rng, 400, "2025-02-01")
    assert look(reference, frame, schema_of(frame, timestamp="t"), extra=("new",)) == ({}, {})


def test_a_column_of_another_kind_is_of_the_wrong_type():
    rng = np.random.default_rng(3)
    reference, frame = hourly(rng, 1000), hourly(rng, 400, "2025-02-01")
    marks = {"unreadable": {"a": np.ones(400, dtype=bool)}, "examples": {"a": "12,5"}}
    schema = schema_of(frame, timestamp="t")
    found, broken = look(reference, frame.assign(a=np.nan), schema, **marks)
    assert set(found) == {("a", "type")}
    assert found["a", "type"].detail == "'12,5' is no number"
    assert broken["a"].all()


def evidence(*problems):
    told = Performance("mean_absolute_error", 1.0, None, None, alarm=False)
    nothing = {"drift": (), "joint": None, "prediction_drift": None, "label_drift": None}
    version = DataVersion("00", 400)
    return Evidence("m", 1, version, 0, quality=problems, performance=told, **nothing)


REPEATS = Problem(ROWS, "duplicate", 0.1, detail="up to 0.2% would be natural")
FUTURE = Problem("t", "future", 0.02)
METRES = Problem("a", "unit", 1.0, detail="values are 0.3048 times", unit=(0.3048, 0.0))


def conclude(found):
    return diagnose(found, importance={"a": 1.0}, better=None, attribution=None)


def test_damaged_rows_are_a_cause_without_a_culprit():
    found = conclude(evidence(REPEATS, FUTURE))
    assert (found.cause, found.culprits) == ("data_quality", ())
    assert found.because == (
        "10% of rows repeat an earlier one (up to 0.2% would be natural); "
        "'t' is far too late in 2% of rows"
    )
    both = conclude(evidence(REPEATS, METRES))
    assert both.culprits == ("a",)
    assert both.because.startswith("'a' is in another unit in 100% of rows (values are 0.3048")


def test_no_remedy_drops_what_is_no_feature():
    found, past = evidence(REPEATS, FUTURE), (History((), 1, 9), PolicyConfig())
    remedies = applicable(found, conclude(found), *past, task="regression")
    assert not [r for r in remedies if isinstance(r, DropFeatures)]
    assert [r for r in remedies if isinstance(r, Retrain)]
    blamed = Diagnosis("data_quality", ("a",), "")
    unit = applicable(evidence(METRES), blamed, *past, task="regression")
    assert [r.features for r in unit if isinstance(r, DropFeatures)] == 3 * [("a",)]
    assert Adapt("unit", ("a",)) in unit
    assert describe(FixSource(())) == "fixing the source of the rows"


def test_every_rule_has_words_and_is_told():
    for name in [*RULES, *ROW_RULES]:
        problem = replace(METRES, problem=name, feature="a")
        assert len(conclude(evidence(problem)).because) > 10
    told = check_json(evidence(REPEATS, METRES))["quality"]
    assert [q["detail"] for q in told] == [REPEATS.detail, METRES.detail]
    assert [q["unit"] for q in told] == [None, [0.3048, 0.0]]
