from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import Pipeline
from test_gate import BAR, SCHEMA, bundle, rows

from factory.gate import gate
from factory.metrics import metric_named
from factory.paired import Paired
from factory.policy import PolicyConfig
from factory.rehearse import Asked, Twin, informed, rehearse
from factory.remedies import DropFeatures, Keep, Retrain, RollBack
from factory.simultaneous import single_level

ASKED = Asked(fell=True, resamples=100, seed=0)
METRIC = metric_named(None, SCHEMA)


def ticking():
    return iter(range(999)).__next__


def made(model, calls, name):
    def make():
        calls.append(name)
        return model

    return make


def plans(calls, **models):
    remedies = {
        "old": RollBack(1),
        "refit": Retrain("all", weights="recency"),
        "recent": Retrain("recent", 1),
        "search": Retrain("all", weights="recency", search=True),
    }
    keep = {Keep(): lambda: None}
    return keep | {remedies[n]: made(model, calls, n) for n, model in models.items()}


def test_one_refit_is_tried_where_an_earlier_version_is_as_good_as_the_reference():
    champion, old = bundle(rows(300)), bundle(rows(300, slope=-1, seed=1, first=300))
    window = rows(400, slope=-1, seed=2, first=600)
    champion = replace(champion, reference_score=old.reference_score)
    calls = []
    tried = rehearse(
        plans(calls, old=old, refit=old, recent=old, search=old), window, champion,
        PolicyConfig(), ASKED, clock=ticking(),
    )  # fmt: skip
    assert calls == ["old", "refit"]
    assert [r.rehearsal.remedy.kind for r in tried] == ["keep", "roll_back", "retrain"]


def test_fits_are_tried_where_nothing_else_helps_and_a_search_where_no_fit_does():
    champion, poor = bundle(rows(300)), bundle(rows(300, slope=0.5, seed=1, first=300))
    good = bundle(rows(300, slope=-1, seed=3, first=900))
    window = rows(400, slope=-1, seed=2, first=600)
    calls = []
    given = plans(calls, old=champion, refit=poor, recent=poor, search=good)
    rehearse(given, window, champion, PolicyConfig(), ASKED, clock=ticking())
    assert calls == ["old", "refit", "recent", "search"]
    calls.clear()
    given = plans(calls, old=champion, refit=good, recent=good, search=good)
    rehearse(given, window, champion, PolicyConfig(), ASKED, clock=ticking())
    assert calls == ["old", "refit", "recent"]


def test_where_performance_held_one_refit_tells_whether_newer_rows_teach_anything():
    window = rows(400, seed=2, first=600)
    champion = bundle(rows(300))
    score = METRIC.value(window["y"].to_numpy(), champion.outputs(window))
    champion = replace(champion, reference_score=score)
    calls = []
    same = bundle(rows(300, seed=1, first=300))
    given = plans(calls, refit=same, recent=same, search=same)
    held = replace(ASKED, fell=False)
    rehearse(given, window, champion, PolicyConfig(), held, clock=ticking())
    assert calls == ["refit"]


def test_a_remedy_that_does_not_apply_is_left_out():
    champion = bundle(rows(300))
    given = {Keep(): lambda: None, DropFeatures(("a",), "hedge"): lambda: None}
    tried = rehearse(given, rows(200, seed=2), champion, PolicyConfig(), ASKED, clock=ticking())
    assert [r.rehearsal.remedy for r in tried] == [Keep()]
    assert tried[0].rehearsal.gain == tried[0].rehearsal.gain_low == 0


@pytest.mark.parametrize("correlation", [0.0, 0.9])
def test_false_gains_among_many_come_at_the_stated_rate(correlation):
    rng = np.random.default_rng(0)
    found = bonferroni = 0
    for seed in range(300):
        y, said = np.zeros(200), rng.normal(size=(9, 200))
        common = np.abs(said[8]) * np.sign(said[7])
        others = np.sqrt(1 - correlation) * said[1:7] + np.sqrt(correlation) * common
        champion = said[0] * np.sqrt(np.mean(others**2)) / np.sqrt(np.mean(said[0] ** 2))
        pairs = [Paired.of(METRIC, y, np.abs(champion), np.abs(each)) for each in others]
        level = single_level(pairs, 0.1, seed=seed)
        found += any(pair.p_value() < level for pair in pairs)
        bonferroni += any(pair.p_value() < 0.1 / 6 for pair in pairs)
    assert bonferroni <= found <= 300 * 0.1 + 3 * np.sqrt(300 * 0.09)


def test_a_model_knows_labels_until_they_are_joined_to_other_rows():
    window = rows(300, seed=2, first=600)
    said = bundle(rows(300)).outputs(window)
    y = window["y"].to_numpy()
    assert informed(SCHEMA, y, said, 0.005, 0)
    mixed = np.random.default_rng(0).permutation(y)
    assert not informed(SCHEMA, mixed, said, 0.005, 0)
    assert not informed(SCHEMA, np.full(300, y[0]), said, 0.005, 0)


def test_labels_that_nobody_knows_are_told_for_every_model():
    champion = bundle(rows(300))
    window = rows(400, seed=2, first=600)
    window["y"] = np.random.default_rng(1).permutation(window["y"].to_numpy())
    learnt = Pipeline([("model", LinearRegression())]).fit(window[["a", "b"]], window["y"])
    refitted = replace(champion, pipeline=learnt)
    given = plans([], refit=refitted)
    tried = rehearse(given, window, champion, PolicyConfig(), ASKED, clock=ticking())
    assert len(tried) == 2
    assert not any(r.rehearsal.informed for r in tried)


def test_where_rows_are_few_twins_measure_those_that_are_learnt_from():
    champion = bundle(rows(300))
    window = rows(120, slope=-1, seed=2, first=600)
    first = np.arange(120) < 60
    older, newer = window.loc[first], window.loc[~first]
    given = {Keep(): lambda: None, Retrain("all"): lambda: bundle(older)}
    crosswise = {Keep(): lambda: None, Retrain("all"): lambda: bundle(newer)}
    tried = rehearse(
        given, window, champion, PolicyConfig(), ASKED, clock=ticking(),
        twins=[Twin(first, crosswise)],
    )  # fmt: skip
    found = tried[1]
    assert found.rehearsal.rows == 120
    expected = np.where(first, bundle(newer).outputs(window), bundle(older).outputs(window))
    assert np.array_equal(found.outputs, expected)
    bar = replace(BAR, level=found.rehearsal.level)
    alone = gate(champion, found.bundle, window, bar)
    assert alone.tests[0].figures["rows"] == 60
    both = gate(champion, found.bundle, window, bar, crossed=(first, found.outputs))
    assert both.passed
    assert both.tests[0].figures["rows"] == 120
