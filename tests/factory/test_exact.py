import json
import math
from dataclasses import fields, is_dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.breakdown.parts import (
    Breakdown,
    ClassCounts,
    Fairness,
    Gap,
    Group,
    Outcomes,
    Segment,
    SegmentPerformance,
    Value,
)
from factory.diagnosis.parts import ClassShare, Share, Suspect
from factory.exact import read, write
from factory.nouns import DataVersion, Diagnosis, Estimate, Evidence, Performance, Problem, Signal
from factory.plan import History
from factory.policy import PolicyConfig
from factory.remedies import Adapt, Choice, Keep, Rehearsal, Retrain, RollBack


def same(one, other):
    """Whether two nouns are equal, NaN being equal to itself and 1 not to 1.0."""
    if is_dataclass(one):
        return type(one) is type(other) and all(
            same(getattr(one, f.name), getattr(other, f.name)) for f in fields(one)
        )
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[k], other[k]) for k in one)
    if isinstance(one, tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float) and math.isnan(one):
        return isinstance(other, float) and math.isnan(other)
    return type(one) is type(other) and one == other


def assert_comes_back(value):
    told = write(value)
    text = json.dumps(told, allow_nan=False)
    back = read(type(value), json.loads(text))
    assert same(value, back)
    assert json.dumps(write(back)) == text


FLOATS = st.floats()
REMEDIES = st.one_of(
    st.just(Keep()), st.builds(RollBack, st.integers()),
    st.builds(Adapt, st.sampled_from(["priors", "unit"]), st.tuples(st.text())),
    st.builds(Retrain, st.just("recent"), st.none() | st.integers()),
)  # fmt: skip


@given(st.builds(Rehearsal, REMEDIES, *[FLOATS] * 6, st.integers()))
def test_a_rehearsal_comes_back(rehearsal):
    assert_comes_back(rehearsal)


@given(st.builds(Choice, REMEDIES, st.text()))
def test_a_choice_comes_back(choice):
    assert_comes_back(choice)


SIGNALS = st.builds(
    Signal, *[st.text(max_size=3)] * 3, FLOATS, FLOATS, FLOATS, st.booleans(),
    st.none() | FLOATS, st.tuples(st.text(max_size=3)),
)  # fmt: skip
PLACES = st.dictionaries(st.text(max_size=3), st.text(max_size=3) | FLOATS | st.none(), max_size=2)
MEASURED = st.builds(SegmentPerformance, st.none() | FLOATS, fall=st.none() | FLOATS)
SEGMENTS = st.builds(
    Segment, PLACES, st.booleans(), st.integers(), st.integers(), FLOATS, st.integers(),
    st.tuples(SIGNALS), st.booleans(), MEASURED,
)  # fmt: skip


@given(st.tuples(SEGMENTS))
def test_segments_come_back(segments):
    gaps = {"a": Gap(0.5, -math.inf, math.nan)}
    group = Group(
        {"sex": None, "age": 3.0},
        rows=3,
        labelled=2,
        pooled=False,
        metrics={},
        gaps=gaps,
        detectable=None,
        powered=True,
    )
    fairness = Fairness(("sex", "age"), None, (group,), gaps, 0.8, None, alarm=False)
    counts = Outcomes(3, {"accuracy": 0.5}, classes={"x": ClassCounts(1, 2, 3, 4)})
    assert_comes_back(Breakdown(segments, (fairness,), Value("EUR", None, 0.5, math.nan), counts))


@given(
    st.builds(
        Problem, st.text(), st.just("unit"), FLOATS, unit=st.none() | st.tuples(FLOATS, FLOATS)
    )
)
def test_a_problem_comes_back(problem):
    assert_comes_back(problem)


def test_what_numpy_made_becomes_plain():
    assert_comes_back(Problem("a", "missing", 0.5))
    made = write(Problem("a", "missing", np.float64(0.5), handled=np.bool_(1)))
    assert made == write(Problem("a", "missing", 0.5, handled=True))


def test_rules_and_history_come_back():
    assert_comes_back(PolicyConfig(minimum_gain=0.1 + 0.2))
    assert_comes_back(History((3, 1), 7, 2))


def test_a_diagnosis_comes_back():
    shares = (Share("relation", 0.75, math.nan, math.inf),)
    suspects = (Suspect("a", 0.5, alarm=True, importance=0.25, priority=0.125),)
    mix = (ClassShare("yes", 0.25, 0.5, 0.25, 0.75),)
    assert_comes_back(Diagnosis("unknown", ("a",), "so it is", shares, suspects, mix, overlap=0.5))


@given(SIGNALS, st.none() | st.builds(Estimate, FLOATS, FLOATS, FLOATS, st.integers()))
def test_evidence_comes_back(signal, estimate):
    told = Performance("r2", 0.5, estimate, None, alarm=False, tolerance=0.05)
    window = DataVersion("ab", 5, None, "2025-01-01")
    problem = Problem("a", "unit", 0.5, unit=(1000.0, 0.0))
    signals = ((signal,), None, signal, None)
    assert_comes_back(Evidence("m", 1, window, 3, (problem,), *signals, told, Breakdown()))


def test_anything_else_is_refused():
    with pytest.raises(TypeError, match="object is nothing"):
        write(object())
