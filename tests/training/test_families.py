"""The contract of every model family that is listed, on every task."""

import numpy as np
import pandas as pd
import pytest
import skops.io
from training_rows import FEATURES, TASKS, rows, schema

from factory.bundle import pipeline_outputs
from factory.config import FeaturesConfig
from factory.metrics import metric_named
from factory.nouns import Schema
from training.families import FAMILIES, NETWORKS
from training.family import family_named, loss_for
from training.fit import fit_pipeline, learned_rows
from training.space import draw, starting_point

SHALLOW = [name for name in FAMILIES if name not in NETWORKS]
"""Networks take seconds a fit; see ``test_networks``."""
EACH = pytest.mark.parametrize(
    ("name", "task"), [(name, task) for name in SHALLOW for task in TASKS]
)


def fit(
    name,
    task,
    *,
    params=None,
    frame=None,
    columns=None,
    loss=None,
    seed=0,
    weights=None,
    **features,
):
    family = family_named(name)
    loss = loss or family.losses[task][0]
    params = params or starting_point(family.space(task, loss))
    if params.get("n_estimators", 0) > 20:
        params = {**params, "n_estimators": 20}
    if name == "boosting":
        params = {**params, "max_iter": min(params["max_iter"], 20)}
    frame = rows(task) if frame is None else frame
    columns = columns or schema(task)
    settings = FeaturesConfig(**features)
    return fit_pipeline(frame, columns, settings, name, params, loss, seed, weights)


def strange(task):
    frame = rows(task, 40, seed=1)
    frame.loc[0, "size"] = np.inf
    frame.loc[1, "size"] = -np.inf
    frame.loc[2, "size"] = np.nan
    frame.loc[3, "size"] = 1e300
    frame.loc[4, "empty"] = 5.0
    frame.loc[5:7, "colour"] = "unseen"
    frame.loc[8, "void"] = "seen"
    frame.loc[9, "made"] = pd.NaT
    frame.loc[10, list(frame.columns[:6])] = None
    return frame


def check_outputs(outputs, task, count):
    assert np.isfinite(outputs).all()
    if task == "regression":
        assert outputs.shape == (count,)
    else:
        assert outputs.shape == (count, len(schema(task).classes))
        assert np.allclose(outputs.sum(axis=1), 1)


@EACH
def test_learns_and_bears_strange_rows(name, task):
    pipeline = fit(name, task)
    frame = rows(task, 100, seed=2)
    outputs = pipeline_outputs(pipeline, schema(task), frame)
    truth = frame["y"].to_numpy()
    if task == "regression":
        assert np.abs(outputs - truth).mean() < 0.7 * np.abs(truth - np.median(truth)).mean()
    else:
        predicted = np.array(schema(task).classes)[outputs.argmax(axis=1)]
        assert (predicted == truth).mean() > 0.7
    check_outputs(pipeline_outputs(pipeline, schema(task), strange(task)), task, 40)


@EACH
def test_same_seed_same_model_and_it_survives_storage(name, task):
    one, two = (fit(name, task, budget=5) for _ in range(2))
    frame = strange(task)
    expected = pipeline_outputs(one, schema(task), frame)
    assert np.array_equal(expected, pipeline_outputs(two, schema(task), frame))
    data = skops.io.dumps(one)
    stored = skops.io.loads(data, trusted=skops.io.get_untrusted_types(data=data))
    assert np.array_equal(expected, pipeline_outputs(stored, schema(task), frame))


@EACH
def test_points_of_the_space_fit(name, task):
    rng = np.random.default_rng(1)
    for loss in family_named(name).losses[task]:
        space = family_named(name).space(task, loss)
        for _ in range(3):
            point = draw(space, rng)
            if "max_iter" in point:
                point["max_iter"] = min(point["max_iter"], 200)
            pipeline = fit(name, task, params=point, loss=loss, frame=rows(task, 60))
            frame = rows(task, 20, seed=3)
            check_outputs(pipeline_outputs(pipeline, schema(task), frame), task, 20)


def contradicting(task, count, seed):
    """Rows of the usual world, and as many of one in which the target is the other way round."""
    frame, other = rows(task, count, seed=seed), rows(task, count, seed=seed + 1)
    if task == "regression":
        other["y"] = 200 - other["y"]
    else:
        classes = schema(task).classes
        other["y"] = other["y"].map(dict(zip(classes, reversed(classes), strict=True)))
    return frame, other


@EACH
def test_rows_count_by_their_weight(name, task):
    frame, other = contradicting(task, 150, seed=5)
    both = pd.concat([other, frame], ignore_index=True)
    weights = np.repeat([1e-4, 1.0], 150)
    fresh = rows(task, 100, seed=8)
    metric = metric_named(None, schema(task))
    truth = fresh["y"].to_numpy()
    for loss in family_named(name).losses[task]:
        fitted = [
            fit(name, task, frame=both, loss=loss, weights=each)
            for each in (weights, weights[::-1])
        ]
        right, wrong = (
            metric.value(truth, pipeline_outputs(each, schema(task), fresh)) for each in fitted
        )
        assert metric.gain(wrong, right) > 0.3
        again = fit(name, task, frame=both, loss=loss, weights=8 * weights)
        outputs = (pipeline_outputs(each, schema(task), fresh) for each in (fitted[0], again))
        np.testing.assert_array_equal(*outputs)


@EACH
def test_few_rows_rare_classes_one_feature(name, task):
    frame = rows(task, 30)
    if task != "regression":
        frame["y"] = np.array(["no"] * 29 + ["yes"], dtype=object)
    if task == "multiclass":
        frame["y"] = np.array(["a"] * 15 + ["b"] * 14 + ["c"], dtype=object)
    for feature in FEATURES:
        base = schema(task)
        columns = Schema((feature,), "y", task, classes=base.classes)
        pipeline = fit(name, task, frame=frame, columns=columns)
        check_outputs(pipeline_outputs(pipeline, columns, frame), task, 30)


@EACH
def test_scales_and_encodings_fit_together(name, task):
    for scale, encode in (("none", "onehot"), ("minmax", "ordinal"), ("row_norm", "auto")):
        frame = rows(task, 60)
        pipeline = fit(name, task, frame=frame, scale=scale, encode=encode)
        check_outputs(pipeline_outputs(pipeline, schema(task), frame), task, 60)


@pytest.mark.parametrize("name", SHALLOW)
def test_one_class_is_predicted_always(name):
    frame = rows("binary", 30).assign(y="yes").astype({"y": object})
    outputs = pipeline_outputs(fit(name, "binary", frame=frame), schema("binary"), frame)
    assert outputs.tolist() == [[0.0, 1.0]] * 30


def test_an_expensive_family_learns_from_a_seeded_sample():
    svm = family_named("svm")
    frame = pd.DataFrame({"y": np.zeros(20_000)})
    loss = loss_for(svm, "regression", "auto", "r2")
    used = learned_rows(frame, Schema((), "y", "regression"), svm, loss, seed=0)
    assert len(used) == svm.row_limit
    assert (np.diff(used) > 0).all()
    again = learned_rows(frame, Schema((), "y", "regression"), svm, loss, seed=0)
    assert np.array_equal(used, again)


def test_a_forest_of_many_rows_grows_bounded_trees():
    frame = pd.DataFrame({"size": np.arange(25_000.0), "y": np.arange(25_000.0)})
    columns = Schema((FEATURES[0],), "y", "regression")
    pipeline = fit("forest", "regression", frame=frame, columns=columns)
    assert pipeline[-1].max_samples == 20_000
