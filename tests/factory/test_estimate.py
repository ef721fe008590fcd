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
from factory.estimate import estimate, fit_estimator
from factory.expectation import COUNTED, RANKED, from_confusion, measure
from factory.losses import GUESSED
from factory.metrics import metric_named
from factory.nouns import Column, Schema
from factory.tally import expected

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


BINARY_ONLY = {"average_precision", "f1", "jaccard", "precision", "recall", "roc_auc"}
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
    for seed in range(16):
        rng = np.random.default_rng(seed)
        learnt, window = drawn(rng, 500, task), drawn(rng, 700, task)
        found = estimated(metric, schema, learnt, window, resamples=100, seed=seed)
        realised = metric.value(window[0]["y"].to_numpy(), window[1])
        covered.append(found.low <= realised <= found.high)
        errors.append(found.value - realised)
        values.append(realised)
    # Of 16 intervals of 95 %, fewer than 13 cover once in a thousand times.
    assert np.sum(covered) >= 13
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
    for seed in range(6):
        order = np.random.default_rng(seed).permutation(len(y))
        train, learnt, window = (frame.iloc[p] for p in np.array_split(order, 3))
        model = Ridge() if regression else LogisticRegression(max_iter=500)
        model = make_pipeline(StandardScaler(), model).fit(train[list(schema.names)], train["y"])
        say = model.predict if regression else model.predict_proba
        pairs = [(part, say(part[list(schema.names)])) for part in (learnt, window)]
        found = estimated(metric, schema, *pairs, resamples=100, seed=seed)
        realised = metric.value(window["y"].to_numpy(), pairs[1][1])
        covered.append(found.low <= realised <= found.high)
    assert np.mean(covered) >= 4 / 6


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
        ("binary", "positive_likelihood_ratio"),
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


def test_a_prediction_that_no_target_comes_near_is_wrong_by_the_distance():
    rng = np.random.default_rng(15)
    schema = schema_of("regression")
    learnt, (frame, outputs) = drawn(rng, 500, "regression"), drawn(rng, 500, "regression")
    metric = metric_named("mean_absolute_error", schema)
    before = estimated(metric, schema, learnt, (frame, outputs)).value
    outputs[7] += 1e4
    found = estimated(metric, schema, learnt, (frame, outputs))
    assert found.value == pytest.approx(before + 1e4 / 500, rel=0.1)
    assert 0 < found.low < found.value < found.high < 1e6


def test_guesses_of_a_loss_do_not_lean_without_a_shift():
    schema = schema_of("regression")
    metric = metric_named(None, schema)
    errors = []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        learnt, window = drawn(rng, 400, "regression"), drawn(rng, 4000, "regression")
        found = estimated(metric, schema, learnt, window, seed=seed)
        realised = metric.value(window[0]["y"].to_numpy(), window[1])
        errors.append((found.value - realised) / (found.high - found.low) * 2 * 1.96)
    # The mean square of 30 standard normal errors is above 1.7 once in a hundred times.
    assert np.mean(np.square(errors)) < 1.7


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
    learnt, window = drawn(rng, 300, "regression"), drawn(rng, GUESSED + 1, "regression")
    found = estimated(metric, schema, learnt, window)
    assert found.rows == GUESSED + 1
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
    binary = name in BINARY_ONLY
    rng = np.random.default_rng(seed)
    schema = schema_of("binary" if binary else "multiclass")
    rows, k = 60, len(schema.classes)
    outputs = rng.dirichlet(np.ones(k), size=rows)
    codes = np.r_[np.arange(k), rng.integers(k, size=rows - k)]
    found = measure(name, outputs)(np.eye(k)[codes])
    truth = np.array(schema.classes, dtype=object)[codes]
    assert found == pytest.approx(metric_named(name, schema).value(truth, outputs), abs=1e-9)


def golden(rows, start):
    """Numbers spread evenly on [0, 1], the same on any machine."""
    steps = (0.6180339887498949, 0.7548776662466927, 0.5698402909980532)
    return [np.arange(start, start + rows) * step % 1 for step in steps]


def golden_binary(rows, start, power):
    first, second, _ = golden(rows, start)
    scores = first**power
    return np.column_stack([1 - scores, scores]), (second < scores**1.6).astype(int)


def golden_multiclass(rows, start, power):
    first, second, third = golden(rows, start)
    raw = np.column_stack([first**power, second, third]) + 0.05
    said, chances = (part / part.sum(axis=1, keepdims=True) for part in (raw**2, raw))
    drawn_ = np.arange(start, start + rows) * 0.8191725133961645 % 1
    return said, (drawn_[:, None] > chances.cumsum(axis=1)[:, :-1]).sum(axis=1)


# From NannyML 0.13.1: CBPE(..., chunk_number=1).fit(reference).estimate(window).
NANNYML = {
    "binary": (
        golden_binary,
        0.7,
        {
            "accuracy": 0.7237810625999258,
            "average_precision": 0.8160763386215246,
            "f1": 0.7479922983607623,
            "precision": 0.6522310730177038,
            "recall": 0.8767120472160078,
            "roc_auc": 0.8359227044874955,
        },
    ),
    "multiclass": (
        golden_multiclass,
        0.6,
        {
            "accuracy": 0.49899646069785514,
            "f1_macro": 0.49005552468018804,
            "precision_macro": 0.49486448406261047,
            "recall_macro": 0.4891298976165717,
            "roc_auc_ovr": 0.6910553019824466,
        },
    ),
}


@pytest.mark.parametrize("task", NANNYML)
def test_plain_estimates_are_those_of_nannyml(task):
    made, power, told = NANNYML[task]
    schema = Schema((), "y", task, classes=NAMES[task])
    outputs, codes = made(3000, 0, 1.0)
    learnt = pd.DataFrame({"y": np.array(NAMES[task], dtype=object)[codes]}), outputs
    window = pd.DataFrame(index=range(2000)), made(2000, 5000, power)[0]
    for name, value in told.items():
        metric = metric_named(name, schema)
        estimator = fit_estimator(metric, schema, *learnt, seed=0)
        found = estimate(
            estimator, metric, *window, confidence=0.95, resamples=100, seed=0, reweighted=False
        )
        assert found.value == pytest.approx(value, abs=1e-6)
        assert expected([name], estimator.calibrator, window[1])[name] == found.value


def crooked(rng, rows, shift):
    """A champion whose confidence is right on average, and wrong on either side of b."""
    a, b = rng.normal(size=rows), rng.normal(shift, 1, rows)
    said, chance = (1 / (1 + np.exp(-score)) for score in (a, a * (1.2 + np.tanh(b))))
    frame = pd.DataFrame({"b": b, "y": np.where(rng.random(rows) < chance, "p", "n")})
    return frame.astype({"y": object}), np.column_stack([1 - said, said])


def test_reweighting_follows_a_shift_that_confidence_does_not_show():
    schema = Schema((Column("b", "number"),), "y", "binary", classes=("n", "p"))
    metric = metric_named("accuracy", schema)
    told = {"confidence": 0.95, "resamples": 100, "seed": 0}
    covered = []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        learnt, (frame, outputs) = crooked(rng, 6000, 0.0), crooked(rng, 20_000, -1.0)
        estimator = fit_estimator(metric, schema, *learnt, seed=0)
        found = estimate(estimator, metric, frame, outputs, **told)
        plain = estimate(estimator, metric, frame, outputs, reweighted=False, **told)
        realised = metric.value(frame["y"].to_numpy(), outputs)
        assert plain.value > realised + 0.05
        assert abs(found.value - realised) < abs(plain.value - realised) / 3
        covered.append(found.low <= realised <= found.high)
    assert sum(covered) >= 4


def test_the_further_the_window_the_wider_the_interval_of_a_loss():
    # Classes differ: far out a champion may be so sure that its accuracy is nearly certain.
    task = "regression"
    schema, metric = schema_of(task), metric_named(None, schema_of(task))
    rng = np.random.default_rng(13)
    learnt = drawn(rng, 800, task)
    near, far = (
        estimated(metric, schema, learnt, drawn(rng, 3000, task, shift)) for shift in (0.0, 4.0)
    )
    assert far.high - far.low > near.high - near.low


@pytest.mark.parametrize(("task", "name"), CASES)
def test_known_labels_take_the_place_of_estimates(task, name):
    schema, metric = schema_of(task), metric_named(name, schema_of(task))
    rng = np.random.default_rng(14)
    learnt, (frame, outputs) = drawn(rng, 600, task), drawn(rng, 500, task)
    estimator = fit_estimator(metric, schema, *learnt, seed=0)
    whole = frame["y"].to_numpy()
    told = {"confidence": 0.95, "resamples": 200, "seed": 0}
    widths = []
    for known in (0, 250, 480, 500):
        truth = whole.copy()
        truth[known:] = np.nan if task == "regression" else None
        found = estimate(estimator, metric, frame, outputs, truth=truth, **told)
        assert found.rows == 500
        widths.append(found.high - found.low)
        if known == 0:
            assert found == estimate(estimator, metric, frame, outputs, **told)
    assert widths[0] > widths[1] > widths[2] > widths[3] == 0
    assert found.value == metric.value(whole, outputs)


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
