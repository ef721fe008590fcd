"""Metrics against scikit-learn's own scorers on fitted estimators, and their intervals."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from sklearn.linear_model import LogisticRegression, PoissonRegressor
from sklearn.metrics import get_scorer, get_scorer_names
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from factory import bootstrap, scorers
from factory.errors import BadConfig
from factory.metrics import (
    interval,
    metric_named,
    row_losses,
)
from factory.nouns import Schema

REGRESSION = Schema((), "y", "regression")
BINARY = Schema((), "y", "binary", classes=("benign", "malignant"))
MULTICLASS = Schema((), "y", "multiclass", classes=("a", "b", "c"))


def fitted_regression():
    X, y = load_diabetes(return_X_y=True)
    model = make_pipeline(StandardScaler(), PoissonRegressor()).fit(X[::2], y[::2])
    return REGRESSION, model, X[1::2], y[1::2], model.predict(X[1::2])


def fitted_binary():
    X, y = load_breast_cancer(return_X_y=True)
    X = X[:, :2]
    names = np.array(["malignant", "benign"], dtype=object)[y]
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(X[::2], names[::2])
    return BINARY, model, X[1::2], names[1::2], model.predict_proba(X[1::2])


def fitted_multiclass():
    X, y = load_wine(return_X_y=True)
    names = np.array(["a", "b", "c"], dtype=object)[y]
    model = GaussianNB().fit(X[::2, :3], names[::2])
    return MULTICLASS, model, X[1::2, :3], names[1::2], model.predict_proba(X[1::2, :3])


FITTED = {
    "regression": fitted_regression(),
    "binary": fitted_binary(),
    "multiclass": fitted_multiclass(),
}


def named(task):
    """Every metric that a task can have."""
    schema = FITTED[task][0]
    fits = {
        name: (name in scorers.REGRESSION) == (task == "regression") for name in scorers.known()
    }
    return [
        metric_named(name, schema)
        for name in sorted(scorers.known())
        if fits[name] and name not in scorers.INSTEAD[task]
    ]


ALL = [(task, metric.name) for task in FITTED for metric in named(task)]


def own_scorer(task, name):
    """What scikit-learn's scorer says of the fitted estimator itself."""
    _, model, X, y, _ = FITTED[task]
    if task == "binary":
        # scikit-learn's named scorers want the positive class to be 1.
        model = make_pipeline(*[step for _, step in model.steps[:-1]], LogisticRegression())
        full, truth = load_breast_cancer(return_X_y=True)
        model.fit(full[::2, :2], 1 - truth[::2])
        y = 1 - truth[1::2]
    greater = scorers.known()[name]
    value = get_scorer(name if greater else f"neg_{name}")(model, X, y)
    return value if greater else -value


@pytest.mark.parametrize(("task", "name"), ALL)
def test_every_metric_equals_the_scorer_on_the_estimator_itself(task, name):
    schema, _, _, y, outputs = FITTED[task]
    value = metric_named(name, schema).value(y, outputs)
    assert value == pytest.approx(own_scorer(task, name), rel=1e-9)


def test_every_scorer_of_scikit_learn_is_accounted_for():
    served = {name for _, name in ALL}
    plain = {name.removeprefix("neg_") for name in get_scorer_names()}
    assert {name for name in plain - served if not name.endswith("_samples")} == set()


@pytest.mark.parametrize(("task", "name"), ALL)
def test_every_metric_has_an_interval_around_its_value(task, name):
    schema, _, _, y, outputs = FITTED[task]
    metric = metric_named(name, schema)
    found = interval(metric, y, outputs, confidence=0.95, resamples=100, seed=1)
    assert found.rows == len(y)
    if name == "max_error":  # a resample's maximum never exceeds the sample's
        assert found.low <= found.high == found.value
    else:
        assert found.low < found.value < found.high


@pytest.mark.parametrize("task", FITTED)
def test_the_direction_follows_the_scorer(task):
    for metric in named(task):
        assert metric.greater_is_better == (metric.name in get_scorer_names())
        better = 1.2 if metric.greater_is_better else 0.8
        assert metric.gain(1.0, better) == pytest.approx(0.2)
        assert metric.gain(-1.0, -1.0) == 0.0


@pytest.mark.parametrize(
    ("schema", "name"), [(MULTICLASS, "accuracy"), (REGRESSION, "mean_absolute_error")]
)
def test_the_default_metric(schema, name):
    assert metric_named(None, schema).name == name


@pytest.mark.parametrize(
    ("name", "schema", "fix"),
    [
        ("neg_mean_absolute_error", REGRESSION, "mean_absolute_error"),
        ("rmse", REGRESSION, "root_mean_squared_error"),
        ("AUC", BINARY, "roc_auc"),
        ("acuracy", BINARY, "accuracy"),
        ("zzz", BINARY, "metric: accuracy"),
        ("f1", MULTICLASS, "f1_macro"),
        ("roc_auc", MULTICLASS, "roc_auc_ovr"),
        ("accuracy", REGRESSION, "mean_absolute_error"),
        ("r2", BINARY, "accuracy"),
        ("top_k_accuracy", BINARY, "accuracy"),
        ("f1_samples", MULTICLASS, "metric: accuracy"),
    ],
)
def test_a_metric_that_cannot_be_used_is_refused_with_a_fix(name, schema, fix):
    with pytest.raises(BadConfig, match=name) as caught:
        metric_named(name, schema)
    assert fix in caught.value.hint


@pytest.mark.parametrize(("task", "name"), ALL)
def test_no_rows_and_one_class_are_silent(task, name):
    schema, _, _, y, outputs = FITTED[task]
    metric = metric_named(name, schema)
    assert np.isnan(metric.value(y[:0], outputs[:0]))
    assert np.isnan(interval(metric, y[:0], outputs[:0], confidence=0.9, resamples=100, seed=0).low)
    same = np.full(20, y[0], dtype=y.dtype)
    value = metric.value(same, outputs[:20])
    if task != "regression" and name not in scorers.ROW_LOSSES:
        assert np.isnan(value)


def test_a_class_absent_from_the_truth_makes_its_recall_undefined():
    metric = metric_named("recall_macro", MULTICLASS)
    y = np.array(["a", "b", "a", "b"], dtype=object)
    certain = np.eye(3)
    assert metric.value(y, certain[[0, 1, 0, 0]]) == 0.75
    assert np.isnan(metric.value(y, certain[[0, 1, 0, 2]]))


def test_a_class_never_predicted_has_precision_zero():
    metric = metric_named("precision", BINARY)
    y = np.array(["malignant", "benign"], dtype=object)
    assert metric.value(y, np.array([[0.9, 0.1], [0.9, 0.1]])) == 0.0


def test_an_unknown_class_is_a_mistake_in_every_metric():
    y = np.array(["benign", "malignant", "new"], dtype=object)
    outputs = np.array([[0.9, 0.1], [0.2, 0.8], [0.3, 0.7]])
    worse = np.array(["benign", "malignant", "benign"], dtype=object)
    for metric in named("binary"):
        assert metric.value(y, outputs) == pytest.approx(metric.value(worse, outputs), nan_ok=True)


def test_values_that_are_not_finite_are_undefined():
    y, outputs = np.array([1.0, 2.0]), np.array([np.inf, 2.0])
    for name in ("mean_absolute_error", "root_mean_squared_error", "r2"):
        metric = metric_named(name, REGRESSION)
        assert np.isnan(metric.value(y, outputs))
    negative = metric_named("mean_squared_log_error", REGRESSION)
    assert np.isnan(negative.value(y, np.array([-2.0, 1.0])))


@pytest.mark.parametrize("name", ["f1", "balanced_accuracy", "matthews_corrcoef", "recall"])
def test_counted_resamples_are_distributed_as_resampled_rows(name, monkeypatch):
    rng = np.random.default_rng(0)
    y = rng.integers(2, size=150)
    outputs = np.eye(2)[np.where(rng.random(150) < 0.2, 1 - y, y)]
    counted = bootstrap.resample(name, [y], [outputs], resamples=600, seed=1)[0]
    monkeypatch.setattr(bootstrap, "COUNTED", ("no such metric",))
    scored = bootstrap.resample(name, [y], [outputs], resamples=600, seed=2)[0]
    assert counted.mean() == pytest.approx(scored.mean(), abs=5 * scored.std() / 600**0.5)
    assert counted.std() == pytest.approx(scored.std(), rel=0.2)


@pytest.mark.parametrize("name", ["accuracy", "log_loss", "brier_score", "top_k_accuracy"])
def test_row_losses_average_to_the_scorer_on_every_resample(name):
    _, _, _, y, outputs = FITTED["multiclass"]
    truth = np.searchsorted(np.array(MULTICLASS.classes), y.astype(str))
    rng = np.random.default_rng(0)
    for _ in range(20):
        picks = rng.integers(len(y), size=len(y))
        mean = scorers.ROW_LOSSES[name](truth[picks], outputs[picks]).mean()
        assert mean == pytest.approx(scorers.score(name, truth[picks], outputs[picks]), rel=1e-9)


@pytest.mark.parametrize("name", ["mean_absolute_error", "root_mean_squared_error", "r2"])
def test_intervals_cover_the_truth(name):
    rng = np.random.default_rng(3)
    metric = metric_named(name, REGRESSION)
    noise = {"mean_absolute_error": np.sqrt(2 / np.pi), "root_mean_squared_error": 1.0, "r2": 0.5}
    covered = 0
    for seed in range(100):
        signal = rng.normal(size=200)
        y = signal + rng.normal(size=200)
        found = interval(metric, y, signal, confidence=0.9, resamples=100, seed=seed)
        covered += found.low <= noise[name] <= found.high
    assert 77 <= covered <= 99


def test_the_same_seed_gives_the_same_interval():
    _, _, _, y, outputs = FITTED["binary"]
    metric = metric_named("roc_auc", BINARY)
    draws = [
        interval(metric, y, outputs, confidence=0.9, resamples=100, seed=seed) for seed in (1, 1, 2)
    ]
    assert draws[0] == draws[1] != draws[2]


def test_large_windows_are_resampled_in_bounded_memory_and_number():
    rng = np.random.default_rng(0)
    y = rng.integers(2, size=60_000)
    outputs = np.stack([1 - rng.random(60_000), rng.random(60_000)], axis=1)
    assert bootstrap.resample("roc_auc", [y], [outputs], resamples=101, seed=0).shape == (1, 100)
    assert bootstrap.resample("f1", [y], [outputs], resamples=101, seed=0).shape == (1, 101)
    assert bootstrap.resample("accuracy", [y], [outputs], resamples=101, seed=0).shape == (1, 101)


@given(
    st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30),
    st.sampled_from(sorted(scorers.REGRESSION)),
)
def test_any_values_give_a_number_or_nan_in_silence(values, name):
    y = np.array(values)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        value = metric_named(name, REGRESSION).value(y, y[::-1])
    assert isinstance(value, float)


def test_row_losses_are_absolute_errors_or_minus_log_probabilities():
    _, _, _, y, outputs = FITTED["binary"]
    losses = row_losses(BINARY, y, outputs)
    assert losses.mean() == pytest.approx(metric_named("log_loss", BINARY).value(y, outputs))
    sure = row_losses(BINARY, np.array(["benign"], dtype=object), np.array([[0.0, 1.0]]))
    assert np.isfinite(sure).all()


def test_gain_against_a_perfect_champion_is_finite():
    metric = metric_named("mean_absolute_error", REGRESSION)
    assert np.isfinite(metric.gain(0.0, 0.1))
    assert np.isnan(metric.gain(float("nan"), 0.1))
