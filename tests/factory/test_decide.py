from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.config import PolicyConfig
from factory.decide import decide, labels_needed
from factory.nouns import (
    AskLabels,
    DataVersion,
    Diagnosis,
    DropFeatures,
    Estimate,
    Evidence,
    FixSource,
    Keep,
    Performance,
    Problem,
    Rehearsal,
    Retrain,
    RollBack,
    Signal,
)

POLICY = PolicyConfig()
QUIET = Evidence(
    model="m",
    version=1,
    window=DataVersion("0" * 64, 1000),
    labelled=1000,
    quality=(),
    drift=(),
    joint=None,
    prediction_drift=None,
    label_drift=None,
    performance=Performance(
        "mean_absolute_error", 1.0, Estimate(1.0, 0.9, 1.1, 1000), None, alarm=False
    ),
)
FELL = replace(QUIET, performance=replace(QUIET.performance, alarm=True))
MOVED = replace(QUIET, drift=(Signal("x", "number", "ks", 0.5, 0.0, 0.5, alarm=True),))
NONE = Diagnosis("none", (), "nothing moved that matters")
CONCEPT = Diagnosis("concept_drift", (), "the relation moved")


def rehearsal(remedy, gain, low):
    return Rehearsal(remedy, 1.0 - gain, 0.9, 1.1, gain, low, 1.0, 400)


KEEP = rehearsal(Keep(), 0.0, 0.0)


def test_quiet_windows_keep():
    assert decide(QUIET, NONE, [KEEP], POLICY).remedy == Keep()


def test_the_largest_certain_gain_wins():
    tried = [
        KEEP,
        rehearsal(RollBack(1), 0.05, 0.01),
        rehearsal(Retrain("recent", 1), 0.20, 0.15),
        rehearsal(Retrain("all"), 0.30, -0.01),
    ]
    choice = decide(FELL, CONCEPT, tried, POLICY)
    assert choice.remedy == Retrain("recent", 1)
    assert "20.0%" in choice.because
    assert "at least 15.0%" in choice.because


def test_a_retraining_pays_its_cost():
    tried = [KEEP, rehearsal(RollBack(1), 0.10, 0.05), rehearsal(Retrain("all"), 0.105, 0.06)]
    assert decide(FELL, CONCEPT, tried, POLICY).remedy == RollBack(1)


def test_a_lucky_mean_does_not_beat_a_surer_gain():
    tried = [KEEP, rehearsal(RollBack(7), 0.65, 0.63), rehearsal(Retrain("recent", 1), 0.68, 0.61)]
    assert decide(FELL, CONCEPT, tried, POLICY).remedy == RollBack(7)


def test_a_tie_goes_to_the_cheaper_remedy():
    drop = DropFeatures(("x",), "neutralise")
    tried = [KEEP, rehearsal(RollBack(1), 0.1, 0.05), rehearsal(drop, 0.1, 0.05)]
    assert decide(FELL, CONCEPT, tried, POLICY).remedy == RollBack(1)


def test_an_uncertain_gain_changes_nothing_and_says_so():
    tried = [KEEP, rehearsal(Retrain("all"), 0.3, -0.01)]
    choice = decide(FELL, CONCEPT, tried, POLICY)
    assert choice.remedy == Keep()
    assert "although performance fell" in choice.because


def test_broken_data_that_no_model_mends_are_for_the_source():
    broken = replace(FELL, quality=(Problem("a", "missing", 0.9),))
    diagnosis = Diagnosis("data_quality", ("a",), "'a' is missing in 90% of rows")
    tried = [KEEP, rehearsal(DropFeatures(("a",), "neutralise"), 0.0, -0.1)]
    assert decide(broken, diagnosis, tried, POLICY).remedy == FixSource(("a",))
    harmless = replace(broken, performance=QUIET.performance)
    assert decide(harmless, diagnosis, tried, POLICY).remedy == Keep()


@pytest.mark.parametrize(
    ("evidence", "diagnosis", "kind"),
    [
        (QUIET, NONE, Keep),
        (MOVED, Diagnosis("covariate_drift", ("x",), "x moved"), AskLabels),
        (
            replace(QUIET, quality=(Problem("x", "missing", 0.5),)),
            Diagnosis("data_quality", ("x",), "x is missing"),
            FixSource,
        ),
    ],
)
def test_without_labels_no_remedy_is_chosen_that_needs_them(evidence, diagnosis, kind):
    assert isinstance(decide(evidence, diagnosis, [], POLICY).remedy, kind)


@given(
    st.lists(st.tuples(st.floats(-1, 1), st.floats(0, 1)), max_size=5),
    st.sampled_from([QUIET, FELL, MOVED]),
)
def test_nothing_changes_without_a_certain_gain_worth_having(pairs, evidence):
    tried = [KEEP] + [
        rehearsal(RollBack(i + 1), gain, gain - width) for i, (gain, width) in enumerate(pairs)
    ]
    choice = decide(evidence, CONCEPT, tried, POLICY)
    assert choice == decide(evidence, CONCEPT, tried, POLICY)
    if isinstance(choice.remedy, RollBack):
        gain, width = pairs[choice.remedy.to_version - 1]
        assert gain >= POLICY.minimum_gain
        assert gain - width > 0


def test_finer_differences_need_more_labels():
    assert labels_needed(0.05, 0.05) > labels_needed(0.05, 0.1) > labels_needed(0.2, 0.1)
