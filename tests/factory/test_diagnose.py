from dataclasses import replace

from test_decide import FELL, MOVED, QUIET

from factory.attribution import Attribution
from factory.diagnose import diagnose
from factory.nouns import Estimate, Problem, Signal

IMPORTANCE = {"x": 0.5, "z": 0.0}


def cause(evidence, **told):
    told = {"better_version": None, "attribution": None, **told}
    return diagnose(evidence, importance=IMPORTANCE, **told)


def test_nothing_moved():
    assert cause(QUIET).cause == "none"


def test_broken_data_come_first_and_the_costliest_feature_leads():
    problems = (Problem("z", "missing", 0.6), Problem("x", "missing", 0.5))
    found = cause(replace(FELL, quality=problems), attribution=Attribution(0.0, None))
    assert found.cause == "data_quality"
    assert found.culprits == ("x", "z")
    assert "'x' is missing in 50% of rows" in found.because


def test_broken_data_are_not_blamed_for_a_fall_on_sound_rows():
    evidence = replace(FELL, quality=(Problem("z", "missing", 0.06),))
    found = cause(evidence, attribution=Attribution(0.1, None), explained_by_broken=0.1)
    assert found.cause == "concept_drift"


def test_a_better_earlier_version_is_a_regression():
    assert cause(FELL, better_version=2, attribution=Attribution(0.9, None)).cause == "regression"


def test_a_fall_that_reweighting_reproduces_is_covariate_drift():
    both = replace(FELL, drift=MOVED.drift)
    found = cause(both, attribution=Attribution(0.8, None))
    assert (found.cause, found.culprits) == ("covariate_drift", ("x",))
    assert "80%" in found.because


def test_a_fall_that_reweighting_does_not_reproduce_is_concept_drift():
    assert cause(FELL, attribution=Attribution(0.2, 0.1)).cause == "concept_drift"


def test_a_fall_that_the_new_mix_of_labels_reproduces_is_label_drift():
    label = Signal("y", "category", "chi2", 9.0, 0.0, 0.4, alarm=True)
    found = cause(replace(FELL, label_drift=label), attribution=Attribution(0.3, 0.9))
    assert found.cause == "label_drift"


def test_drift_without_harm_is_named_as_such():
    found = cause(MOVED)
    assert found.cause == "covariate_drift"
    assert "performance held" in found.because


def test_without_labels_the_cost_is_not_known():
    blind = replace(MOVED, performance=replace(MOVED.performance, realised=None))
    assert "not known" in cause(blind).because
    joint = Signal("", "joint", "domain_classifier", 0.9, 0.0, 0.8, alarm=True)
    assert cause(replace(blind, drift=(), joint=joint)).cause == "unknown"


def test_sentences_name_the_fall():
    realised = Estimate(2.0, 1.9, 2.1, 100)
    evidence = replace(FELL, performance=replace(FELL.performance, realised=realised))
    assert "went from 1 to 2" in cause(evidence, attribution=Attribution(0.0, None)).because


def test_what_is_handled_already_is_told_and_not_blamed():
    problem = Problem("x", "out_of_range", 1.0, handled=True)
    found = cause(replace(QUIET, quality=(problem,)))
    assert (found.cause, found.culprits) == ("none", ())
    assert "'x' still broken" in found.because
    assert not replace(QUIET, quality=(problem,)).alarm
