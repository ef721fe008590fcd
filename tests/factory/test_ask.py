"""Rows to ask labels for: what they are, and that labels on them teach more than on others."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.pipeline import Pipeline

from factory.ask import rows_to_label
from factory.bundle import Bundle, pipeline_outputs
from factory.check import check
from factory.config import CheckConfig
from factory.estimate import fit_estimator
from factory.metrics import metric_named
from factory.nouns import Column, DataVersion, Schema, Signal, Window

FEATURES = (Column("a", "number"), Column("b", "number"), Column("z", "number"))
CLASSES = {"regression": (), "binary": ("no", "yes")}


def rows_of(task, rows, seed, *, moved=0.0):
    """Rows of two features; a share of them has moved to where another relation holds."""
    rng = np.random.default_rng(seed)
    a, b, z = rng.normal(size=(3, rows))
    away = rng.random(rows) < moved
    a = np.where(away, a + 6, a)
    level = np.where(away, -2 * b, a + b) + 0.3 * rng.normal(size=rows)
    y = level if task == "regression" else np.where(level > 0, "yes", "no").astype(object)
    time = pd.date_range("2024-01-01", periods=rows, freq="min")
    return pd.DataFrame({"a": a, "b": b, "z": z, "y": y, "time": time}), away


def fitted(task, frame):
    regression = task == "regression"
    forest = RandomForestRegressor if regression else RandomForestClassifier
    pipeline = Pipeline(
        [("model", forest(20, min_samples_leaf=3, max_features=None, random_state=0))]
    )
    return pipeline.fit(frame[["a", "b", "z"]], frame["y"])


def champion_of(task, train):
    schema = Schema(FEATURES, "y", task, timestamp="time", classes=CLASSES[task])
    pipeline, reference = fitted(task, train), rows_of(task, 1000, 1)[0]
    outputs = pipeline_outputs(pipeline, schema, reference)
    metric = metric_named(None, schema)
    return Bundle(
        schema=schema,
        pipeline=pipeline,
        family="forest",
        params={},
        metric=metric.name,
        reference=reference,
        reference_outputs=outputs,
        reference_score=metric.value(reference["y"].to_numpy(), outputs),
        importance={"a": 0.5, "b": 0.5, "z": 0.0},
        neutral={},
        seen=np.array([], dtype=np.uint64),
        estimator=fit_estimator(metric, schema, reference, outputs, seed=0),
    )


TRAIN = {task: rows_of(task, 800, 0)[0] for task in CLASSES}
CHAMPIONS = {task: champion_of(task, frame) for task, frame in TRAIN.items()}


def found_by_check(champion, frame):
    window = Window(frame.drop(columns="y"), DataVersion("0", len(frame)))
    evidence = check(champion, window, CheckConfig(), model="m", version=1, seed=0).evidence
    return [*evidence.drift, evidence.prediction_drift]


@pytest.mark.parametrize("task", CLASSES)
def test_a_refit_learns_more_from_them_than_from_random_rows(task):
    champion, train = CHAMPIONS[task], TRAIN[task]
    metric = metric_named(None, champion.schema)
    frame, away = rows_of(task, 3000, 2, moved=0.1)
    fresh = rows_of(task, 3000, 3, moved=0.1)[0]
    signals = found_by_check(champion, frame)

    def score(positions):
        both = pd.concat([train, frame.iloc[positions]], ignore_index=True)
        outputs = pipeline_outputs(fitted(task, both), champion.schema, fresh)
        return metric.value(fresh["y"].to_numpy(), outputs)

    told = {"count": 40, "seed": 0}
    asked = rows_to_label(champion, frame, champion.outputs(frame), signals, **told)
    random = [
        score(np.random.default_rng(seed).choice(3000, 40, replace=False)) for seed in range(5)
    ]
    assert away[asked].mean() > 0.3
    assert metric.gain(float(np.median(random)), score(asked)) > 0.02
    assert all(metric.gain(each, score(asked)) > 0 for each in random)


@pytest.mark.parametrize("task", CLASSES)
@pytest.mark.parametrize("count", [0, 1, 50, 299, 300, 900])
def test_so_many_different_rows_in_order(task, count):
    champion = CHAMPIONS[task]
    frame = rows_of(task, 300, 4)[0]
    frame.loc[:20, "a"] = np.nan
    outputs = champion.outputs(frame)
    quiet = [Signal("a", "number", "ks", 0.1, 0.5, 0.01, alarm=False)]
    asked = rows_to_label(champion, frame, outputs, quiet, count=count, seed=0)
    assert len(asked) == min(count, 300)
    assert (np.diff(asked) > 0).all()
    assert np.array_equal(
        asked, rows_to_label(champion, frame, outputs, quiet, count=count, seed=0)
    )


def test_the_unsure_rows_where_nothing_moved():
    champion = CHAMPIONS["binary"]
    frame = rows_of("binary", 1000, 5)[0]
    outputs = champion.outputs(frame)
    asked = rows_to_label(champion, frame, outputs, (), count=100, seed=0)
    margin = np.abs(outputs[:, 1] - outputs[:, 0])
    assert margin[asked].mean() < 0.5 * margin.mean()


def test_rows_that_are_alike_are_not_all_asked_for():
    champion = CHAMPIONS["binary"]
    frame = rows_of("binary", 500, 6)[0]
    close = champion.outputs(frame)[:, 1]
    twins = pd.concat([frame, *[frame.iloc[[np.abs(close - 0.5).argmin()]]] * 200])
    moved = [Signal("b", "number", "ks", 0.1, 0.0, 0.5, alarm=True)]
    outputs = champion.outputs(twins)
    asked = rows_to_label(champion, twins, outputs, moved, count=50, seed=0)
    assert (asked >= 500).sum() < 30


def test_without_anything_to_go_by_all_rows_are_equal():
    frame = rows_of("regression", 200, 7)[0]
    plain = replace(CHAMPIONS["regression"], estimator=None)
    flat = np.zeros(200)
    asked = [rows_to_label(plain, frame, flat, (), count=40, seed=seed) for seed in (0, 1)]
    assert not np.array_equal(*asked)
