"""Segments: every row is in one, what moves in one is found there, and none is fine untested."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from parted import CLASSES, bundle_of, frame_of, outputs_of, rows_of
from sklearn.datasets import load_diabetes, load_wine
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from factory.breakdown.fall import fall
from factory.breakdown.segments import segment_signals, segments
from factory.breakdown.told import segment_json
from factory.bundle import Bundle, pipeline_outputs
from factory.check import check
from factory.config import CheckConfig, parse_config
from factory.errors import BadConfig
from factory.estimate import fit_estimator
from factory.metrics import Metric, metric_named
from factory.nouns import Column, DataVersion, Schema, Window
from factory.told import check_json

ENTRIES = [
    "c",
    "y",
    {"column": "n", "edges": [-0.5, 0.5]},
    {"column": "n", "quantiles": 3},
    {"column": "d", "part": "hour"},
    ["c", "n"],
]
LEVEL = 0.02


def config_of(*entries, **told):
    return CheckConfig(segments=list(entries), **{"resamples": 100, **told})


def measured(rows, *entries, level=LEVEL, **told):
    return segments(rows, config_of(*entries, **told), level=level, seed=0)


def plain(found):
    """What is told of segments, as JSON has it: a number that is not finite raises."""
    told = [segment_json(segment) for segment in found]
    assert json.loads(json.dumps(told, allow_nan=False)) == told
    return told


@st.composite
def windows(draw):
    """Rows with gaps, infinities, unknown categories and few rows or none."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    rows = draw(st.sampled_from([0, 1, 2, 9, 40, 300]))
    task = draw(st.sampled_from(sorted(CLASSES)))
    frame = frame_of(rng, rows, task)
    damaged = rng.random((rows, 3)) < draw(st.sampled_from([0.0, 0.3, 1.0]))
    frame.loc[damaged[:, 0], "n"] = draw(st.sampled_from([np.nan, np.inf, -np.inf, 1e308]))
    frame.loc[damaged[:, 1], "c"] = draw(st.sampled_from([None, "new", ""]))
    frame.loc[damaged[:, 2], "d"] = pd.NaT
    gone = rng.random(rows) < draw(st.sampled_from([0.0, 0.5, 1.0]))
    frame.loc[gone, "y"] = np.nan if task == "regression" else None
    return task, frame


@settings(max_examples=40)
@given(windows(), st.integers(1, 60))
def test_the_rows_of_an_entry_are_all_rows_and_every_number_is_finite(window, most):
    task, frame = window
    rows = rows_of(bundle_of(frame_of(np.random.default_rng(1), 200, task), task), frame)
    for entry in ENTRIES:
        found = measured(rows, entry, most_segments=most)
        assert len(found) <= most + 1
        assert sum(s.rows for s in found) == len(frame)
        assert sum(s.labelled for s in found) == rows.labelled.sum()
        assert sum(s.reference_rows for s in found) == 200
        assert all(s.alarm is not False for s in found if not s.powered)
        assert plain(found)[0]["segment"].keys() == found[0].where.keys()


def champion(task="regression", timestamp=None):
    """A whole bundle: fitted, with an estimator, so that a check can be made of it."""
    rng = np.random.default_rng(0)
    schema = Schema(
        (Column("n", "number"), Column("c", "category")),
        "y",
        task,
        timestamp=timestamp,
        classes=CLASSES[task],
    )
    train, held, reference = (frame_of(rng, rows, task) for rows in (500, 500, 600))
    metric = metric_named(None, schema)
    models = {"regression": RandomForestRegressor(10, random_state=0)}
    model = models.get(task, LogisticRegression())
    pipeline = make_pipeline(FunctionTransformer(numeric), model).fit(train[["n", "c"]], train["y"])
    outputs, said = (pipeline_outputs(pipeline, schema, part) for part in (reference, held))
    return replace(
        bundle_of(reference, task, schema=schema, metric=metric.name, pipeline=pipeline),
        reference_outputs=outputs,
        reference_score=metric.value(reference["y"].to_numpy(), outputs),
        estimator=fit_estimator(metric, schema, held, said, seed=0),
    )


def numeric(X):
    return np.nan_to_num(X[["n"]].to_numpy(dtype=float))


@pytest.mark.parametrize("labels", [True, False])
@pytest.mark.parametrize("task", ["regression", "binary"])
@pytest.mark.parametrize("timestamp", [None, "d"])
def test_a_segment_of_all_rows_has_the_figures_of_the_check(task, labels, timestamp):
    bundle = champion(task, timestamp)
    frame = frame_of(np.random.default_rng(2), 400, task)
    frame = frame if labels else frame.drop(columns="y")
    everything = {"column": "n", "edges": [-1e6]}
    window = Window(frame, DataVersion("0", 400))
    config = config_of(everything)
    evidence = check(bundle, window, config, model="m", version=1, seed=3).evidence
    (whole,) = evidence.breakdown.segments
    assert (whole.rows, whole.share, whole.reference_rows) == (400, 1.0, 600)
    assert whole.labelled == evidence.labelled
    told = [(s.feature, s.kind, s.statistic, s.p_value, s.effect) for s in evidence.drift]
    assert [(s.feature, s.kind, s.statistic, s.p_value, s.effect) for s in whole.drift] == told
    assert whole.performance.realised == evidence.performance.realised
    assert whole.performance.reference == evidence.performance.reference
    expected = None if labels else evidence.performance.estimated
    assert whole.performance.estimated == expected
    assert (expected is None) == labels


@settings(max_examples=15)
@given(st.integers(0, 2**32 - 1), st.sampled_from(["c", ["c", {"column": "n", "quantiles": 2}]]))
def test_the_order_of_rows_does_not_matter(seed, entry):
    rng = np.random.default_rng(seed)
    bundle = bundle_of(frame_of(rng, 300))
    frame = frame_of(rng, 200)
    shuffled = frame.sample(frac=1, random_state=1).reset_index(drop=True)
    for one, other in zip(
        *(measured(rows_of(bundle, part), entry) for part in (frame, shuffled)), strict=True
    ):
        assert (one.where, one.rows, one.labelled) == (other.where, other.rows, other.labelled)
        assert one.drift == other.drift
        assert one.performance.fall == pytest.approx(other.performance.fall)


def test_drift_and_fall_are_found_in_the_segment_that_has_them():
    rng = np.random.default_rng(4)
    bundle = bundle_of(frame_of(rng, 6000))
    frame = frame_of(rng, 6000)
    sick = (frame["c"] == "v").to_numpy()
    frame.loc[sick, "n"] += 0.4
    outputs = outputs_of(frame) + np.where(sick, 1.0, 0.0)
    found = {s.where["c"]: s for s in measured(rows_of(bundle, frame, outputs), "c")}
    assert [name for name, s in found.items() if s.alarm] == ["v"]
    assert found["v"].drift_alarm
    assert found["v"].performance.alarm
    assert [s.feature for s in found["v"].drift if s.alarm] == ["n"]
    assert 0.2 < found["v"].performance.fall < 1.0
    assert found["u"].performance.p_value > LEVEL


def test_what_a_whole_window_dilutes_shows_in_a_segment():
    rng = np.random.default_rng(5)
    before, frame = frame_of(rng, 20_000), frame_of(rng, 20_000)
    for side in (before, frame):
        side["c"] = np.where(rng.random(20_000) < 0.05, "rare", side["c"])
    frame.loc[frame["c"] == "rare", "n"] += 0.8
    bundle, config = bundle_of(before), config_of("c")
    found = measured(rows_of(bundle, frame), "c")
    whole = measured(rows_of(bundle, frame), {"column": "n", "edges": [-1e6]})[-1]
    assert not any(s.alarm for s in whole.drift)
    assert [s.where["c"] for s in found if s.drift_alarm] == ["rare"]
    assert config.minimum_effect > max(s.effect for s in whole.drift)


def test_a_fall_that_only_an_estimate_shows():
    bundle = champion("binary")
    rng = np.random.default_rng(6)
    frame = frame_of(rng, 8000, "binary")
    hard = (frame["c"] == "w").to_numpy()
    frame.loc[hard, "n"] *= 0.2
    outputs = bundle.outputs(frame)
    rows = rows_of(bundle, frame.drop(columns="y"), outputs)
    found = {s.where["c"]: s.performance for s in measured(rows, "c")}
    assert {name: p.alarm is True for name, p in found.items()} == {
        "u": False,
        "v": False,
        "w": True,
    }
    assert found["w"].realised is None
    assert found["w"].estimated.value < found["u"].estimated.value
    assert all(s.performance.estimated is None for s in measured(rows, "y"))


@pytest.mark.parametrize("rows", [0, 5, 29, 60])
def test_few_rows_are_never_fine(rows):
    rng = np.random.default_rng(7)
    bundle = bundle_of(frame_of(rng, 900))
    frame = frame_of(rng, 3 * rows).assign(c=np.repeat(["u", "v", "w"], rows))
    for segment in measured(rows_of(bundle, frame), "c"):
        assert (segment.powered, segment.alarm) == (False, None)
        assert (segment.performance.realised is None) == (rows < 10)
        assert (segment.performance.detectable is None) == (rows < 30)


def test_many_rows_can_be_fine():
    rng = np.random.default_rng(8)
    bundle = bundle_of(frame_of(rng, 20_000, "binary"), "binary")
    found = measured(rows_of(bundle, frame_of(rng, 20_000, "binary")), "c")
    assert [(s.powered, s.alarm) for s in found] == [(True, False)] * 3


def test_no_feature_that_could_hide_a_drift_is_fine():
    rng = np.random.default_rng(8)
    before, frame = frame_of(rng, 20_000), frame_of(rng, 20_000)
    frame.loc[100:, "n"] = np.nan
    found = measured(rows_of(bundle_of(before), frame), "c")
    assert not any(s.drift_powered for s in found)


@pytest.mark.parametrize("task", ["regression", "binary"])
def test_the_alarms_of_quiet_windows_keep_to_the_level(task):
    rng = np.random.default_rng(9)
    level, count = 0.1, 150
    bundle = bundle_of(frame_of(rng, 3000, task), task)
    alarms = 0
    for _ in range(count):
        rows = rows_of(bundle, frame_of(rng, 600, task))
        found = measured(rows, "c", level=level, tolerance=0, minimum_effect=0)
        alarms += any(s.alarm for s in found)
    # 25 of 150 are exceeded with a chance of one in a thousand at the level.
    assert alarms <= 25


@pytest.mark.parametrize(
    ("name", "task"),
    [("mean_absolute_error", "regression"), ("mean_squared_error", "regression"),
     ("accuracy", "binary"), ("precision", "binary"), ("roc_auc", "binary")],
)  # fmt: skip
def test_falls_by_chance_are_as_rare_as_their_p_values_say(name, task):
    rng = np.random.default_rng(10)
    metric = Metric(name, not name.startswith("mean"), task, CLASSES[task])
    config = CheckConfig(resamples=100, tolerance=0)
    count = 200
    p_values = []
    for _ in range(count):
        sides = []
        for rows in (400, 60):
            if task == "regression":
                sides.append((np.zeros(rows), rng.exponential(size=rows)))
            else:
                truth = rng.random(rows) < 0.15
                chance = np.clip(0.5 * truth + rng.normal(0.2, 0.2, rows), 0.01, 0.99)
                sides.append((np.where(truth, "yes", "no"), np.column_stack([1 - chance, chance])))
        found = fall(metric, *sides, config, level=0.05, seed=0)
        p_values.append(1.0 if found.p_value is None else found.p_value)
    p_values = np.array(p_values)
    # Binomial bounds at one in a thousand.
    assert (p_values <= 0.05).sum() <= 21
    assert (p_values <= 0.005).sum() <= 6


def test_a_change_of_the_size_that_is_named_is_seen_in_four_of_five_windows():
    rng = np.random.default_rng(11)
    metric = metric_named(None, Schema((), "y", "binary", classes=CLASSES["binary"]))
    config = CheckConfig(tolerance=0)

    def side(right, rows=600):
        good = rng.random(rows) < right
        return np.where(good, "yes", "no"), np.tile([0.2, 0.8], (rows, 1))

    quiet = [fall(metric, side(0.8), side(0.8), config, level=0.01, seed=0) for _ in range(20)]
    loss = float(np.median([found.detectable for found in quiet]))
    told = [
        fall(metric, side(0.8), side(0.8 * (1 - loss)), config, level=0.01, seed=0).alarm
        for _ in range(120)
    ]
    assert 0.6 < sum(found is True for found in told) / 120 < 0.9


def test_rare_segments_are_pooled():
    rng = np.random.default_rng(12)
    before, frame = frame_of(rng, 500), frame_of(rng, 12_000)
    frame["c"] = [f"c{number}" for number in rng.integers(10_000, size=12_000)]
    before["c"] = np.where(rng.random(500) < 0.5, "c1", before["c"])
    found = measured(rows_of(bundle_of(before), frame), "c", most_segments=2)
    assert [s.pooled for s in found] == [False, False, True]
    assert found[0].where == {"c": "c1"}
    assert found[-1].where == {"c": "other"}
    assert sum(s.rows for s in found) == 12_000


def test_entries_share_the_number_of_segments():
    rng = np.random.default_rng(13)
    bundle = bundle_of(frame_of(rng, 3000))
    rows = rows_of(bundle, frame_of(rng, 300))
    found = measured(rows, "c", {"column": "d", "part": "hour"}, ["c", "n"], most_segments=20)
    sizes = [
        sum(s.where.keys() == keys for s in found) for keys in ({"c"}, {"d (hour)"}, {"c", "n"})
    ]
    assert sizes == [3, 9 + 1, 8 + 1]


def test_numbers_are_parted_by_value_where_they_have_few_else_at_their_quartiles():
    rng = np.random.default_rng(14)
    before, frame = frame_of(rng, 400), frame_of(rng, 400)
    quartiles = measured(rows_of(bundle_of(before), frame), "n")
    assert len(quartiles) == 4
    assert [s.reference_rows for s in quartiles] == [100] * 4
    before["n"], frame["n"] = rng.integers(3, size=400) * 1.0, rng.integers(4, size=400) * 1.0
    before.loc[:49, "n"] = np.nan
    found = measured(rows_of(bundle_of(before), frame), "n")
    assert {s.where["n"] for s in found} == {0, 1, 2, None, "other"}
    assert next(s for s in found if s.where["n"] == "other").rows == (frame["n"] == 3).sum()


def test_every_test_has_a_signal_of_its_own():
    rng = np.random.default_rng(15)
    found = measured(rows_of(bundle_of(frame_of(rng, 500)), frame_of(rng, 500)), "c")
    named = segment_signals(found)
    assert len(named) == sum(len(s.drift) for s in found) + 3
    assert len({(s.feature, s.kind) for s in named}) == len(named)
    assert all(0 <= s.p_value <= 1 for s in named)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("colour", "no column 'colour'"),
        ({"column": "n", "edges": [3, 1]}, "do not rise"),
        ({"column": "n", "edges": [1], "quantiles": 3}, "cut twice"),
        ({"column": "n", "edges": []}, "edges"),
        ({"column": "n", "bins": 3}, "bins"),
        ({"column": "c", "quantiles": 3}, "holds categories"),
        ({"column": "d", "edges": [1.0]}, "holds dates"),
        ({"column": "n", "part": "month"}, "holds numbers"),
        (["c", "c"], "or one twice"),
        ([], "names no column"),
        (3, "3"),
    ],
)
def test_an_entry_that_cannot_be_used_is_refused_in_words(entry, said):
    rows = rows_of(
        bundle_of(frame_of(np.random.default_rng(0), 50)), frame_of(np.random.default_rng(1), 50)
    )
    values = {"name": "m", "data": {"path": "a", "target": "y"}, "check": {"segments": [entry]}}
    with pytest.raises(BadConfig, match=said):
        segments(rows, parse_config(values, source="m").check, level=0.1, seed=0)


def test_a_config_survives_being_kept_as_plain_values():
    entries = ["c", {"column": "n", "edges": [1, 2]}, ["c", {"column": "d", "part": "hour"}]]
    values = {"name": "m", "data": {"path": "a", "target": "y"}, "check": {"segments": entries}}
    config = parse_config(values, source="m")
    assert parse_config(json.loads(config.model_dump_json()), source="m") == config
    with pytest.raises(BadConfig, match="no list"):
        parse_config({**values, "check": {"segments": "c"}}, source="m")


def real(data, columns, target, task, model, *, halves=2):
    frame = data.frame.rename(columns={"target": "y"})[[*columns, "y"]].astype(float)
    if task != "regression":
        frame["y"] = data.target_names[frame["y"].astype(int)].astype(object)
    frame = frame.sample(frac=1, random_state=0).reset_index(drop=True)
    classes = tuple(sorted(set(frame["y"]))) if task != "regression" else ()
    schema = Schema(tuple(Column(c, "number") for c in columns), "y", task, classes=classes)
    cut = len(frame) // halves
    train, rest = frame[:cut], frame[cut:].reset_index(drop=True)
    pipeline = make_pipeline(StandardScaler(), model).fit(train[columns], train["y"])
    reference = rest[: len(rest) // 2].reset_index(drop=True)
    window = rest[len(rest) // 2 :].reset_index(drop=True)
    metric = metric_named(None, schema)
    outputs = pipeline_outputs(pipeline, schema, reference)
    bundle = Bundle(
        schema=schema, pipeline=pipeline, family="", params={}, metric=metric.name,
        reference=reference, reference_outputs=outputs,
        reference_score=metric.value(reference["y"].to_numpy(), outputs), importance={}, neutral={},
        seen=np.array([], dtype=np.uint64),
    )  # fmt: skip
    return bundle, window


def test_diabetes_by_sex():
    data = load_diabetes(as_frame=True)
    columns = [str(c) for c in data.feature_names]
    bundle, window = real(
        data, columns, "y", "regression", RandomForestRegressor(30, random_state=0)
    )
    config = config_of("sex", tolerance=0.2)
    told = check(
        bundle, Window(window, DataVersion("0", len(window))), config, model="m", version=1, seed=0
    )
    quiet = told.evidence.breakdown.segments
    assert sum(s.rows for s in quiet) == len(window)
    assert not any(s.alarm for s in quiet)
    # One clinic's scale for the body mass index slips, for one sex only.
    sex = quiet[0].where["sex"]
    sick = window.copy()
    sick.loc[sick["sex"] == sex, "bmi"] += 0.15
    told = check(
        bundle, Window(sick, DataVersion("0", len(sick))), config, model="m", version=1, seed=0
    )
    assert [s.where["sex"] for s in told.evidence.breakdown.segments if s.alarm] == [sex]
    assert told.evidence.alarm
    plain(told.evidence.breakdown.segments)


def test_wine_by_alcohol_and_by_class():
    data = load_wine(as_frame=True)
    columns = [str(c) for c in data.feature_names]
    bundle, window = real(data, columns, "y", "multiclass", LogisticRegression())
    config = config_of({"column": "alcohol", "quantiles": 2}, "y", ["y", "alcohol"])
    version = DataVersion("0", len(window))
    evidence = check(bundle, Window(window, version), config, model="m", version=1, seed=0).evidence
    told = check_json(evidence)
    assert json.loads(json.dumps(told, allow_nan=False)) == told
    by_class = [s for s in told["segments"] if list(s["segment"]) == ["y"]]
    truth = window["y"].to_numpy()
    said = np.array(bundle.schema.classes, dtype=object)[bundle.outputs(window).argmax(axis=1)]
    for segment in by_class:
        where = truth == segment["segment"]["y"]
        assert segment["rows"] == where.sum()
        recall = (said[where] == truth[where]).mean()
        assert segment["performance"]["realised"]["value"] == pytest.approx(recall)
        counts = told["performance"]["counts"]["classes"][segment["segment"]["y"]]
        assert counts["recall"] == pytest.approx(recall)
    # So few bottles show nothing for certain, and are not said to be fine.
    assert all(s["alarm"] is not False for s in told["segments"])
