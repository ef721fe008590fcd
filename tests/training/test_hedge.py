"""Fallback models: for which features, what they are worth, and which one a breakage calls for."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from training_rows import CLASSES, TASKS, Ticks, config

from factory.adapt import adapted
from factory.errors import BadConfig
from factory.metrics import metric_named
from factory.nouns import Column, Problem, Schema
from factory.remedies import Adapt
from training.again import refit
from training.hedge import hedged_groups
from training.judge import completed
from training.split import split
from training.train import train

NAMES = ("height", "weight", "lat", "lon", "noise", "place")
FEATURES = tuple(Column(name, "category" if name == "place" else "number") for name in NAMES)
SEARCH = {"families": ["linear"], "trials": 1}
PLAIN = config(search=SEARCH)


def schema(task):
    return Schema(FEATURES, "y", task, "when", None, CLASSES[task])


def rows(task, count, seed):
    """Weight tells what height does; latitude and longitude go missing together."""
    rng = np.random.default_rng(seed)
    height, lat, lon = rng.normal(size=(3, count))
    level = 2 * height + lat - lon + 0.3 * rng.normal(size=count)
    weight = height + 0.2 * rng.normal(size=count)
    lost = rng.random(count) < 0.05
    lat, lon = np.where(lost, np.nan, lat), np.where(lost, np.nan, lon)
    borders = {"binary": [0.0], "multiclass": [-1.5, 1.5]}
    y = level
    if task != "regression":
        y = np.array(CLASSES[task], dtype=object)[np.digitize(level, borders[task])]
    return pd.DataFrame(
        {
            "height": height,
            "weight": weight,
            "lat": lat,
            "lon": lon,
            "noise": rng.normal(size=count),
            "place": rng.choice(np.array(["a", "b"], dtype=object), size=count),
            "when": pd.date_range("2024-01-01", periods=count, freq="h"),
            "y": y,
        }
    )


def trained(task, settings=PLAIN):
    return train(rows(task, 600, 0), schema(task), settings, clock=Ticks(0.001)).bundle


CHAMPIONS = {task: trained(task) for task in TASKS}


def score(bundle, frame):
    metric = metric_named(bundle.metric, bundle.schema)
    return metric.value(frame["y"].to_numpy(), bundle.outputs(frame))


@pytest.mark.parametrize("task", TASKS)
def test_a_fallback_beats_a_neutralised_feature_when_it_breaks(task):
    champion = CHAMPIONS[task]
    assert ("height",) in list(champion.hedges)[:2]
    fresh = rows(task, 400, 7)
    broken = fresh.assign(height=9999.0)
    hedge = champion.hedge({"height"})
    metric = metric_named(None, champion.schema)
    muted = champion.neutralise(("height",))
    assert metric.gain(score(muted, broken), score(hedge, broken)) > 0.05
    assert hedge.schema.names == NAMES[1:]
    assert hedge.columns == champion.schema.features
    assert hedge.unseen(fresh.drop(columns="height")).all()
    assert np.array_equal(hedge.outputs(hedge.reference), hedge.reference_outputs)
    assert hedge.reference_score == score(hedge, hedge.reference)
    again = completed(hedge, PLAIN)
    assert set(again.importance) == set(NAMES[1:])


def test_a_fallback_is_the_recipe_without_the_features():
    champion = CHAMPIONS["regression"]
    frame = rows("regression", 600, 0)
    parts = split(frame, schema("regression"), PLAIN.split, PLAIN.seed)
    learn = frame.iloc[parts.train]
    plain = refit(champion, learn, champion.reference, PLAIN, without=("height",))
    np.testing.assert_allclose(
        champion.hedge(("height",)).reference_outputs, plain.reference_outputs, rtol=1e-9
    )


def test_the_smallest_that_does_without_all_that_broke():
    champion = CHAMPIONS["regression"]
    height = champion.hedges["height",]
    # Pipelines only stand for themselves here.
    groups = {("height",): height, ("height", "lat", "lon"): height, ("lat", "lon"): height}
    several = replace(champion, hedges=groups)
    narrow = several.hedge({"height"})
    assert narrow.schema.names == NAMES[1:]
    assert list(narrow.hedges) == [("height", "lat", "lon")]
    assert several.hedge({"noise"}) is None
    assert several.hedge({"unknown"}) is None
    assert several.hedge(()) is None
    muted = several.neutralise(("noise",))
    assert muted.hedge({"height"}) is None, "all that is broken must be done without"


def test_features_that_break_together():
    champion, frame = CHAMPIONS["regression"], rows("regression", 600, 0)
    even = dict.fromkeys(NAMES, 0.5)
    found = hedged_groups(champion, PLAIN, frame, even)
    assert found[0] == ("lat", "lon"), "they go missing together"
    assert len(found) == 3
    named = config(hedges={"groups": [["height", "weight"]], "most": 2})
    assert hedged_groups(champion, named, frame, even) == [("height", "weight"), ("lat", "lon")]
    worth = {**even, "height": 3.0, "place": 0.01}
    assert hedged_groups(champion, PLAIN, frame, worth)[0] == ("height",)
    many = config(hedges={"most": 50})
    assert ("place",) not in hedged_groups(champion, many, frame, worth)
    muted = champion.neutralise(("noise",))
    assert hedged_groups(muted, PLAIN, frame, worth)[0] == ("height", "noise")
    with pytest.raises(BadConfig, match="reads no feature hight"):
        hedged_groups(champion, config(hedges={"groups": [["hight"]]}), frame, even)


def test_none_is_fitted_where_none_is_wanted():
    assert trained("regression", config(search=SEARCH, hedges={"most": 0})).hedges == {}


def test_fallbacks_adapt_with_the_model():
    champion, fresh = CHAMPIONS["regression"], rows("regression", 300, 8)
    newer = fresh.assign(y=fresh["y"] + 5, weight=2.54 * fresh["weight"])
    told = {"learn": newer, "window": newer}
    problem = Problem("weight", "unit", 1.0, unit=(2.54, 0.0))
    better = adapted(champion, Adapt("unit"), problems=[problem], **told)
    better = adapted(better, Adapt("offset"), problems=(), **told)
    moved = better.hedge({"height"}).outputs(newer) - champion.hedge({"height"}).outputs(fresh)
    np.testing.assert_allclose(moved, better.outputs(newer) - champion.outputs(fresh), atol=1e-9)
    sure = CHAMPIONS["binary"]
    window = rows("binary", 4000, 9)
    window = window[(window["y"] == "yes") | (np.arange(4000) % 8 == 0)]
    shifted = adapted(sure, Adapt("priors"), learn=window[:0], window=window, problems=())
    before, after = (each.hedge({"height"}).outputs(window)[:, 1] for each in (sure, shifted))
    assert after.mean() > before.mean() + 0.02
