"""A whole check on real fitted pipelines, and its JSON."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder

from factory.bundle import Bundle, pipeline_outputs, row_hashes
from factory.check import check
from factory.config import CheckConfig
from factory.estimate import fit_estimator
from factory.metrics import metric_named
from factory.nouns import Column, DataVersion, Schema, Signal, Window
from factory.profile import Profile
from factory.reference import Reference
from factory.told import check_json, signal_json

CONFIG = CheckConfig(resamples=100)
FEATURES = (
    Column("n", "number"),
    Column("m", "number"),
    Column("c", "category"),
    Column("d", "date"),
)
CLASSES = {"regression": (), "binary": ("no", "yes"), "multiclass": ("high", "low", "mid")}
DESIGN = {
    "": {
        "model",
        "version",
        "window",
        "quality",
        "drift",
        "prediction_drift",
        "label_drift",
        "performance",
        "alarm",
    },
    "window": {"rows", "sha256", "start", "end"},
    "drift": {"alarm", "features", "joint"},
    "joint": {"detector", "statistic", "alarm"},
    "feature": {"feature", "kind", "detector", "statistic", "p_value", "effect", "alarm"},
    "shift": {"statistic", "effect", "alarm"},
    "performance": {"metric", "reference", "realised", "estimated", "alarm"},
    "realised": {"value", "low", "high", "rows"},
}


def rows_of(rng, rows, task, start="2020-01-01"):
    """A small world: the target follows n, m and c."""
    c = rng.choice(np.array(["a", "b", "z"], dtype=object), size=rows)
    n, m = rng.normal(10, 3, rows), rng.normal(0, 1, rows)
    y = n + 2 * m + 3 * (c == "b") + rng.normal(0, 1, rows)
    if task == "binary":
        y = np.where(y > 11, "yes", "no").astype(object)
    if task == "multiclass":
        y = np.select([y > 13, y < 9], ["high", "low"], "mid").astype(object)
    d = pd.Timestamp(start) + pd.to_timedelta(np.arange(rows), unit="h")
    return pd.DataFrame({"n": n, "m": m, "c": c, "d": d, "y": y})


def no_infinity(X):
    return X.replace([np.inf, -np.inf], np.nan)


def champion(task, seed=0):
    rng = np.random.default_rng(seed)
    schema = Schema(FEATURES, "y", task, timestamp="d", classes=CLASSES[task])
    train, reference = rows_of(rng, 800, task), rows_of(rng, 600, task, "2020-06-01")
    model = LinearRegression() if task == "regression" else LogisticRegression(max_iter=1000)
    columns = make_column_transformer(
        (make_pipeline(FunctionTransformer(no_infinity), SimpleImputer()), ["n", "m"]),
        (OneHotEncoder(handle_unknown="ignore"), ["c"]),
    )
    pipeline = make_pipeline(columns, model).fit(train[list(schema.names)], train["y"])
    outputs = pipeline_outputs(pipeline, schema, reference)
    metric = metric_named(None, schema)
    held = rows_of(rng, 400, task, "2020-05-01")
    said = pipeline_outputs(pipeline, schema, held)
    return Bundle(
        schema=schema,
        pipeline=pipeline,
        family="linear",
        params={},
        metric=metric.name,
        reference=reference,
        reference_outputs=outputs,
        reference_score=metric.value(reference["y"].to_numpy(), outputs),
        importance={},
        neutral={"n": 10.0, "m": 0.0, "c": "a"},
        seen=np.sort(row_hashes(train, schema)),
        estimator=fit_estimator(metric, schema, held, said, seed=0),
    )


CHAMPIONS = {task: champion(task) for task in CLASSES}


def window_of(frame, **unreadable):
    return Window(frame, DataVersion("ab" * 32, len(frame), "2021", "2022"), unreadable)


def checked(task, frame, bundle=None, **unreadable):
    bundle = bundle or CHAMPIONS[task]
    return check(bundle, window_of(frame, **unreadable), CONFIG, model="m", version=3, seed=1)


def sane(told):
    """The JSON of any evidence, with exactly finite numbers in it."""
    text = json.dumps(told, allow_nan=False)
    assert json.loads(text) == told
    return told


@pytest.mark.parametrize("task", CLASSES)
def test_a_window_like_the_reference_is_quiet(task):
    frame = rows_of(np.random.default_rng(20), 500, task, "2021-01-01")
    found = checked(task, frame)
    evidence = found.evidence
    assert not evidence.alarm
    assert evidence.quality == ()
    assert found.broken == {}
    assert evidence.labelled == evidence.performance.realised.rows == 500
    assert found.outputs.shape == (500, *CHAMPIONS[task].reference_outputs.shape[1:])
    assert [s.feature for s in evidence.drift] == ["n", "m", "c"]


@pytest.mark.parametrize("task", CLASSES)
def test_the_json_has_the_keys_that_were_promised(task):
    frame = rows_of(np.random.default_rng(8), 500, task, "2021-01-01")
    told = sane(check_json(checked(task, frame).evidence))
    assert set(told) >= DESIGN[""]
    assert set(told["window"]) == DESIGN["window"]
    assert set(told["drift"]) == DESIGN["drift"]
    assert set(told["drift"]["joint"]) >= DESIGN["joint"]
    assert all(set(feature) >= DESIGN["feature"] for feature in told["drift"]["features"])
    assert set(told["prediction_drift"]) >= DESIGN["shift"]
    assert set(told["label_drift"]) >= DESIGN["shift"]
    assert set(told["performance"]) >= DESIGN["performance"]
    assert set(told["performance"]["realised"]) == DESIGN["realised"]
    assert set(told["performance"]["estimated"]) == {"value", "low", "high"}
    assert (told["model"], told["version"], told["window"]["rows"]) == ("m", 3, 500)


@pytest.mark.parametrize("task", CLASSES)
def test_a_world_that_moved_alarms_everywhere(task):
    frame = rows_of(np.random.default_rng(9), 900, task, "2021-01-01")
    frame["n"] += 6
    evidence = checked(task, frame).evidence
    alarms = [(s.feature, s.detector) for s in evidence.drift if s.alarm]
    assert alarms == [("n", "ks")]
    assert evidence.joint.alarm
    assert evidence.prediction_drift.alarm
    assert not evidence.label_drift.alarm
    assert evidence.performance.alarm
    assert evidence.alarm


def test_a_new_mix_of_labels_alarms():
    frame = rows_of(np.random.default_rng(10), 2000, "binary", "2021-01-01")
    fewer = frame[(frame["y"] == "no") | (frame.index % 5 == 0)].reset_index(drop=True)
    signal = checked("binary", fewer).evidence.label_drift
    assert (signal.feature, signal.kind, signal.detector) == ("y", "label", "chi2")
    assert signal.alarm


@pytest.mark.parametrize("labels", [0, 9, 29, 30])
def test_few_or_no_labels(labels):
    frame = rows_of(np.random.default_rng(11), 300, "regression", "2021-01-01")
    frame.loc[labels:, "y"] = np.nan
    evidence = checked("regression", frame).evidence
    assert evidence.labelled == labels
    assert (evidence.performance.realised is None) == (labels < 10)
    assert (evidence.label_drift is None) == (labels < 30)
    told = sane(check_json(evidence))
    assert (told["label_drift"] is None) == (labels < 30)


@pytest.mark.parametrize("task", CLASSES)
def test_a_window_without_the_target_column(task):
    frame = rows_of(np.random.default_rng(12), 300, task, "2021-01-01").drop(columns="y")
    evidence = checked(task, frame).evidence
    assert evidence.labelled == 0
    assert evidence.performance.realised is None
    assert evidence.performance.estimated.rows == 300
    assert not evidence.alarm


@pytest.mark.parametrize("task", CLASSES)
def test_the_estimate_does_not_look_at_labels(task):
    frame = rows_of(np.random.default_rng(21), 300, task, "2021-01-01")
    blind = frame.drop(columns="y")
    found, told = (checked(task, rows).evidence.performance for rows in (frame, blind))
    assert found.estimated == told.estimated
    assert found.estimated.low <= found.realised.value <= found.estimated.high


def test_harder_rows_alarm_without_a_label():
    frame = rows_of(np.random.default_rng(22), 6000, "binary", "2021-01-01")
    outputs = CHAMPIONS["binary"].outputs(frame)
    hard = frame[np.abs(outputs[:, 1] - 0.5) < 0.3].drop(columns="y").reset_index(drop=True)
    told = checked("binary", hard).evidence.performance
    assert told.realised is None
    assert told.alarm
    silent = replace(CHAMPIONS["binary"], estimator=None)
    assert not checked("binary", hard, silent).evidence.performance.alarm


def test_a_neutralised_champion_estimates_anew():
    light = CHAMPIONS["regression"].neutralise(("n",))
    assert light.estimator is None
    metric, sound = metric_named(light.metric, light.schema), light.schema.without(("n",))
    told = fit_estimator(metric, sound, light.reference, light.reference_outputs, seed=0)
    bundle = replace(light, estimator=told)
    frame = rows_of(np.random.default_rng(23), 400, "regression", "2021-01-01")
    frame["n"] = 9999.0
    told = checked("regression", frame, bundle).evidence.performance
    assert told.estimated.low <= told.realised.value <= told.estimated.high


def test_rows_of_the_training_do_not_count():
    rng = np.random.default_rng(0)
    train = rows_of(rng, 800, "regression")
    fresh = rows_of(rng, 100, "regression", "2021-01-01")
    both = pd.concat([train, fresh], ignore_index=True)
    evidence = checked("regression", both).evidence
    assert evidence.labelled == evidence.performance.realised.rows == 100
    bundle = CHAMPIONS["regression"]
    anonymous = replace(bundle, schema=replace(bundle.schema, timestamp=None))
    assert checked("regression", both, anonymous).evidence.labelled == 900


def test_damage_is_reported_with_the_rows_not_to_learn_from():
    frame = rows_of(np.random.default_rng(13), 400, "regression", "2021-01-01")
    frame.loc[:99, "n"] = 9999.0
    frame.loc[300:, "c"] = None
    frame.loc[:7, "m"] = np.nan
    unreadable = np.arange(400) < 8
    found = checked("regression", frame, m=unreadable)
    assert [(p.feature, p.problem, p.share) for p in found.evidence.quality] == [
        ("n", "out_of_range", 0.25),
        ("m", "type", 0.02),
        ("c", "missing", 0.25),
    ]
    assert {name: int(mask.sum()) for name, mask in found.broken.items()} == {
        "n": 100,
        "m": 8,
        "c": 100,
    }
    assert found.evidence.alarm


def test_neutralised_features_are_reported_but_do_not_alarm():
    bundle = CHAMPIONS["regression"].neutralise(("n",))
    frame = rows_of(np.random.default_rng(14), 400, "regression", "2021-01-01")
    frame["n"] = 9999.0
    found = checked("regression", frame, bundle)
    signal = found.evidence.drift[0]
    assert (signal.feature, signal.effect, signal.alarm) == ("n", 1.0, False)
    assert found.broken["n"].all()
    assert not found.evidence.alarm


@pytest.mark.parametrize("rows", [0, 1, 39])
@pytest.mark.parametrize("task", CLASSES)
def test_tiny_windows(task, rows):
    frame = rows_of(np.random.default_rng(15), 39, task, "2021-01-01").iloc[:rows]
    found = checked(task, frame)
    assert len(found.outputs) == rows
    assert found.evidence.joint is None
    told = sane(check_json(found.evidence))
    assert told["drift"]["joint"]["statistic"] is None
    assert told["drift"]["joint"]["alarm"] is False


@pytest.mark.parametrize(
    "breakage",
    [
        {"n": np.nan},
        {"n": np.inf, "m": -np.inf},
        {"n": 0.0, "m": 0.0},
        {"c": None},
        {"c": "never seen"},
        {"d": pd.NaT},
    ],
)
def test_broken_windows_never_break_the_check(breakage):
    frame = rows_of(np.random.default_rng(16), 200, "binary", "2021-01-01").assign(**breakage)
    for name in ("c", "y"):
        frame[name] = frame[name].astype(object).where(frame[name].notna(), None)
    told = sane(check_json(checked("binary", frame).evidence))
    assert told["alarm"]


def test_an_unknown_class_in_the_labels_is_a_mistake_and_a_shift():
    frame = rows_of(np.random.default_rng(17), 400, "binary", "2021-01-01")
    frame.loc[:199, "y"] = "perhaps"
    evidence = checked("binary", frame).evidence
    assert evidence.performance.alarm
    assert evidence.label_drift.alarm


def test_the_same_seed_gives_the_same_evidence():
    frame = rows_of(np.random.default_rng(18), 300, "multiclass", "2021-01-01")
    assert checked("multiclass", frame).evidence == checked("multiclass", frame).evidence


def test_drift_needs_no_model():
    rng = np.random.default_rng(19)
    schema = CHAMPIONS["binary"].schema
    before, now = rows_of(rng, 400, "binary"), rows_of(rng, 300, "binary")
    fitted = Reference.fit(before, schema)
    calm = fitted.compare(Profile.of(now, schema), CONFIG)
    assert not any(signal.alarm for signal in calm)
    moved = now.assign(m=now["m"] * 3)
    found = fitted.compare(Profile.of(moved, schema), CONFIG)
    assert [signal.feature for signal in found if signal.alarm] == ["m"]
    assert sane([signal_json(signal) for signal in found])


def test_numbers_that_are_not_finite_become_null():
    signal = Signal("a", "number", "ks", float("inf"), float("nan"), 0.0, alarm=False)
    assert sane(signal_json(signal))["p_value"] is None
