"""Estimated performance: right on average, honest about its error, silent where it cannot know."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, make_classification
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from factory import scorers
from factory.estimate import LOSS_ROWS, estimate, fit_estimator
from factory.expectation import COUNTED, RANKED, from_confusion, measure
from factory.metrics import metric_named
from factory.nouns import Column, Schema

FEATURES = (Column("a", "number"), Column("c", "category"), Column("d", "date"))
NAMES = {"binary": ("n", "p"), "multiclass": ("u", "v", "w"), "regression": ()}
COUNTS = np.array([[30.0, 5.0, 2.0], [4.0, 20.0, 9.0], [1.0, 0.0, 12.0]])


def schema_of(task):
    return Schema(FEATURES, "y", task, classes=NAMES[task])


def drawn(rng, rows, task, shift=0.0):
    """Rows whose target is known by chance, and what a champion says that is too sure."""
    a = rng.normal(shift, 1.0, rows)
    frame = pd.DataFrame({"a": a, "c": rng.choice(np.array(["x", "y", None], object), rows)})
    frame["d"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(rows), unit="h")
    if task == "regression":
        frame["y"] = 2 * a + np.exp(a / 2) * rng.normal(size=rows)
        return frame, 2 * a
    slopes = np.array([0.0, 1.5]) if task == "binary" else np.array([-1.0, 0.0, 1.0])
    chances, said = (np.exp(scale * a[:, None] * slopes) for scale in (1.0, 2.0))
    chances /= chances.sum(axis=1, keepdims=True)
    codes = (rng.random((rows, 1)) > chances.cumsum(axis=1)[:, :-1]).sum(axis=1)
    frame["y"] = np.array(NAMES[task], dtype=object)[codes]
    return frame, said / said.sum(axis=1, keepdims=True)


def estimated(metric, schema, learnt, window, resamples=200, seed=0):
    estimator = fit_estimator(metric, schema, *learnt, seed=seed)
    told = {"confidence": 0.95, "resamples": resamples, "seed": seed}
    return estimate(estimator, metric, *window, **told)


CASES = [
    ("binary", "accuracy"),
    ("binary", "roc_auc"),
    ("binary", "f1"),
    ("binary", "log_loss"),
    ("multiclass", "f1_macro"),
    ("multiclass", "roc_auc_ovr"),
    ("regression", "mean_absolute_error"),
    ("regression", "root_mean_squared_error"),
]


@pytest.mark.parametrize(("task", "name"), CASES)
def test_the_interval_covers_what_the_labels_show(task, name):
    schema, metric = schema_of(task), metric_named(name, schema_of(task))
    covered, errors, values = [], [], []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        learnt, window = drawn(rng, 500, task), drawn(rng, 700, task)
        found = estimated(metric, schema, learnt, window, resamples=100, seed=seed)
        realised = metric.value(window[0]["y"].to_numpy(), window[1])
        covered.append(found.low <= realised <= found.high)
        errors.append(found.value - realised)
        values.append(realised)
    assert np.mean(covered) >= 0.85
    assert abs(np.mean(errors)) < 0.1 * np.mean(values)


@pytest.mark.parametrize(("task", "name"), CASES)
def test_a_shift_of_the_features_is_followed(task, name):
    schema, metric = schema_of(task), metric_named(name, schema_of(task))
    rng = np.random.default_rng(1)
    learnt, window = drawn(rng, 4000, task), drawn(rng, 20_000, task, shift=0.7)
    found = estimated(metric, schema, learnt, window)
    before = metric.value(learnt[0]["y"].to_numpy(), learnt[1])
    realised = metric.value(window[0]["y"].to_numpy(), window[1])
    assert abs(found.value - realised) < max(abs(before - realised) / 2, 0.02 * before)


@pytest.mark.parametrize("load", [load_digits, load_breast_cancer, load_diabetes])
def test_real_data(load):
    X, y = load(return_X_y=True)
    regression = load is load_diabetes
    classes = () if regression else tuple(sorted({str(label) for label in y}))
    task = "regression" if regression else "binary" if len(classes) == 2 else "multiclass"
    schema = Schema(
        tuple(Column(f"x{i}", "number") for i in range(X.shape[1])), "y", task, classes=classes
    )
    frame = pd.DataFrame(X, columns=list(schema.names))
    frame["y"] = y.astype(float) if regression else y.astype(str).astype(object)
    metric = metric_named(None, schema)
    covered = []
    for seed in range(8):
        order = np.random.default_rng(seed).permutation(len(y))
        train, learnt, window = (frame.iloc[p] for p in np.array_split(order, 3))
        model = Ridge() if regression else LogisticRegression(max_iter=500)
        model = make_pipeline(StandardScaler(), model).fit(train[list(schema.names)], train["y"])
        say = model.predict if regression else model.predict_proba
        pairs = [(part, say(part[list(schema.names)])) for part in (learnt, window)]
        found = estimated(metric, schema, *pairs, resamples=100, seed=seed)
        realised = metric.value(window["y"].to_numpy(), pairs[1][1])
        covered.append(found.low <= realised <= found.high)
    assert np.mean(covered) >= 0.75


def test_a_champion_that_meets_harder_rows():
    X, y = make_classification(6000, 8, n_informative=4, class_sep=0.7, flip_y=0.1, random_state=3)
    schema = Schema(
        tuple(Column(f"x{i}", "number") for i in range(8)), "y", "binary", classes=("0", "1")
    )
    model = LogisticRegression().fit(X[:2000], y[:2000])
    outputs = model.predict_proba(X)
    frame = pd.DataFrame(X, columns=list(schema.names)).assign(y=y.astype(str).astype(object))
    hard = np.flatnonzero(np.abs(outputs[4000:, 1] - 0.5) < 0.25) + 4000
    metric = metric_named("accuracy", schema)
    learnt = frame.iloc[2000:4000], outputs[2000:4000]
    found = estimated(metric, schema, learnt, (frame.iloc[hard], outputs[hard]))
    before = metric.value(learnt[0]["y"].to_numpy(), learnt[1])
    realised = metric.value(frame["y"].to_numpy()[hard], outputs[hard])
    assert realised < before - 0.05
    assert found.low <= realised <= found.high < before


@pytest.mark.parametrize(
    ("task", "name"),
    [
        ("regression", "r2"),
        ("regression", "median_absolute_error"),
        ("binary", "average_precision"),
        ("multiclass", "roc_auc_ovo"),
    ],
)
def test_some_metrics_cannot_be_estimated(task, name):
    rng = np.random.default_rng(4)
    metric = metric_named(name, schema_of(task))
    assert estimated(metric, schema_of(task), drawn(rng, 200, task), drawn(rng, 200, task)) is None


@pytest.mark.parametrize("task", NAMES)
def test_little_is_not_enough(task):
    rng = np.random.default_rng(5)
    schema, metric = schema_of(task), metric_named(None, schema_of(task))
    many, few = drawn(rng, 200, task), drawn(rng, 29, task)
    assert fit_estimator(metric, schema, *few, seed=0) is None
    assert estimated(metric, schema, many, drawn(rng, 9, task)) is None
    assert estimated(metric, schema, many, drawn(rng, 10, task)).rows == 10
    assert estimated(metric, schema, drawn(rng, 30, task), many).rows == 200


@pytest.mark.parametrize("task", NAMES)
@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e200])
def test_outputs_without_bounds_say_nothing(task, bad):
    rng = np.random.default_rng(6)
    schema, metric = schema_of(task), metric_named(None, schema_of(task))
    learnt, (frame, outputs) = drawn(rng, 200, task), drawn(rng, 50, task)
    spoilt = outputs.copy()
    spoilt[3] = bad
    found = estimated(metric, schema, learnt, (frame, spoilt))
    assert found is None or np.isfinite([found.value, found.low, found.high]).all()
    learnt[1][3] = bad
    found = estimated(metric, schema, learnt, (frame, outputs))
    assert found is None or np.isfinite([found.value, found.low, found.high]).all()


@pytest.mark.parametrize("features", [(), FEATURES[2:], FEATURES[1:2]])
def test_a_regression_with_hardly_a_feature(features):
    rng = np.random.default_rng(11)
    schema = Schema(features, "y", "regression", timestamp="d")
    metric = metric_named(None, schema)
    learnt, window = drawn(rng, 300, "regression"), drawn(rng, 300, "regression")
    found = estimated(metric, schema, learnt, window)
    realised = metric.value(window[0]["y"].to_numpy(), window[1])
    assert 0.7 * realised < found.low < found.value < found.high < 1.4 * realised


def test_a_champion_without_error():
    frame, outputs = drawn(np.random.default_rng(8), 100, "regression")
    schema = schema_of("regression")
    exact = frame.assign(y=outputs), outputs
    found = estimated(metric_named(None, schema), schema, exact, exact)
    assert (found.value, found.low, found.high) == (0.0, 0.0, 0.0)


def test_values_never_seen_and_broken_ones():
    rng = np.random.default_rng(9)
    schema = schema_of("regression")
    learnt, (frame, outputs) = drawn(rng, 300, "regression"), drawn(rng, 60, "regression")
    frame["a"], frame["c"], frame["d"] = np.inf, "new", pd.NaT
    assert estimated(metric_named(None, schema), schema, learnt, (frame, outputs)).rows == 60


def test_a_large_window_of_a_regression_is_sampled():
    rng = np.random.default_rng(10)
    schema = schema_of("regression")
    metric = metric_named(None, schema)
    learnt, window = drawn(rng, 300, "regression"), drawn(rng, LOSS_ROWS + 1, "regression")
    found = estimated(metric, schema, learnt, window)
    assert found.rows == LOSS_ROWS + 1
    assert found == estimated(metric, schema, learnt, window)


@pytest.mark.parametrize("name", sorted(COUNTED))
def test_metrics_of_counts_are_those_of_scikit_learn(name):
    binary = name in {"f1", "jaccard", "precision", "recall"}
    counts = COUNTS[:2, :2] if binary else COUNTS
    truth, said = np.indices(counts.shape).reshape(2, -1)
    certain = np.eye(len(counts))[said]
    assert from_confusion(name, counts) == pytest.approx(
        scorers.score(name, truth, certain, counts.ravel())
    )


@given(st.integers(0, 10_000), st.sampled_from(sorted(COUNTED | RANKED | {"log_loss", "accuracy"})))
def test_certain_labels_give_the_metric_itself(seed, name):
    binary = name in {"f1", "jaccard", "precision", "recall", "roc_auc"}
    rng = np.random.default_rng(seed)
    schema = schema_of("binary" if binary else "multiclass")
    rows, k = 60, len(schema.classes)
    outputs = rng.dirichlet(np.ones(k), size=rows)
    codes = np.r_[np.arange(k), rng.integers(k, size=rows - k)]
    found = measure(name, outputs)(np.eye(k)[codes])
    truth = np.array(schema.classes, dtype=object)[codes]
    assert found == pytest.approx(metric_named(name, schema).value(truth, outputs), abs=1e-9)


@given(st.integers(0, 10_000))
def test_the_expected_area_counts_every_pair(seed):
    rng = np.random.default_rng(seed)
    scores, chances = np.round(rng.random(30), 1), rng.random(30)
    wins = (scores[:, None] > scores) + 0.5 * (scores[:, None] == scores)
    pairs = chances[:, None] * (1 - chances)
    expected = np.sum(pairs * wins) / (chances.sum() * (1 - chances).sum())
    both = np.column_stack([1 - scores, scores]), np.column_stack([1 - chances, chances])
    assert measure("roc_auc", both[0])(both[1]) == pytest.approx(expected)


def test_a_class_that_cannot_come_has_no_recall():
    assert np.isnan(from_confusion("recall_macro", np.array([[2.0, 1.0], [0.0, 0.0]])))
    assert np.isnan(from_confusion("balanced_accuracy", np.zeros((2, 2))))
    assert from_confusion("matthews_corrcoef", np.array([[3.0, 0.0], [1.0, 0.0]])) == 0.0
