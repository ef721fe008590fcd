"""Business value and counts: the same sums as by hand, and as scikit-learn's metrics."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from parted import CLASSES, bundle_of, frame_of, outputs_of, rows_of
from scipy.stats import entropy
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import (
    confusion_matrix,
    mean_absolute_error,
    multilabel_confusion_matrix,
    precision_score,
    recall_score,
    root_mean_squared_error,
)
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from factory.breakdown.breakdown import require_parts
from factory.breakdown.outcomes import kl_divergence, outcomes
from factory.breakdown.told import counts_json, value_json
from factory.breakdown.value import row_values, value
from factory.breakdown.worth import ValueConfig
from factory.check import check
from factory.confidence import ConfidenceModel
from factory.config import CheckConfig, parse_config
from factory.errors import BadConfig
from factory.estimate import fit_estimator
from factory.metrics import metric_named
from factory.nouns import Column, DataVersion, Schema, Window
from factory.told import check_json
from flows.breakdown import tell_breakdown

FORMS = {
    "regression": {"unit": "EUR", "over": -1, "under": -4},
    "binary": {"unit": "EUR", "binary": {"tp": 10, "fp": -2, "fn": -20, "tn": 1}},
    "multiclass": {"classes": {"high": {"high": 5, "low": -9}, "mid": {"low": -1}}},
}


def worth(rows, form, seed=0, **told):
    return value(rows, CheckConfig(value=form, **told), seed=seed)


def world(task, rows=2000, seed=0, **told):
    rng = np.random.default_rng(seed)
    bundle = bundle_of(frame_of(rng, 1000, task), task, **told)
    return rows_of(bundle, frame_of(rng, rows, task))


@pytest.mark.parametrize("task", FORMS)
def test_value_is_the_sum_over_rows_by_hand(task):
    rows = world(task)
    found = worth(rows, FORMS[task])
    truth, classes = rows.truth, CLASSES[task]
    if task == "regression":
        errors = rows.outputs - truth
        expected = [-e if e > 0 else 4 * e for e in errors]
    else:
        said = [classes[position] for position in rows.outputs.argmax(axis=1)]
        table = FORMS[task].get("classes") or {
            "yes": {"yes": 10, "no": -20},
            "no": {"yes": -2, "no": 1},
        }
        expected = [table.get(t, {}).get(s, 0) for t, s in zip(truth, said, strict=True)]
    assert found.per_row.value == pytest.approx(np.mean(expected))
    assert found.per_row.low < found.per_row.value < found.per_row.high
    assert found.per_row.rows == 2000
    told = value_json(found)
    assert told["total"] == pytest.approx(np.sum(expected))
    assert told["unit"] == FORMS[task].get("unit", "")
    assert json.loads(json.dumps(told, allow_nan=False)) == told


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(10, 300))
def test_value_of_being_right_is_accuracy_and_of_errors_the_mean_error(seed, count):
    rows = world("binary", count, seed)
    right = worth(rows, {"binary": {"tp": 1, "tn": 1}}, resamples=100)
    metric = metric_named("accuracy", rows.bundle.schema)
    assert right.per_row.value == pytest.approx(metric.value(rows.truth, rows.outputs))
    rows = world("regression", count, seed)
    lost = worth(rows, {"per_unit_error": -2}, resamples=100)
    assert lost.per_row.value == pytest.approx(-2 * mean_absolute_error(rows.truth, rows.outputs))
    sides = [worth(rows, form, resamples=100) for form in ({"over": -2}, {"under": -2})]
    assert sum(side.per_row.value for side in sides) == pytest.approx(lost.per_row.value)


def test_the_interval_covers_what_the_value_is():
    hits = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        frame = frame_of(rng, 300)
        rows = rows_of(bundle_of(frame), frame, frame["y"] - rng.exponential(size=300))
        found = worth(rows, {"over": -1, "under": -4}, seed=seed, resamples=200)
        hits += found.per_row.low <= -4 <= found.per_row.high
    assert 178 <= hits <= 199


def test_rows_that_hang_together_widen_the_interval():
    rng = np.random.default_rng(1)
    frame = frame_of(rng, 1000)
    said = frame["y"].to_numpy() + np.repeat(rng.normal(size=50), 20)
    schema = Schema((Column("n", "number"),), "y", "regression", timestamp="d")
    widths = []
    for told in ({}, {"schema": schema}):
        rows = rows_of(bundle_of(frame, **told), frame, said)
        per_row = worth(rows, {"per_unit_error": -1}).per_row
        widths.append(per_row.high - per_row.low)
    assert widths[1] > 2 * widths[0]


@pytest.mark.parametrize("labels", [0, 9, 10])
def test_few_labels_realise_no_value(labels):
    rows = world("binary", 300)
    rows.labelled[labels:] = False
    found = worth(rows, FORMS["binary"])
    assert (found.per_row is None) == (labels < 10)
    assert found.reference_per_row is not None
    told = value_json(found)
    assert (told["total"] is None) == (labels < 10)


def test_value_is_expected_from_calibrated_chances():
    data = load_breast_cancer(as_frame=True)
    columns = [str(c) for c in data.feature_names]
    frame = data.data.assign(y=data.target_names[data.target].astype(object))
    classes = ("benign", "malignant")
    schema = Schema(tuple(Column(c, "number") for c in columns), "y", "binary", classes=classes)
    model = make_pipeline(StandardScaler(), LogisticRegression())
    outputs = cross_val_predict(model, frame[columns], frame["y"], method="predict_proba")
    half = np.arange(len(frame)) % 2 == 0
    held, window = (frame[part].reset_index(drop=True) for part in (half, ~half))
    estimator = fit_estimator(metric_named(None, schema), schema, held, outputs[half], seed=0)
    assert isinstance(estimator, ConfidenceModel)
    bundle = bundle_of(
        held, "binary", schema=schema, reference_outputs=outputs[half], estimator=estimator
    )
    rows = rows_of(bundle, window, outputs[~half])
    form = {"unit": "EUR", "binary": {"tp": 50, "fp": -10, "fn": -300, "tn": 0}}
    found = worth(rows, form)
    assert found.per_row.low <= found.estimated_per_row <= found.per_row.high
    blind = worth(rows_of(bundle, window.drop(columns="y"), outputs[~half]), form)
    assert blind.estimated_per_row == found.estimated_per_row
    chances = estimator.probabilities(outputs[~half])[:, 1]
    said = outputs[~half].argmax(axis=1) == 1
    by_hand = np.where(said, 50 * chances - 10 * (1 - chances), -300 * chances)
    assert found.estimated_per_row == pytest.approx(by_hand.mean())


def test_value_of_errors_is_expected_where_both_sides_are_worth_the_same():
    data = load_diabetes(as_frame=True)
    columns = [str(c) for c in data.feature_names]
    frame = data.frame.rename(columns={"target": "y"}).astype(float)
    schema = Schema(tuple(Column(c, "number") for c in columns), "y", "regression")
    outputs = cross_val_predict(Ridge(), frame[columns], frame["y"])
    half = np.arange(len(frame)) % 2 == 0
    held, window = (frame[part].reset_index(drop=True) for part in (half, ~half))
    estimator = fit_estimator(metric_named(None, schema), schema, held, outputs[half], seed=0)
    told = {"schema": schema, "reference_outputs": outputs[half], "estimator": estimator}
    rows = rows_of(bundle_of(held, **told), window, outputs[~half])
    even = worth(rows, {"per_unit_error": -3})
    assert even.per_row.low <= even.estimated_per_row <= even.per_row.high
    assert even.estimated_per_row == -3 * estimator.expected(window, outputs[~half])
    assert worth(rows, {"over": -3, "under": -1}).estimated_per_row is None


@pytest.mark.parametrize(
    ("task", "form", "said"),
    [
        ("regression", {"binary": {"tp": 1}}, "binary does not fit a regression"),
        ("binary", {"per_unit_error": -1}, "per_unit_error does not fit a binary"),
        ("multiclass", {"binary": {"tp": 1}}, "binary does not fit a multiclass"),
        ("binary", {"classes": {"yes": {"maybe": 1}}}, "'maybe' is no class"),
        ("binary", {"classes": {True: {"no": 1}}}, "'True' is no class"),
        ("binary", {"unit": "EUR"}, "in no form"),
        ("regression", {"over": 1, "per_unit_error": 1}, "per_unit_error and over and under"),
        ("binary", {"binary": {"tpp": 1}}, "unknown key 'check.value.binary.tpp'"),
        ("binary", {"units": "EUR", "binary": {}}, "unknown key 'check.value.units'"),
        ("binary", {"binary": {"tp": float("inf")}}, "finite"),
        ("binary", 3, "check.value"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_in_words(task, form, said):
    values = {"name": "m", "data": {"path": "a", "target": "y"}, "check": {"value": form}}
    schema = bundle_of(frame_of(np.random.default_rng(0), 9, task), task).schema
    with pytest.raises(BadConfig, match=said) as caught:
        require_parts(parse_config(values, source="m").check, schema)
    assert caught.value.hint


def test_a_near_key_is_named():
    form = {"unti": "EUR", "binary": {"tp": 1}}
    values = {"name": "m", "data": {"path": "a", "target": "y"}, "check": {"value": form}}
    with pytest.raises(BadConfig, match="did you mean 'unit'"):
        parse_config(values, source="m")


def test_classes_that_are_numbers_are_found():
    schema = Schema((), "y", "binary", classes=("0", "1"))
    form = ValueConfig(classes={1: {0: -5}, 0: {1: -1}})
    said = np.eye(2)[[1, 0]]
    assert row_values(form, schema, np.array(["0", "1"]), said).tolist() == [-1, -5]


def test_binary_counts_are_scikit_learns():
    data = load_breast_cancer()
    model = make_pipeline(StandardScaler(), LogisticRegression())
    outputs = cross_val_predict(model, data.data[:, :2], data.target, method="predict_proba")
    truth = data.target_names[data.target]
    schema = Schema((), "y", "binary", classes=("benign", "malignant"))
    found = outcomes(schema, truth, outputs[:, ::-1])
    said = outputs[:, ::-1].argmax(axis=1)
    tn, fp, fn, tp = confusion_matrix(truth == "malignant", said).ravel()
    one = found.binary
    assert (one.tn, one.fp, one.fn, one.tp) == (tn, fp, fn, tp)
    assert one.precision == pytest.approx(precision_score(truth == "malignant", said))
    assert one.recall == pytest.approx(recall_score(truth == "malignant", said))
    assert one.specificity == pytest.approx(tn / (tn + fp))
    p, q = (np.bincount(side) + 0.5 for side in ((truth == "malignant").astype(int), said))
    assert found.metrics["kl_divergence"] == pytest.approx(entropy(p / p.sum(), q / q.sum()))
    told = counts_json(found)
    assert told["tp"] + told["fp"] + told["fn"] + told["tn"] == told["rows"] == len(truth)


def test_counts_of_several_classes_are_scikit_learns():
    data = load_iris()
    outputs = cross_val_predict(
        LogisticRegression(), data.data[:, :1], data.target, method="predict_proba"
    )
    names = tuple(str(name) for name in data.target_names)
    schema = Schema((), "y", "multiclass", classes=names)
    found = outcomes(schema, data.target_names[data.target], outputs)
    tables = multilabel_confusion_matrix(data.target, outputs.argmax(axis=1))
    for name, table in zip(names, tables, strict=True):
        one = found.classes[name]
        assert [[one.tn, one.fp], [one.fn, one.tp]] == table.tolist()
        assert one.specificity == pytest.approx(table[0, 0] / table[0].sum())
    assert found.binary is None


def test_errors_are_scikit_learns():
    rows = world("regression")
    found = outcomes(rows.bundle.schema, rows.truth, rows.outputs).metrics
    pair = rows.truth, rows.outputs
    assert found["root_mean_squared_error"] == pytest.approx(root_mean_squared_error(*pair))
    assert found["mean_absolute_error"] == pytest.approx(mean_absolute_error(*pair))
    assert found["mean_error"] == pytest.approx(np.mean(rows.outputs - rows.truth))


@given(st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 1000)), min_size=1, max_size=9))
def test_the_divergence_of_shares_is_finite_and_none_of_equal_ones(counts):
    truth, said = (np.array(side, dtype=float) for side in zip(*counts, strict=True))
    found = kl_divergence(truth, said)
    p, q = (side + 0.5 for side in (truth, said))
    assert found == pytest.approx(entropy(p / p.sum(), q / q.sum()), abs=1e-12)
    assert kl_divergence(truth, truth) == 0


def test_classes_beyond_fifty_are_counted_but_not_listed():
    names = tuple(f"c{number:03d}" for number in range(120))
    rng = np.random.default_rng(2)
    codes = np.minimum(rng.geometric(0.03, size=3000) - 1, 119)
    schema = Schema((), "y", "multiclass", classes=names)
    found = outcomes(schema, np.array(names)[codes], np.eye(120)[codes])
    assert (len(found.classes), found.left_out) == (50, 70)
    assert next(iter(found.classes)) == names[np.bincount(codes).argmax()]
    assert outcomes(schema, np.array([]), np.empty((0, 120))) is None


@pytest.mark.parametrize("task", FORMS)
def test_a_check_tells_value_and_counts_beside_the_metric(task):
    rng = np.random.default_rng(3)
    frame, window = frame_of(rng, 400, task), frame_of(rng, 400, task)
    bundle = bundle_of(frame, task, pipeline=Pipeline(task, CLASSES[task]))
    config = CheckConfig(value=FORMS[task], resamples=100)
    version = DataVersion("0", 400)
    for rows in (window, window.drop(columns="y"), window[:0]):
        evidence = check(
            bundle, Window(rows, version), config, model="m", version=1, seed=0
        ).evidence
        told = check_json(evidence)
        assert json.loads(json.dumps(told, allow_nan=False)) == told
        labelled = len(rows) > 0 and "y" in rows
        assert (told["performance"]["value"]["per_row"] is None) == (not labelled)
        assert (told["performance"]["counts"] is None) == (not labelled)
    silent = check(bundle, Window(window, version), CheckConfig(), model="m", version=1, seed=0)
    assert check_json(silent.evidence)["performance"]["value"] is None


def test_people_are_told_of_segments_groups_and_value(capsys):
    rng = np.random.default_rng(4)
    frame, window = frame_of(rng, 2000, "binary"), frame_of(rng, 2000, "binary")
    window.loc[window["c"] == "w", "n"] += 3
    bundle = bundle_of(frame, "binary", pipeline=Pipeline("binary", CLASSES["binary"]))
    parted = ["c", ["c", {"column": "n", "edges": [0]}]]
    config = CheckConfig(segments=parted, groups=["c"], value=FORMS["binary"], resamples=100)
    for rows in (window, window.drop(columns="y")):
        found = check(
            bundle, Window(rows, DataVersion("0", 2000)), config, model="m", version=1, seed=0
        )
        tell_breakdown(check_json(found.evidence))
        said = capsys.readouterr().out
        assert "drift" in said
        assert "cannot tell" in said
        assert "demographic parity ratio" in said
        assert ("EUR" in said, "labelled rows" in said) == (True, "y" in rows)


class Pipeline:
    """Says what a fitted pipeline would."""

    def __init__(self, task, classes):
        self.task = task
        self.classes_ = np.array(classes)

    def predict(self, X):
        return outputs_of(pd.DataFrame(X), self.task)

    predict_proba = predict
