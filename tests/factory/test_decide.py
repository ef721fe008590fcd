from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.decide import Refused, decide
from factory.nouns import DataVersion, Diagnosis, Estimate, Evidence, Performance, Problem, Signal
from factory.plan import History
from factory.policy import GateConfig, PolicyConfig, PriceConfig
from factory.remedies import (
    Adapt,
    AskLabels,
    DropFeatures,
    FixSource,
    Keep,
    Rehearsal,
    Retrain,
    RollBack,
)

POLICY = PolicyConfig()
PAST = History((), 1, 9)
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
    return Rehearsal(remedy, 1.0 - gain, 0.9, 1.1, gain, low, 0.05, 1.0, 400)


KEEP = rehearsal(Keep(), 0.0, 0.0)


def test_quiet_windows_keep():
    assert decide(QUIET, NONE, [KEEP], PAST, POLICY).remedy == Keep()


def test_the_largest_certain_gain_wins():
    tried = [
        KEEP,
        rehearsal(RollBack(1), 0.05, 0.01),
        rehearsal(Retrain("recent", 1), 0.20, 0.15),
        rehearsal(Retrain("all"), 0.30, -0.01),
    ]
    choice = decide(FELL, CONCEPT, tried, PAST, POLICY)
    assert choice.remedy == Retrain("recent", 1)
    assert "20.0%" in choice.because
    assert "at least 15.0%" in choice.because


def test_a_retraining_pays_its_cost():
    tried = [KEEP, rehearsal(RollBack(1), 0.10, 0.05), rehearsal(Retrain("all"), 0.105, 0.06)]
    assert decide(FELL, CONCEPT, tried, PAST, POLICY).remedy == RollBack(1)


def test_a_lucky_mean_does_not_beat_a_surer_gain():
    tried = [KEEP, rehearsal(RollBack(7), 0.65, 0.63), rehearsal(Retrain("recent", 1), 0.68, 0.61)]
    assert decide(FELL, CONCEPT, tried, PAST, POLICY).remedy == RollBack(7)


def test_a_tie_goes_to_the_cheaper_remedy():
    drop = DropFeatures(("x",), "neutralise")
    tried = [KEEP, rehearsal(RollBack(1), 0.1, 0.05), rehearsal(drop, 0.1, 0.05)]
    assert decide(FELL, CONCEPT, tried, PAST, POLICY).remedy == RollBack(1)


def test_an_uncertain_gain_changes_nothing_and_says_so():
    tried = [KEEP, rehearsal(Retrain("recent", 1), 0.3, -0.01)]
    choice = decide(FELL, CONCEPT, tried, PAST, POLICY)
    assert choice.remedy == Keep()
    assert "although performance fell" in choice.because
    assert "a certain gain" in choice.because


@pytest.mark.parametrize(
    "remedy", [Retrain("all"), DropFeatures(("x",), "refit"), Adapt("unit", ("x",))]
)
def test_where_keeping_is_a_risk_too_an_expected_gain_that_is_surely_no_loss_will_do(remedy):
    assert (
        decide(FELL, CONCEPT, [KEEP, rehearsal(remedy, 0.06, -0.01)], PAST, POLICY).remedy == remedy
    )
    worse = decide(FELL, CONCEPT, [KEEP, rehearsal(remedy, 0.06, -0.03)], PAST, POLICY)
    assert worse.remedy == Keep()
    assert "certainly no worse than -2.0%" in worse.because
    strict = POLICY.model_copy(update={"gate": GateConfig(test="improvement")})
    assert (
        decide(FELL, CONCEPT, [KEEP, rehearsal(remedy, 0.06, -0.01)], PAST, strict).remedy == Keep()
    )
    little = [KEEP, rehearsal(remedy, 0.015, -0.01)]
    assert decide(FELL, CONCEPT, little, PAST, POLICY).remedy == Keep()


def test_broken_data_that_no_model_mends_are_for_the_source():
    broken = replace(FELL, quality=(Problem("a", "missing", 0.9),))
    diagnosis = Diagnosis("data_quality", ("a",), "'a' is missing in 90% of rows")
    tried = [KEEP, rehearsal(DropFeatures(("a",), "neutralise"), 0.0, -0.1)]
    assert decide(broken, diagnosis, tried, PAST, POLICY).remedy == FixSource(("a",))
    harmless = replace(broken, performance=QUIET.performance)
    assert decide(harmless, diagnosis, tried, PAST, POLICY).remedy == Keep()


@pytest.mark.parametrize(
    ("evidence", "diagnosis", "kind"),
    [
        (QUIET, NONE, Keep),
        (MOVED, Diagnosis("covariate_drift", ("x",), "x moved"), Keep),
        (replace(MOVED, labelled=10), Diagnosis("covariate_drift", ("x",), "x moved"), AskLabels),
        (
            replace(QUIET, quality=(Problem("x", "missing", 0.5),)),
            Diagnosis("data_quality", ("x",), "x is missing"),
            FixSource,
        ),
    ],
)
def test_without_labels_no_remedy_is_chosen_that_needs_them(evidence, diagnosis, kind):
    assert isinstance(decide(evidence, diagnosis, [], PAST, POLICY).remedy, kind)


@given(
    st.lists(st.tuples(st.floats(-1, 1), st.floats(0, 1)), max_size=5),
    st.sampled_from([QUIET, FELL, MOVED]),
)
def test_nothing_changes_without_a_certain_gain_worth_having(pairs, evidence):
    tried = [KEEP] + [
        rehearsal(RollBack(i + 1), gain, gain - width) for i, (gain, width) in enumerate(pairs)
    ]
    choice = decide(evidence, CONCEPT, tried, PAST, POLICY)
    assert choice == decide(evidence, CONCEPT, tried, PAST, POLICY)
    if isinstance(choice.remedy, RollBack):
        gain, width = pairs[choice.remedy.to_version - 1]
        assert gain >= POLICY.minimum_gain
        assert gain - width > 0


def test_undoing_a_change_that_has_not_settled_needs_twice_the_gain():
    tried = [KEEP, rehearsal(RollBack(1), 0.03, 0.01)]
    assert decide(FELL, CONCEPT, tried, PAST, POLICY).remedy == RollBack(1)
    unsettled = replace(PAST, left=(1,))
    assert decide(FELL, CONCEPT, tried, unsettled, POLICY).remedy == Keep()


def test_labels_that_no_model_knows_anything_of_are_for_the_source():
    tried = [replace(r, informed=False) for r in (KEEP, rehearsal(Retrain("all"), 0.4, 0.3))]
    label_drift = Signal("y", "label", "ks", 0.0, 1.0, 0.0, alarm=False)
    fell = replace(FELL, label_drift=label_drift)
    choice = decide(fell, CONCEPT, tried, PAST, POLICY)
    assert choice.remedy == FixSource(("y",))
    assert "not to be trusted" in choice.because
    tried[1] = replace(tried[1], informed=True)
    assert decide(fell, CONCEPT, tried, PAST, POLICY).remedy == Retrain("all")


def test_a_stand_in_decides_where_it_is_certain_and_else_labels_are_asked_for():
    mute = DropFeatures(("a",), "neutralise")
    good = [replace(r, measured=False) for r in (KEEP, rehearsal(mute, 0.3, 0.2))]
    broken = replace(FELL, quality=(Problem("a", "missing", 0.9),))
    diagnosis = Diagnosis("data_quality", ("a",), "'a' is missing in 90% of rows")
    choice = decide(broken, diagnosis, good, PAST, POLICY)
    assert choice.remedy == mute
    assert "reference rows made like the window's" in choice.because
    poor = [good[0], replace(good[1], gain=0.0, gain_low=-0.1)]
    assert decide(broken, diagnosis, poor, PAST, POLICY).remedy == FixSource(("a",))


def test_the_owners_prices_decide():
    tried = [KEEP, rehearsal(Retrain("all"), 0.10, 0.08)]
    dear = PolicyConfig(price=PriceConfig(unit="EUR", window=100.0, refit=20.0))
    assert decide(FELL, CONCEPT, tried, PAST, dear).remedy == Keep()
    patient = dear.model_copy(update={"horizon": 5.0})
    assert decide(FELL, CONCEPT, tried, PAST, patient).remedy == Retrain("all")


def test_where_the_gate_refused_the_best_the_next_best_is_asked_for():
    tried = [
        KEEP,
        rehearsal(RollBack(1), 0.15, 0.1),
        rehearsal(Retrain("all"), 0.30, 0.2),
        rehearsal(Retrain("recent", 1), 0.25, -0.01),
    ]
    refused = [Refused(Retrain("all"), "older slices are forgotten")]
    choice = decide(FELL, CONCEPT, tried, PAST, POLICY, refused)
    assert choice.remedy == RollBack(1)
    assert "a refit on all rows (older slices are forgotten)" in choice.because
    refused.append(Refused(RollBack(1), "too slow"))
    assert decide(FELL, CONCEPT, tried, PAST, POLICY, refused).remedy == Keep()


def test_what_is_worth_less_than_keeping_is_not_done():
    dear = POLICY.model_copy(update={"price": PriceConfig(compute_hour=1000.0)})
    tried = [KEEP, rehearsal(Retrain("all"), 0.10, 0.08)]
    assert decide(FELL, CONCEPT, tried, PAST, POLICY).remedy == Retrain("all")
    assert decide(FELL, CONCEPT, tried, PAST, dear).remedy == Keep()
