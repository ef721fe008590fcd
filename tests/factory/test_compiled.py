"""Compiled pipelines against scikit-learn: every family, every option of the features."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import RandomForestRegressor
from sklearn.pipeline import Pipeline
from sklearn.tree import DecisionTreeClassifier

from factory.adapt.convert import Convert
from factory.adapt.corrected import moved_line, scaled
from factory.adapt.scaling import Scaling
from factory.bundle import Bundle, pipeline_outputs
from factory.compiled.pipeline import Compiled
from factory.compiled.proof import TOLERANCE, harmed_rows, proved
from factory.compiled.rows import Layout, Rows
from factory.compiled.steps import date_part
from factory.compiled.trees import Forest, rounded_down
from factory.config import FeaturesConfig
from factory.nouns import Column, Schema
from training.family import family_named
from training.features import feature_steps

FEATURES = (Column("a", "number"), Column("c", "category"), Column("d", "date"),
            Column("b", "number"), Column("e", "number"), Column("g", "category"))  # fmt: skip
CLASSES = {"regression": (), "binary": ("no", "yes"), "multiclass": ("x", "y", "z")}


def world(task, rows=300, seed=0):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "a": rng.normal(size=rows),
            "c": rng.choice(["red", "green", "blue"], size=rows).astype(object),
            "d": pd.date_range("2023-01-01", periods=rows, freq="31h"),
            "b": rng.exponential(size=rows) * 1e4,
            "e": np.full(rows, np.nan),
            "g": rng.choice([f"g{i}" for i in range(40)], size=rows).astype(object),
        }
    )
    score = 2 * frame["a"] + (frame["c"] == "red") + rng.normal(scale=0.1, size=rows)
    for name in "acdbg":
        frame.loc[rng.random(rows) < 0.1, name] = None
    if task == "regression":
        return frame.assign(y=score)
    ranks = (score.rank(pct=True) * len(CLASSES[task])).apply(np.ceil).astype(int) - 1
    return frame.assign(y=np.array(CLASSES[task], object)[ranks])


def fitted(task, family="linear", loss=None, params=None, **features):
    """A bundle of one family with its first hyperparameters."""
    schema = Schema(FEATURES, "y", task, classes=CLASSES[task])
    kind, frame = family_named(family), world(task)
    loss = loss or kind.losses[task][0]
    space = kind.space(task, loss)
    chosen = {name: d.start if hasattr(d, "start") else d.options[0] for name, d in space.items()
              if d.when is None}  # fmt: skip
    chosen = {**chosen, **(params or {})}
    estimator = kind.build(chosen, task, loss, 0, len(frame))
    steps = feature_steps(schema, FeaturesConfig(**features), kind, 0)
    pipeline = Pipeline([*steps, ("estimator", estimator)])
    pipeline.fit(frame[list(schema.names)], frame["y"])
    return bundle_of(pipeline, schema)


def bundle_of(pipeline, schema):
    reference = world(schema.task, rows=150, seed=1)
    return Bundle(
        schema=schema, pipeline=pipeline, family="", params={}, metric="", reference=reference,
        reference_outputs=pipeline_outputs(pipeline, schema, reference), reference_score=0.0,
        importance={}, neutral={}, seen=np.array([], np.uint64),
    )  # fmt: skip


TREES = [("tree", None), ("forest", None), ("boosting", None)]


@pytest.mark.parametrize("task", CLASSES)
@pytest.mark.parametrize(("family", "loss"), [*TREES, ("linear", None)])
def test_trees_and_linear_models_are_compiled_and_equal(task, family, loss):
    small = {"n_estimators": 20} if family == "forest" else {}
    small |= {"max_iter": 20} if family == "boosting" else {}
    compiled, proof = proved(fitted(task, family, loss, small))
    assert (proof.form, proof.because, proof.rows, proof.harmed) == ("compiled", "", 150, 150)
    assert proof.largest_difference <= TOLERANCE
    assert compiled.form == "compiled"
    if family == "forest":
        assert proof.largest_difference == 0.0


@pytest.mark.filterwarnings("ignore:Liblinear failed to converge")  # it need not be good
@pytest.mark.parametrize(
    ("task", "loss"),
    [("binary", "hinge"), ("multiclass", "hinge"), ("regression", "absolute_error")],
)
def test_other_losses_of_linear_models_are_compiled(task, loss):
    assert proved(fitted(task, "linear", loss, {"tol": 1e-2} if "hinge" in loss else {}))[
        1
    ].form == ("compiled")


@pytest.mark.parametrize(
    "features",
    [
        {"scale": "minmax"},
        {"scale": "row_norm"},
        {"scale": "none"},
        {"impute": "mean"},
        {"impute": "constant"},
        {"encode": "ordinal"},
        {"encode": "onehot", "max_categories": 5},
        {"order": {"c": ("blue", "green", "red")}},
        {"dates": ("year", "month", "day", "weekday", "hour")},
        {"dates": ()},
        {"budget": 3},
    ],
)
@pytest.mark.parametrize("family", ["linear", "tree"])
def test_every_option_of_the_features_is_compiled(features, family):
    _, proof = proved(fitted("regression", family, **features))
    assert (proof.form, proof.because) == ("compiled", "")


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")  # as above
@pytest.mark.parametrize("family", ["svm", "neighbours", "mlp"])
def test_of_other_families_the_features_are_compiled(family):
    compiled, proof = proved(fitted("binary", family))
    assert proof.form == "features"
    assert "no compiled form" in proof.because
    assert compiled.outputs(Rows.of(world("binary", 3), compiled.layout)).shape == (3, 2)


def test_corrections_and_stand_ins_are_compiled():
    binary = fitted("binary", "tree")
    constants = {"a": 0.5, "c": "red", "d": np.datetime64("2023-05-05T05", "ns")}
    neutral = replace(binary, neutral=constants, metric="accuracy").neutralise(("a", "c", "d"))
    assert proved(neutral)[1].form == "compiled"
    scaling = Scaling(0.7, np.array([0.1, -0.1]))
    assert proved(bundle_of(scaled(binary.pipeline, scaling), binary.schema))[1].form == "compiled"
    number = fitted("regression", "linear")
    moved = moved_line(number.pipeline, 3.0, 1.5)
    convert = Convert({"a": (2.54, 1.0)}, {"a": (-3.0, 3.0)})
    both = Pipeline([("convert", convert), *moved.steps])
    assert proved(bundle_of(both, number.schema))[1].form == "compiled"


def test_what_differs_or_is_unknown_is_served_as_it_is():
    bundle = fitted("regression", "linear")
    off = replace(bundle, reference_outputs=bundle.reference_outputs * (1 + 1e-9))
    compiled, proof = proved(off)
    assert (proof.form, compiled.form) == ("as_it_is", "as_it_is")
    assert "differ" in proof.because
    bare = Pipeline([("estimator", DummyRegressor())]).fit(bundle.reference[["a"]], [0.0] * 150)
    kept = proved(bundle_of(bare, bundle.schema))[0]
    rows = Rows.of(bundle.reference, kept.layout)
    assert np.array_equal(kept.outputs(rows), np.zeros(150))


def test_classes_that_were_never_taught_have_no_chance():
    bundle = fitted("binary", "tree")
    schema = replace(bundle.schema, classes=("maybe", "no", "yes"))
    wider = bundle_of(bundle.pipeline, replace(schema, task="binary"))
    compiled, proof = proved(wider)
    assert proof.form == "compiled"
    assert not compiled.outputs(Rows.of(wider.reference, compiled.layout))[:, 0].any()


@given(st.lists(st.floats(allow_nan=False), min_size=1, max_size=20))
def test_a_threshold_rounded_down_parts_the_same_features(values):
    thresholds = np.array(values)
    down = rounded_down(thresholds)
    assert (down.astype(np.float64) <= thresholds).all()
    with np.errstate(over="ignore"):
        features = np.concatenate([thresholds.astype(np.float32), down])
    for feature in features:
        assert ((feature <= down) == (np.float64(feature) <= thresholds)).all()


@given(st.integers(0, 2**32 - 1), st.integers(1, 200))
def test_a_forest_adds_up_what_its_trees_say(seed, rows):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(rows, 3)).round(1)
    model = RandomForestRegressor(3, random_state=0).fit(X, rng.normal(size=rows))
    assert np.array_equal(Forest.of_trees(model.estimators_).sums(X)[:, 0] / 3, model.predict(X))


def test_missing_values_go_the_way_that_was_learnt():
    X = np.array([[0.0], [1.0], [np.nan], [np.nan], [5.0]])
    model = DecisionTreeClassifier(random_state=0).fit(X, [0, 0, 1, 1, 1])
    asked = np.array([[np.nan], [0.4], [9.0]])
    assert np.array_equal(Forest.of_trees([model]).sums(asked), model.predict_proba(asked))


@given(st.lists(st.datetimes(pd.Timestamp("1700-01-01"), pd.Timestamp("2250-01-01")), min_size=1))
def test_parts_of_dates_are_those_of_pandas(moments):
    dates = pd.Series(moments).astype("datetime64[ns]")
    for part in ("year", "month", "day", "weekday", "hour"):
        expected = getattr(dates.dt, part).to_numpy(np.float64)
        assert np.array_equal(date_part(dates.to_numpy(), part), expected)


def test_rows_are_a_table_and_back():
    frame, layout = world("regression", 20), Layout(FEATURES)
    names = [column.name for column in FEATURES]
    again = Rows.of(frame, layout).frame(layout)
    pd.testing.assert_frame_equal(again, frame[names], check_dtype=False)
    kept = Rows.of(frame, layout).where(np.arange(20) % 2 == 0)
    pd.testing.assert_frame_equal(kept.frame(layout), again.iloc[::2].reset_index(drop=True))


def test_damage_reaches_every_kind():
    bundle = fitted("regression", "tree")
    harmed = harmed_rows(bundle.reference, bundle, 0)
    assert harmed["c"].str.contains("none").any()
    assert np.isinf(harmed["a"]).any()
    assert harmed["d"].isna().mean() > 0.2
    assert Compiled.as_it_is(bundle, "").outputs(Rows.of(harmed, Layout(FEATURES))).shape == (150,)
