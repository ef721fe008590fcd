"""The performance predictor: sees rows break that confidence does not; corruptions harm a copy."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from factory.bundle import pipeline_outputs
from factory.corruptions import NEVER_SEEN, corrupt
from factory.metrics import metric_named
from factory.nouns import Column, Schema
from factory.predictor import FEWEST, FEWEST_BATCHES, PerformancePredictor

FEATURES = (
    Column("a", "number"),
    Column("b", "number"),
    Column("c", "category"),
    Column("d", "date"),
)


def mixed(rng, rows):
    return pd.DataFrame(
        {
            "a": rng.normal(size=rows),
            "b": rng.exponential(size=rows),
            "c": rng.choice(np.array(["x", "y", None], dtype=object), rows),
            "d": pd.Timestamp("2024-01-01"),
        }
    )


@settings(max_examples=40)
@given(st.integers(0, 100_000), st.sampled_from([0, 1, 7, 60]))
def test_corruptions_harm_a_copy_and_keep_its_form(seed, rows):
    rng = np.random.default_rng(seed)
    frame = mixed(rng, rows)
    kept = frame.copy()
    broken = corrupt(frame, FEATURES, rng)
    pd.testing.assert_frame_equal(frame, kept)
    assert list(broken.columns) == list(frame.columns)
    assert (broken.dtypes == frame.dtypes).all()
    assert broken["d"].equals(frame["d"])
    assert set(broken["c"].dropna()) <= {"x", "y", NEVER_SEEN}
    assert not np.isinf(broken[["a", "b"]].to_numpy()).any()


def test_every_kind_of_damage_comes():
    rng = np.random.default_rng(0)
    seen = set()
    for _ in range(300):
        frame = mixed(rng, 50)
        broken = corrupt(frame, FEATURES, rng)
        a, before = broken["a"].to_numpy(), frame["a"].to_numpy()
        seen |= {"missing"} if np.isnan(a).any() else set()
        seen |= {"far"} if np.nanmax(np.abs(a)) > 100 * np.abs(before).max() else set()
        seen |= {"swapped"} if np.isin(a, frame["b"]).any() else set()
        shuffled = np.isin(a, before).all() and not np.array_equal(a, before)
        seen |= {"shuffled"} if shuffled else set()
        seen |= {"unseen"} if (broken["c"] == NEVER_SEEN).any() else set()
    assert seen == {"missing", "far", "swapped", "shuffled", "unseen"}


def test_nothing_to_break_breaks_nothing():
    frame = mixed(np.random.default_rng(1), 5)
    pd.testing.assert_frame_equal(corrupt(frame, FEATURES[3:], np.random.default_rng(0)), frame)


def champion(load, seed):
    X, y = load(return_X_y=True)
    regression = load is load_diabetes
    classes = () if regression else tuple(sorted({str(label) for label in y}))
    task = "regression" if regression else "binary" if len(classes) == 2 else "multiclass"
    columns = tuple(Column(f"x{i}", "number") for i in range(X.shape[1]))
    schema = Schema(columns, "y", task, classes=classes)
    frame = pd.DataFrame(X, columns=list(schema.names))
    frame["y"] = y.astype(float) if regression else y.astype(str).astype(object)
    frame = frame.sample(frac=1, random_state=seed).reset_index(drop=True)
    model = Ridge() if regression else LogisticRegression(max_iter=500)
    train, rest = frame.iloc[: len(frame) // 2], frame.iloc[len(frame) // 2 :]
    pipeline = make_pipeline(StandardScaler(), model).fit(train[list(schema.names)], train["y"])
    return schema, metric_named(None, schema), rest.reset_index(drop=True), pipeline


@pytest.mark.parametrize("load", [load_breast_cancer, load_digits, load_diabetes])
def test_it_sees_rows_break(load):
    schema, metric, rest, pipeline = champion(load, 0)

    def say(rows):
        return pipeline_outputs(pipeline, schema, rows.fillna(0))

    half = len(rest) // 2
    held, window = rest.iloc[:half], rest.iloc[half:].reset_index(drop=True)
    found = PerformancePredictor.fit(metric, schema, held, say, batches=80, seed=0)
    sound = found.predict(say(window), confidence=0.95)
    assert sound.low <= metric.value(window["y"].to_numpy(), say(window)) <= sound.high
    rng = np.random.default_rng(1)
    covered, errors, naive = [], [], []
    for _ in range(20):
        outputs = say(corrupt(window, schema.features, rng))
        told, realised = (
            found.predict(outputs, confidence=0.95),
            metric.value(window["y"].to_numpy(), outputs),
        )
        covered.append(told.low <= realised <= told.high)
        errors.append(abs(told.value - realised))
        naive.append(abs(sound.value - realised))
    assert np.mean(covered) >= 0.75
    assert np.mean(errors) < np.mean(naive)


def test_little_is_not_enough():
    schema, metric, rest, pipeline = champion(load_breast_cancer, 1)

    def say(rows):
        return pipeline_outputs(pipeline, schema, rows.fillna(0))

    def fit(rows, batches):
        return PerformancePredictor.fit(metric, schema, rows, say, batches=batches, seed=0)

    assert fit(rest.iloc[: FEWEST - 1], 50) is None
    assert fit(rest, 0) is None
    assert fit(rest, FEWEST_BATCHES - 1) is None
    found = fit(rest.iloc[:FEWEST], FEWEST_BATCHES)
    outputs = say(rest)
    assert found.predict(outputs[:0], confidence=0.9) is None
    assert found.predict(outputs * np.nan, confidence=0.9) is None
    assert found.predict(outputs, confidence=0.9).rows == len(rest)
    one_class = rest[rest["y"] == "1"].reset_index(drop=True)
    metric = metric_named("roc_auc", schema)
    assert PerformancePredictor.fit(metric, schema, one_class, say, batches=50, seed=0) is None


def test_the_same_seed_predicts_the_same():
    schema, metric, rest, pipeline = champion(load_diabetes, 2)

    def say(rows):
        return pipeline_outputs(pipeline, schema, rows.fillna(0))

    first, second = (
        PerformancePredictor.fit(metric, schema, rest, say, batches=30, seed=3).predict(
            say(rest), confidence=0.9
        )
        for _ in range(2)
    )
    assert first == second
