"""From a frame to a judged model."""

import numpy as np
import pandas as pd
import pytest
import skops.io
from training_rows import CLASSES, FEATURES, TASKS, Ticks, config, rows, schema

from factory.bundle import row_hashes
from factory.errors import BadConfig, BadData
from factory.metrics import metric_named
from factory.nouns import Column, Schema
from training.fit import fit_pipeline
from training.judge import make_bundle, neutral
from training.notes import CardinalityNote, RowsNote
from training.train import train

QUICK = config(search={"families": ["tree", "linear"], "trials": 6})


def trained(task="regression", frame=None, columns=None, settings=QUICK, **parts):
    frame = rows(task) if frame is None else frame
    return train(frame, columns or schema(task, **parts), settings, clock=Ticks(0.001))


@pytest.mark.parametrize("timestamp", [False, True])
@pytest.mark.parametrize("task", TASKS)
def test_a_model_better_than_none(task, timestamp):
    seen = []
    frame = rows(task)
    columns = schema(task, timestamp=timestamp)
    result = train(frame, columns, QUICK, clock=Ticks(0.001), on_trial=seen.append)
    bundle = result.bundle
    metric = metric_named(None, columns)
    assert tuple(seen) == result.trials
    assert len(seen) == 6
    assert metric.gain(result.baseline, bundle.reference_score) > 0.1
    assert result.metrics[metric.name] == bundle.reference_score
    assert set(result.calibration) <= set(result.metrics) | {"roc_auc", "roc_auc_ovr"}
    assert (bundle.family, bundle.params) == (result.best.family, result.best.params)
    assert bundle.config == QUICK.model_dump(mode="json")
    assert not bundle.unseen(frame).any(), "what serves has learnt from all rows"
    twin = bundle.measured
    assert np.array_equal(twin.outputs(bundle.reference), bundle.reference_outputs)
    assert twin.unseen(bundle.reference).all()
    assert twin.unseen(frame).sum() == len(bundle.reference)
    assert not np.array_equal(bundle.outputs(bundle.reference), bundle.reference_outputs)
    if timestamp:
        assert bundle.reference["when"].min() > frame["when"][~twin.unseen(frame)].max()
    assert max(bundle.importance, key=bundle.importance.get) == "size"
    assert bundle.importance["empty"] == 0.0


@pytest.mark.parametrize("task", TASKS)
def test_same_seed_same_model(task):
    one, two = trained(task), trained(task)
    assert one.trials == two.trials
    assert np.array_equal(one.bundle.reference_outputs, two.bundle.reference_outputs)
    assert one.bundle.importance == two.bundle.importance


def test_neutral_values():
    frame = rows("regression")
    plain = {column.name: neutral(frame, column) for column in FEATURES}
    assert plain["size"] == np.nanmedian(frame["size"])
    assert np.isnan(plain["empty"])
    assert plain["colour"] == "red"
    assert plain["void"] is None
    assert plain["made"] == frame["made"].quantile(interpolation="higher").to_datetime64()
    infinite = pd.DataFrame({"size": [1.0, np.inf, -np.inf, np.nan, 3.0]})
    assert neutral(infinite, FEATURES[0]) == 2.0
    assert np.isnat(neutral(frame.assign(made=pd.NaT), FEATURES[-1]))


def test_a_neutralised_model_predicts_and_survives_storage():
    bundle = trained().bundle.neutralise(tuple(column.name for column in FEATURES))
    outputs = bundle.outputs(bundle.reference)
    assert len(set(bundle.reference_outputs)) == 1
    assert len(set(outputs)) == 1, "with all features neutralised all rows look the same"
    data = skops.io.dumps(bundle.pipeline)
    stored = skops.io.loads(data, trusted=skops.io.get_untrusted_types(data=data))
    frame = bundle.reference[list(bundle.schema.names)]
    assert np.array_equal(stored.predict(frame), outputs)


def test_rows_without_a_label_are_left_out_and_noted():
    frame = rows("regression")
    frame.loc[:4, "y"] = [np.nan, np.inf, -np.inf, np.nan, np.nan]
    (note,) = [note for note in trained(frame=frame).notes if isinstance(note, RowsNote)]
    assert (note.rows, note.used) == (150, 145)
    assert "5 of 150 rows are left out" in note.text


def test_notes_on_categories_and_rare_classes():
    frame = rows("binary", 200)
    frame["colour"] = [f"c{number % 90}" for number in range(200)]
    frame["y"] = np.array(["no"] * 100 + ["yes"] * 100, dtype=object)
    frame.loc[0, "y"] = "rare"
    columns = Schema(FEATURES, "y", "multiclass", classes=("no", "rare", "yes"))
    settings = config(search={"families": ["svm"], "trials": 1})
    notes = trained("multiclass", frame, columns, settings).notes
    guard = next(note for note in notes if isinstance(note, CardinalityNote))
    assert guard.feature == "colour"
    assert any("needs more rows per class" in note.text for note in notes)


@pytest.mark.parametrize("column", FEATURES[:2] + FEATURES[3:4] + FEATURES[5:])
def test_one_feature_is_enough(column):
    columns = Schema((column,), "y", "regression")
    assert list(trained(columns=columns).bundle.importance) == [column.name]


def test_nothing_but_an_empty_feature_still_trains():
    columns = Schema((Column("empty", "number"), Column("void", "category")), "y", "regression")
    result = trained(columns=columns)
    assert set(result.bundle.importance.values()) == {0.0}


def test_many_rows_are_searched_on_a_sample():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"size": rng.normal(size=30_000)})
    frame["y"] = frame["size"] + rng.normal(size=30_000)
    columns = Schema((Column("size", "number"),), "y", "regression")
    settings = config(search={"families": ["tree"], "trials": 1}, split={"reference": 0.1})
    result = trained(frame=frame, columns=columns, settings=settings)
    assert any("on 20000 of 24000 training rows" in note.text for note in result.notes)
    assert len(result.bundle.seen) == 30_000
    assert len(result.bundle.measured.seen) == 27_000


def test_a_large_reference_is_kept_as_a_sample_in_order():
    frame = pd.DataFrame({"size": np.arange(50_000.0), "y": np.arange(50_000.0)})
    columns = Schema((Column("size", "number"),), "y", "regression")
    settings = config()
    params = {"alpha": 1.0, "fit_intercept": True}
    learn = frame[:1000]
    pipeline = fit_pipeline(learn, columns, settings.features, "linear", params, "squared_error", 0)
    bundle = make_bundle(
        pipeline,
        columns,
        "linear",
        params,
        settings,
        train=learn,
        reference=frame[5000:],
    )
    assert len(bundle.reference) == len(bundle.reference_outputs) == 20_000
    assert bundle.reference["size"].is_monotonic_increasing
    assert bundle.reference.index.equals(pd.RangeIndex(20_000))
    whole = np.abs(bundle.outputs(frame[5000:]) - frame["y"][5000:]).mean()
    assert bundle.reference_score == pytest.approx(whole)
    assert np.array_equal(bundle.seen, np.sort(row_hashes(learn, columns)))


@pytest.mark.parametrize(
    ("change", "kind", "problem"),
    [
        ({"y": np.nan}, BadData, "0 labelled rows"),
        ({"y": 3.0}, BadData, r"'y' is .*3\.0.* in all 105 rows"),
    ],
)
def test_targets_that_teach_nothing(change, kind, problem):
    with pytest.raises(kind, match=problem):
        trained(frame=rows("regression").assign(**change))


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"search": {"loss": "hinge"}}, "family 'linear' lacks it for a regression task"),
        ({"metric": "accuracy"}, "accuracy"),
        ({"features": {"order": {"size": ["a"]}}}, "'size' is a number"),
    ],
)
def test_settings_that_do_not_fit(settings, problem):
    with pytest.raises(BadConfig, match=problem):
        trained(settings=config(**settings))


@pytest.mark.parametrize("metric", ["roc_auc", "log_loss", "f1"])
def test_other_metrics(metric):
    settings = QUICK.model_copy(update={"metric": metric})
    result = trained("binary", settings=settings)
    assert result.bundle.metric == metric
    assert CLASSES["binary"] == result.bundle.schema.classes
    chosen = metric_named(metric, result.bundle.schema)
    scores = [trial.score for trial in result.trials if trial.state == "complete"]
    assert result.best.score == (max if chosen.greater_is_better else min)(scores)


def test_few_held_out_rows_are_pointed_out():
    notes = [note.text for note in trained(frame=rows("regression")).notes]
    assert any(text.startswith("Only ") and "held-out rows judge" in text for text in notes)
