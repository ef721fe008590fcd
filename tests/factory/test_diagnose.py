from dataclasses import replace

import pytest
from test_decide import FELL, MOVED, QUIET

from factory.diagnosis.attribution import Attribution
from factory.diagnosis.diagnose import diagnose
from factory.diagnosis.parts import Better, ClassShare, Share
from factory.diagnosis.priority import suspects
from factory.diagnosis.told import diagnosis_json
from factory.nouns import Diagnosis, Estimate, Problem, Signal

IMPORTANCE = {"x": 0.5, "z": 0.0}
BOTH = replace(
    FELL,
    performance=replace(FELL.performance, realised=Estimate(2.0, 1.9, 2.1, 100)),
    drift=(*MOVED.drift, Signal("z", "number", "ks", 0.9, 0.0, 0.9, alarm=True)),
)


def cause(evidence, **told):
    told = {"better": None, "attribution": None, **told}
    return diagnose(evidence, importance=IMPORTANCE, **told)


def carried(named, *, by_feature=None, overlap=1.0, needed=None, **shares):
    told = [Share(source, value, value - 0.1, value + 0.1) for source, value in shares.items()]
    return Attribution(tuple(told), named, needed, overlap, by_feature or {}, 100)


def test_nothing_moved():
    assert cause(QUIET).cause == "none"


def test_broken_data_come_first_and_the_costliest_feature_leads():
    problems = (Problem("z", "missing", 0.6), Problem("x", "missing", 0.5))
    told = carried("broken", broken=0.8, covariates=0.1, relation=0.1)
    found = cause(replace(FELL, quality=problems), attribution=told)
    assert found.cause == "data_quality"
    assert found.culprits == ("x", "z")
    assert "'x' is missing in 50% of rows" in found.because
    assert "80% (70% to 90%) of the fall is on such rows" in found.because


def test_broken_data_are_not_blamed_for_a_fall_on_sound_rows():
    evidence = replace(FELL, quality=(Problem("z", "missing", 0.06),))
    told = carried("relation", broken=0.1, covariates=0.1, relation=0.8)
    assert cause(evidence, attribution=told).cause == "concept_drift"


def test_a_better_earlier_version_is_a_regression():
    told = carried("covariates", covariates=0.9, relation=0.1)
    found = cause(BOTH, better=Better(2, 0.4, 0.3), attribution=told)
    assert found.cause == "regression"
    released = found.shares[-1]
    assert (released.source, released.value) == ("release", pytest.approx(0.8))
    assert released.low == pytest.approx(0.6)


def test_a_fall_that_features_explain_blames_those_whose_move_carries_it():
    told = carried("covariates", by_feature={"x": 0.8, "z": 0.01}, covariates=0.8, relation=0.2)
    found = cause(BOTH, attribution=told)
    assert (found.cause, found.culprits) == ("covariate_drift", ("x",))
    assert "80% (70% to 90%)" in found.because
    assert [s.loss for s in found.suspects] == [0.8, 0.01]


def test_a_fall_on_the_same_features_is_concept_drift():
    found = cause(FELL, attribution=carried("relation", covariates=0.2, relation=0.8))
    assert found.cause == "concept_drift"


def test_a_fall_that_the_new_mix_of_targets_explains_is_label_drift():
    found = cause(FELL, attribution=carried("labels", labels=0.9, relation=0.1))
    assert (found.cause, found.culprits) == ("label_drift", ())


def test_what_rows_do_not_tell_is_unknown_and_says_what_would_tell():
    told = carried(None, needed=1234, covariates=0.45, relation=0.55)
    found = cause(BOTH, attribution=told)
    assert found.cause == "unknown"
    assert "about 1,300 labelled rows would tell" in found.because
    assert found.labels_needed == 1234
    unlike = cause(BOTH, attribution=replace(told, overlap=0.1)).because
    assert "90% of the rows are unlike any before" in unlike
    assert "too few" in cause(BOTH).because


def test_drift_without_harm_is_named_as_such():
    found = cause(MOVED)
    assert found.cause == "covariate_drift"
    assert "performance held" in found.because


def test_without_labels_the_cost_is_not_known():
    blind = replace(MOVED, performance=replace(MOVED.performance, realised=None))
    assert "not known" in cause(blind).because
    joint = Signal("", "joint", "domain_classifier", 0.9, 0.0, 0.8, alarm=True)
    assert cause(replace(blind, drift=(), joint=joint)).cause == "unknown"


def test_a_mix_of_classes_told_without_labels():
    blind = replace(MOVED, performance=replace(MOVED.performance, realised=None))
    mix = (ClassShare("no", 0.8, 0.4, 0.3, 0.5), ClassShare("yes", 0.2, 0.6, 0.5, 0.7))
    found = cause(blind, mix=mix)
    assert found.cause == "label_drift"
    assert "from 80% to about 40% (30% to 50%)" in found.because
    assert diagnosis_json(found)["classes"][1]["estimated"] == 0.6


def test_sentences_name_the_fall():
    found = cause(BOTH, attribution=carried("relation", covariates=0.0, relation=1.0))
    assert "went from 1 to 2" in found.because


def test_what_is_handled_already_is_told_and_not_blamed():
    problem = Problem("x", "out_of_range", 1.0, handled=True)
    found = cause(replace(QUIET, quality=(problem,)))
    assert (found.cause, found.culprits) == ("none", ())
    assert "'x' still broken" in found.because
    assert not replace(QUIET, quality=(problem,)).alarm


def test_priority_is_drift_times_importance():
    found = suspects(BOTH.drift, {"x": 3.0, "z": 1.0, "w": 9.0})
    assert [(s.feature, s.priority) for s in found] == [("x", 0.5 * 0.75), ("z", 0.9 * 0.25)]
    assert all(s.priority == 0 for s in suspects(BOTH.drift, {"x": -1.0}))
    assert suspects((), {}) == ()


def test_told_as_json():
    told = carried("relation", covariates=float("nan"), relation=1.0)
    found = diagnosis_json(cause(BOTH, attribution=told))
    assert found["shares"][0] == {"source": "covariates", "share": None, "low": None, "high": None}
    assert set(found["features"][0]) == {
        "feature", "drift", "alarm", "importance", "priority", "loss",
    }  # fmt: skip
    assert set(diagnosis_json(Diagnosis("none", (), ""))) == set(found)
