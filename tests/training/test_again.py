"""The champion's recipe on other rows, weighted or not, and a search that starts from it."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from training_rows import TASKS, Ticks, config, rows, schema

from factory.bundle import pipeline_outputs
from factory.errors import BadData
from factory.metrics import metric_named
from factory.reweight import effective
from training.again import Judged, fitted_again, refit, research, served
from training.judge import completed
from training.train import train
from training.weights import by_covariates, by_recency

QUICK = config(search={"families": ["tree", "linear"], "trials": 6})


def trained(task):
    return train(rows(task), schema(task), QUICK, clock=Ticks(0.001))


@pytest.mark.parametrize("task", TASKS)
def test_refit_learns_from_all_features_but_those_left_out(task):
    champion = trained(task).bundle
    newer, reference = rows(task, 120, seed=5), rows(task, 60, seed=6)
    again = refit(champion.neutralise(("size",)), newer, reference, QUICK)
    assert again.neutralised == ()
    assert again.schema == champion.schema
    assert (again.importance, again.estimator) == ({}, None), "light until it is chosen"
    whole = completed(again, QUICK)
    assert whole.importance["size"] > 0
    assert whole.estimator is not None
    assert whole.pipeline is again.pipeline
    assert (again.family, again.params) == (champion.family, champion.params)
    assert not again.unseen(newer).any()
    assert again.unseen(reference).all()
    assert len(again.reference) == 60
    less = refit(champion, newer, reference, QUICK, without=("size", "made"))
    assert less.schema.names == ("noise", "empty", "colour", "void")
    metric = metric_named(None, champion.schema)
    assert metric.gain(again.reference_score, less.reference_score) < 0
    assert len(less.outputs(reference)) == 60


def test_refit_leaves_out_what_it_cannot_use():
    champion = trained("multiclass").bundle
    newer, reference = rows("multiclass", 120, seed=5), rows("multiclass", 60, seed=6)
    newer.loc[:9, "y"] = "never seen"
    newer.loc[10:19, "y"] = None
    assert refit(champion, newer, reference, QUICK).unseen(newer).sum() == 20
    only_two = newer[newer["y"].isin(["a", "b"])]
    assert refit(champion, only_two, reference, QUICK).reference_outputs.shape == (60, 3)
    with pytest.raises(BadData, match="No feature is left"):
        refit(champion, newer, reference, QUICK, without=champion.schema.names)
    with pytest.raises(BadData, match="9 labelled rows are too few"):
        refit(champion, rows("multiclass", 9), reference, QUICK)
    with pytest.raises(BadData, match="'y' is 'a' in all 120 rows"):
        refit(champion, newer.assign(y="a"), reference, QUICK)


def test_a_refit_follows_the_rows_that_count():
    champion = trained("regression").bundle
    newer, reference = rows("regression", 200, seed=5), rows("regression", 60, seed=6)
    older = rows("regression", 200, seed=7)
    older["y"] = 200 - older["y"]
    both = pd.concat([older, newer], ignore_index=True)
    even = refit(champion, both, reference, QUICK)
    recent = refit(champion, both, reference, QUICK, weights=by_recency(400, half_life=40))
    alone = refit(champion, newer, reference, QUICK)
    assert recent.reference_score < 0.5 * even.reference_score
    assert recent.reference_score < 1.5 * alone.reference_score
    unlabelled = both.assign(y=both["y"].where(np.arange(400) >= 200))
    known = refit(champion, unlabelled, reference, QUICK, weights=np.repeat([0.0, 1.0], 200))
    np.testing.assert_allclose(known.reference_outputs, alone.reference_outputs)
    with pytest.raises(BadData, match="0 labelled rows"):
        refit(champion, both, reference, QUICK, weights=np.zeros(400))


def test_rows_are_weighted_to_a_window():
    columns = schema("regression")
    frame = rows("regression", 3000, seed=3)
    window = rows("regression", 1000, seed=4)
    window = window[window["size"] > 0.5]
    weights = by_covariates(columns, frame, window, seed=0)
    present = frame["size"].notna().to_numpy()
    mean = np.average(frame["size"][present], weights=weights[present])
    assert mean == pytest.approx(window["size"].mean(), abs=0.15)
    assert 100 < effective(weights) < 1500
    even = by_covariates(columns, frame, rows("regression", 1000, seed=9), seed=0)
    assert effective(even) > 2500


@pytest.mark.parametrize("task", TASKS)
def test_a_search_starts_with_the_champions_recipe(task):
    champion = trained(task).bundle
    newer, reference = rows(task, 120, seed=5), rows(task, 60, seed=6)
    tried = []
    settings = config(search={"families": ["linear"], "trials": 4})
    found = research(
        champion, newer, reference, settings, clock=Ticks(0.001), on_trial=tried.append
    )
    assert (tried[0].family, dict(tried[0].params)) == (champion.family, dict(champion.params))
    assert len(tried) == 4
    linear = [params for family, params in champion.found if family == "linear"]
    assert len(champion.found) <= 3
    begun = [trial.params for trial in tried if trial.family == "linear"]
    assert begun[: len(linear)] == linear, "where the champion's search ended"
    assert (found.family, dict(found.params)) == (found.found[0][0], dict(found.found[0][1]))
    best = tried[0].score
    metric = metric_named(None, champion.schema)
    for trial in tried:
        if trial.state == "complete" and metric.gain(best, trial.score) > 0:
            best, chosen = trial.score, trial
            assert chosen.number > 0
    assert any(t.score == best and t.family == found.family for t in tried)
    assert not found.unseen(newer).any()
    assert (found.importance, found.config["metric"]) == ({}, champion.metric)


def test_a_search_ends_with_its_budget_and_keeps_to_what_is_left_of_the_features():
    champion = trained("regression").bundle
    newer, reference = rows("regression", 120, seed=5), rows("regression", 60, seed=6)
    settings = config(search={"families": ["tree"], "trials": 1})
    found = research(champion, newer, reference, settings, clock=Ticks(0.001), without=("noise",))
    plain = refit(champion, newer, reference, settings, without=("noise",))
    assert (found.family, found.params) == (champion.family, champion.params)
    np.testing.assert_allclose(found.reference_outputs, plain.reference_outputs)
    assert found.columns == champion.schema.features


def test_units_stay_known():
    champion = replace(trained("regression").bundle, units={"size": ((2.54, 0.0),)})
    newer, reference = rows("regression", 120, seed=5), rows("regression", 60, seed=6)
    assert refit(champion, newer, reference, QUICK).units == champion.units


def test_what_serves_has_learnt_all_and_is_judged_by_its_twins():
    champion = trained("regression").bundle
    older, newest = rows("regression", 120, seed=5), rows("regression", 60, seed=6)
    measured = refit(champion, older, newest, QUICK)
    every = pd.concat([older, newest], ignore_index=True)
    twin = refit(champion, every.iloc[:150], newest.tail(30), QUICK)
    outputs = measured.outputs(newest)
    outputs[30:] = twin.outputs(newest.tail(30))
    judged = Judged(newest, outputs, np.repeat([0, 1], 30))
    final = served(measured, [twin], every, judged, QUICK)
    assert (final.family, final.params) == (measured.family, measured.params)
    assert not final.unseen(every).any()
    np.testing.assert_array_equal(final.reference_outputs, outputs)
    metric = metric_named(None, champion.schema)
    assert final.reference_score == metric.value(newest["y"].to_numpy(), outputs)
    np.testing.assert_allclose(final.unlearnt(final.marked), outputs, rtol=1e-12)
    assert final.measured.unseen(newest.head(30)).all()
    learn, pipeline = fitted_again(measured, every, QUICK)
    assert len(learn) == 180
    np.testing.assert_array_equal(
        pipeline_outputs(pipeline, final.schema, newest), final.outputs(newest)
    )
    whole = completed(final, QUICK, learn=older)
    assert whole.importance["size"] > 0
    assert whole.twins is final.twins
