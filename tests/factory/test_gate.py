from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyRegressor
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import Pipeline
from test_decide import CONCEPT, FELL, MOVED, NONE, QUIET

from factory.bundle import Bundle, row_hashes
from factory.gate import Bar, gate, gate_first, served_tests, with_tests
from factory.nouns import Column, Problem, Schema
from factory.plan import History, applicable
from factory.policy import PolicyConfig
from factory.rehearse import Asked, evaluation_rows, rehearse
from factory.remedies import DropFeatures, Keep, Retrain, RollBack

SCHEMA = Schema((Column("a", "number"), Column("b", "number")), "y", "regression", id="id")
BAR = Bar(minimum_rows=30)


def rows(n, *, slope=1.0, seed=0, first=0):
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=n), rng.normal(size=n)
    y = slope * a + b + rng.normal(scale=0.3, size=n)
    ids = np.array([str(i) for i in range(first, first + n)], dtype=object)
    return pd.DataFrame({"a": a, "b": b, "y": y, "id": ids})


def bundle(frame, model=None):
    pipeline = Pipeline([("model", model or LinearRegression())]).fit(frame[["a", "b"]], frame["y"])
    outputs = pipeline.predict(frame[["a", "b"]])
    return Bundle(
        schema=SCHEMA,
        pipeline=pipeline,
        family="linear",
        params={},
        metric="mean_absolute_error",
        reference=frame,
        reference_outputs=outputs,
        reference_score=float(np.mean(np.abs(outputs - frame["y"]))),
        importance={"a": 0.5, "b": 0.5},
        neutral={"a": 0.0, "b": 0.0},
        seen=np.sort(row_hashes(frame, SCHEMA)),
    )


def test_a_better_challenger_passes():
    old, new = bundle(rows(300)), bundle(rows(300, slope=-1, seed=1, first=300))
    fresh = rows(300, slope=-1, seed=2, first=600)
    verdict = gate(old, new, fresh, BAR)
    assert verdict.passed
    assert "300 rows" in verdict.because
    assert not gate(new, old, fresh, BAR).passed


def test_an_equal_challenger_fails():
    champion = bundle(rows(300))
    assert not gate(champion, champion, rows(300, seed=2, first=600), BAR).passed


def test_rows_that_a_model_has_seen_do_not_count():
    old, new = bundle(rows(300)), bundle(rows(300, slope=-1, seed=1, first=300))
    verdict = gate(old, new, rows(300, slope=-1, seed=1, first=300), BAR)
    assert not verdict.passed
    assert "Only 0 rows are new" in verdict.because


def test_a_constant_model_fails_whatever_it_scores():
    champion = bundle(rows(300, slope=-1))
    constant = bundle(rows(300, first=300, seed=1), DummyRegressor())
    verdict = gate(champion, constant, rows(300, seed=2, first=600), BAR)
    assert verdict.because == "The model predicts the same for every row"


def test_what_serves_must_say_no_worse_of_rows_it_knows_than_what_was_measured():
    old, measured = bundle(rows(300)), bundle(rows(300, slope=-1, seed=1, first=300))
    fresh = rows(300, slope=-1, seed=2, first=600)
    verdict = gate(old, measured, fresh, BAR)
    said = measured.outputs(fresh)
    both = pd.concat([rows(300, slope=-1, seed=1, first=300), fresh])
    good = served_tests(old, bundle(both), fresh, said, BAR)
    assert with_tests(verdict, good).passed
    assert [test.name for test in with_tests(verdict, good).tests][-2:] == ["served", "served_fits"]
    bad = with_tests(verdict, served_tests(old, old, fresh, said, BAR))
    assert not bad.passed
    assert "says worse" in bad.because
    nothing = bundle(both, DummyRegressor())
    assert (
        "the same for every row"
        in with_tests(verdict, served_tests(old, nothing, fresh, said, BAR)).because
    )


def test_the_first_champion_must_beat_a_constant():
    challenger = bundle(rows(300))
    assert gate_first(challenger, baseline=1.0, bar=BAR).passed
    assert not gate_first(challenger, baseline=0.01, bar=BAR).passed


def test_null_challengers_pass_at_most_at_the_stated_rate():
    base = rows(400)
    champion = bundle(base)
    passed = 0
    for seed in range(100):
        same = bundle(rows(400, seed=1000 + seed, first=1000 * seed + 1000))
        fresh = rows(200, seed=5000 + seed, first=200_000 + 1000 * seed)
        bar = replace(BAR, gain=0.0)
        passed += gate(champion, same, fresh, bar).passed
    assert passed <= 12  # nominal 5 %; 13 or more of 100 has probability below 0.1 %


def test_neutralising_removes_a_broken_features_harm():
    champion = bundle(rows(300))
    broken = rows(300, seed=2, first=600).assign(a=40.0)
    plans = {
        Keep(): lambda: champion,
        DropFeatures(("a",), "neutralise"): lambda: champion.neutralise(("a",)),
        Retrain("all"): lambda: None,
    }
    tried = rehearse(
        plans,
        broken,
        champion,
        PolicyConfig(),
        Asked(fell=True, resamples=200, seed=0),
        clock=iter(range(99)).__next__,
    )
    assert [r.rehearsal.remedy.kind for r in tried] == ["keep", "drop_features"]
    assert tried[0].rehearsal.gain == 0
    assert tried[1].rehearsal.gain_low > 0.5
    again = tried[1].bundle.neutralise(("b",))
    assert again.neutralised == ("a", "b")
    assert np.ptp(again.outputs(broken)) == 0


@pytest.mark.parametrize("share", [0.1, 0.4, 0.9])
def test_measured_rows_are_the_newest_labelled_and_never_learnt_from(share):
    labelled = np.random.default_rng(0).random(101) < 0.7
    learn, measure = evaluation_rows(labelled, share)
    assert not (learn & measure).any()
    assert ((learn | measure) == labelled).all()
    assert np.flatnonzero(learn).max() < np.flatnonzero(measure).min()


HISTORY = History(earlier=(4, 3, 2, 1), reign=5, windows_since_promotion=2)


def test_quiet_windows_rehearse_only_what_costs_one_prediction():
    remedies = applicable(QUIET, NONE, HISTORY, PolicyConfig(versions=3), task="regression")
    assert remedies == (Keep(), RollBack(4), RollBack(3), RollBack(2))


def test_alarms_rehearse_refits_unless_the_cooldown_runs():
    assert Retrain("recent", 1) in applicable(
        MOVED, NONE, HISTORY, PolicyConfig(), task="regression"
    )
    cooling = applicable(MOVED, NONE, HISTORY, PolicyConfig(cooldown=3), task="regression")
    assert Retrain("all") not in cooling


def test_features_already_neutralised_are_not_dropped_again():
    diagnosis = CONCEPT.__class__("covariate_drift", ("x", "z"), "")
    problems = (Problem("x", "missing", 1.0, handled=True), Problem("z", "missing", 1.0))
    evidence = replace(FELL, quality=problems)
    remedies = applicable(evidence, diagnosis, History((), 1, 0), PolicyConfig(), task="regression")
    assert DropFeatures(("z",), "neutralise") in remedies
    assert DropFeatures(("z",), "refit") in remedies
