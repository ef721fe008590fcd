"""Adapting a champion: what each kind repairs, what it leaves alone, and how they compose."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import skops.io
from hypothesis import given
from hypothesis import strategies as st
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OrdinalEncoder

from factory.adapt import adapted
from factory.adapt.convert import Convert, rounded
from factory.adapt.corrected import CorrectedClassifier, CorrectedRegressor
from factory.adapt.unit import aligned, chained
from factory.bundle import Bundle, pipeline_outputs, row_hashes
from factory.check import check
from factory.config import CheckConfig
from factory.metrics import metric_named
from factory.nouns import Column, DataVersion, Problem, Schema, Window
from factory.profile import Numbers
from factory.quality.conversions import CONVERSIONS
from factory.quality.unit import changed_unit
from factory.remedies import Adapt
from registry.bundles import TRUSTED_TYPES

FEATURES = (Column("height", "number"), Column("x", "number"), Column("c", "category"))
CLASSES = {"regression": (), "binary": ("no", "yes"), "multiclass": ("high", "low", "mid")}
TASKS = tuple(CLASSES)


def schema_of(task):
    return Schema(FEATURES, "y", task, timestamp="time", classes=CLASSES[task])


def rows_of(task, rows, seed, start="2020-01-01"):
    rng = np.random.default_rng(seed)
    height, x = rng.normal(60, 5, rows).round(1), rng.normal(size=rows)
    c = rng.choice(np.array(["a", "b"], dtype=object), size=rows)
    level = 0.4 * (height - 60) + x + (c == "b") + rng.normal(0, 0.5, rows)
    if task == "binary":
        y = np.where(level > 1, "yes", "no").astype(object)
    elif task == "multiclass":
        y = np.array(["low", "mid", "high"], dtype=object)[np.digitize(level, [-1, 2])]
    else:
        y = 10 + level
    time = pd.date_range(start, periods=rows, freq="min")
    return pd.DataFrame({"height": height, "x": x, "c": c, "y": y, "time": time})


def champion_of(task, estimator=None, metric=None):
    schema = schema_of(task)
    train, reference = rows_of(task, 2000, 1), rows_of(task, 1500, 2, "2020-03-01")
    if estimator is None:
        regression = task == "regression"
        forest = RandomForestRegressor if regression else RandomForestClassifier
        estimator = forest(20, min_samples_leaf=5, random_state=0)
    codes = make_column_transformer((OrdinalEncoder(), ["c"]), (SimpleImputer(), ["height", "x"]))
    pipeline = Pipeline([("features", codes), ("model", estimator)])
    pipeline.fit(train[list(schema.names)], train["y"])
    outputs = pipeline_outputs(pipeline, schema, reference)
    metric = metric_named(metric, schema)
    return Bundle(
        schema=schema,
        pipeline=pipeline,
        family="forest",
        params={},
        metric=metric.name,
        reference=reference,
        reference_outputs=outputs,
        reference_score=metric.value(reference["y"].to_numpy(), outputs),
        importance={},
        neutral={"height": 60.0, "x": 0.0, "c": "a"},
        seen=np.unique(row_hashes(train, schema)),
        config={"seed": 0},
    )


CHAMPIONS = {task: champion_of(task) for task in TASKS}
NONE = rows_of("regression", 0, 0)


def adapt(bundle, how, learn, window=None, problems=(), features=()):
    window = learn if window is None else window
    remedy = Adapt(how, features)
    return adapted(bundle, remedy, learn=learn, window=window, problems=problems)


def score(bundle, frame):
    return metric_named(bundle.metric, bundle.schema).value(
        frame["y"].to_numpy(), bundle.outputs(frame)
    )


def assert_coherent(bundle):
    assert np.array_equal(bundle.outputs(bundle.reference), bundle.reference_outputs)
    assert bundle.reference_score == score(bundle, bundle.reference)
    stored = skops.io.loads(skops.io.dumps(bundle.pipeline), trusted=list(TRUSTED_TYPES))
    again = pipeline_outputs(stored, bundle.schema, bundle.reference)
    assert np.array_equal(again, bundle.reference_outputs), "bit for bit after storage"
    X = bundle.reference[list(bundle.schema.names)]
    if bundle.schema.classes:
        said = bundle.reference_outputs
        np.testing.assert_allclose(said.sum(axis=1), 1.0)
        assert set(bundle.pipeline.predict(X)) <= set(bundle.schema.classes)
        top = np.asarray(bundle.schema.classes, dtype=object)[said.argmax(axis=1)]
        assert (bundle.pipeline.predict(X) == top).all()


def unit_problem(name, unit):
    return Problem(name, "unit", 1.0, unit=unit)


INCHES = {"height": (2.54, 0.0)}


def told_in(frame, units):
    return frame.assign(**{n: a * frame[n] + b for n, (a, b) in units.items()})


# Units


@pytest.mark.parametrize("unit", [(2.54, 0.0), (1.8, 32.0), (1000.0, 0.0), (0.3048, 0.0)])
@pytest.mark.parametrize("task", TASKS)
def test_a_unit_is_converted_back_to_the_last_digit(task, unit):
    bundle = CHAMPIONS[task]
    frame = rows_of(task, 500, 7, "2021-01-01")
    newer = told_in(frame, {"height": unit})
    better = adapt(bundle, "unit", NONE, newer, [unit_problem("height", unit)])
    assert np.array_equal(better.outputs(newer), bundle.outputs(frame))
    assert np.array_equal(better.reference_outputs, bundle.reference_outputs)
    assert np.array_equal(better.seen, bundle.seen), "no label was learnt from"
    assert_coherent(better)


@given(st.sampled_from(CONVERSIONS), st.integers(0, 99))
def test_conversion_and_back_is_nothing(conversion, seed):
    factor, offset, _ = conversion
    decimals = np.random.default_rng(seed).normal(0, 300, 50).round(3)
    frame = pd.DataFrame({"a": factor * decimals + offset})
    wide = {"a": (float(decimals.min()), float(decimals.max()))}
    back = Convert({"a": (factor, offset)}, wide).transform(frame)["a"].to_numpy()
    one_way = (back == decimals) | (frame["a"].to_numpy() == back)
    np.testing.assert_allclose(back[one_way], decimals[one_way], rtol=1e-9, atol=1e-6)
    there_and_back = chained((factor, offset), tuple(conversion.inverse[:2]))
    np.testing.assert_allclose(there_and_back, (1.0, 0.0), atol=1e-6)


@given(st.lists(st.floats(-1e300, 1e300), min_size=1))
def test_rounding_keeps_twelve_digits(values):
    values = np.array(values)
    np.testing.assert_allclose(rounded(values), values, rtol=1e-11, atol=0)
    assert np.array_equal(rounded(values.round(3)), values.round(3)) or np.abs(values).max() > 1e8


def test_rows_that_are_in_the_old_unit_again_stay_as_they_are():
    bundle = CHAMPIONS["regression"]
    better = adapt(bundle, "unit", NONE, NONE, [unit_problem("height", (1000.0, 0.0))])
    frame = rows_of("regression", 200, 8, "2021-01-01")
    both = pd.concat([told_in(frame, {"height": (1000.0, 0.0)}), frame], ignore_index=True)
    both.loc[0, "height"] = np.nan
    said = better.outputs(both)
    assert np.array_equal(said[1:200], said[201:])


def test_later_windows_in_the_new_unit_are_nothing_new_and_the_old_unit_is():
    bundle = CHAMPIONS["regression"]
    frame = rows_of("regression", 800, 9, "2021-01-01")
    newer = told_in(frame, INCHES)

    def checked(champion, rows):
        window = Window(rows, DataVersion("0", len(rows)))
        return check(champion, window, CheckConfig(), model="m", version=1, seed=0).evidence

    (problem,) = checked(bundle, newer).quality
    assert problem.problem == "unit"
    better = adapt(bundle, "unit", NONE, newer, [problem])
    assert not checked(better, newer).alarm
    (back,) = checked(better, frame).quality
    assert back.problem == "unit"
    restored = adapt(better, "unit", NONE, frame, [back])
    assert [name for name, _ in restored.pipeline.steps] == ["features", "model"]
    assert np.array_equal(restored.outputs(frame), bundle.outputs(frame))
    assert not checked(restored, frame).alarm


def test_rows_of_every_time_are_aligned_to_the_unit_of_now():
    bundle = CHAMPIONS["regression"]
    frame = rows_of("regression", 300, 10, "2021-01-01")
    assert aligned(bundle, frame) is not None
    pd.testing.assert_frame_equal(aligned(bundle, frame), frame)
    inches = told_in(frame, INCHES)
    first = adapt(bundle, "unit", NONE, inches, [unit_problem("height", (2.54, 0.0))])
    second = adapt(first, "unit", NONE, inches, [unit_problem("height", (10.0, 0.0))])
    millimetres = told_in(frame, {"height": (25.4, 0.0)})
    for told in (frame, inches, millimetres):
        np.testing.assert_allclose(aligned(second, told)["height"], millimetres["height"])
    assert np.array_equal(second.outputs(millimetres), bundle.outputs(frame))


def test_a_unit_needs_a_problem_with_one():
    bundle = CHAMPIONS["regression"]
    assert adapt(bundle, "unit", NONE, NONE, [Problem("height", "missing", 0.5)]) is None
    wrong = [unit_problem("height", (2.54, 0.0))]
    assert adapt(bundle, "unit", NONE, NONE, wrong, ("x",)) is None
    assert adapt(bundle.neutralise(("height",)), "unit", NONE, NONE, wrong) is None


def test_adaptations_compose():
    bundle = CHAMPIONS["regression"]
    frame = rows_of("regression", 400, 11, "2021-01-01")
    newer = told_in(frame.assign(y=frame["y"] + 7), INCHES)
    muted = bundle.neutralise(("x",))
    together = adapt(muted, "unit", NONE, newer, [unit_problem("height", (2.54, 0.0))])
    together = adapt(together, "offset", newer)
    names = [name for name, _ in together.pipeline.steps]
    assert names == ["convert", "neutralise", "features", "model"]
    wanted = muted.outputs(frame)
    moved = together.outputs(newer) - wanted
    assert np.ptp(moved) < 1e-9
    assert moved[0] == pytest.approx(7, abs=0.2)
    assert_coherent(together)
    other_way = adapt(bundle, "unit", NONE, newer, [unit_problem("height", (2.54, 0.0))])
    other_way = adapt(other_way, "offset", newer).neutralise(("x",))
    assert [name for name, _ in other_way.pipeline.steps] == names
    assert np.ptp(other_way.outputs(newer) - wanted) < 1e-9


# Numbers


@pytest.mark.parametrize("metric", ["mean_absolute_error", "mean_squared_error", "r2"])
def test_an_offset_is_the_middle_of_the_residuals_and_replaces_an_earlier_one(metric):
    bundle = champion_of("regression", metric=metric)
    learn = rows_of("regression", 300, 12, "2021-01-01")
    learn["y"] += 5
    learn.loc[::10, "y"] += 30
    better = adapt(bundle, "offset", learn)
    residuals = learn["y"].to_numpy() - bundle.outputs(learn)
    middle = np.median(residuals) if "absolute" in metric else residuals.mean()
    np.testing.assert_allclose(better.outputs(learn) - bundle.outputs(learn), middle)
    assert not better.unseen(learn).any()
    assert better.unseen(better.reference).all()
    assert better.reference_score == pytest.approx(bundle.reference_score)
    assert_coherent(better)
    again = adapt(better, "offset", rows_of("regression", 300, 13, "2021-02-01"))
    model = again.pipeline.steps[-1][1]
    assert isinstance(model, CorrectedRegressor)
    assert model.model is bundle.pipeline.steps[-1][1]
    assert np.abs(again.outputs(learn) - bundle.outputs(learn)).max() < 0.3


def test_a_line_is_found_among_odd_rows():
    bundle = CHAMPIONS["regression"]
    learn, fresh = (rows_of("regression", 400, seed, "2021-01-01") for seed in (14, 15))
    for frame in (learn, fresh):
        frame["y"] = 3 + 1.5 * frame["y"]
    learn.loc[::20, "y"] = 1e6
    better = adapt(bundle, "recalibrate", learn)
    assert score(better, fresh) < 0.5 * score(bundle, fresh)
    assert_coherent(better)
    both = adapt(better, "offset", fresh.assign(y=fresh["y"] + 4))
    np.testing.assert_allclose(both.outputs(fresh) - better.outputs(fresh), 4, atol=0.3)


@pytest.mark.parametrize("how", ["offset", "recalibrate"])
def test_what_holds_is_left_alone(how):
    taught = [
        adapt(CHAMPIONS["regression"], how, rows_of("regression", 200, seed, "2021-01-01"))
        for seed in range(20, 40)
    ]
    assert sum(bundle is not None for bundle in taught) <= 6, "one standard error is 1 in 6"


# Probabilities


def drawn_by_class(frame, shares, rows, seed):
    rng = np.random.default_rng(seed)
    picked = [
        rng.choice(np.flatnonzero(frame["y"] == name), size=round(rows * share))
        for name, share in shares.items()
    ]
    return frame.iloc[rng.permutation(np.concatenate(picked))].reset_index(drop=True)


SHIFTS = {
    "binary": {"no": 0.93, "yes": 0.07},
    "multiclass": {"high": 0.1, "low": 0.8, "mid": 0.1},
}


@pytest.mark.parametrize("labelled", [0, 60])
@pytest.mark.parametrize("task", SHIFTS)
def test_priors_follow_the_window(task, labelled):
    bundle = CHAMPIONS[task]
    pool = rows_of(task, 6000, 16, "2021-01-01")
    window = drawn_by_class(pool, SHIFTS[task], 3000, 17)
    learn = drawn_by_class(pool, SHIFTS[task], labelled, 18)
    better = adapt(bundle, "priors", learn, window.drop(columns="y"))
    log_loss = metric_named("log_loss", bundle.schema)
    truth = window["y"].to_numpy()
    assert log_loss.value(truth, better.outputs(window)) < 0.95 * log_loss.value(
        truth, bundle.outputs(window)
    )
    assert score(better, window) >= score(bundle, window)
    np.testing.assert_allclose(
        better.outputs(window).mean(axis=0), list(SHIFTS[task].values()), atol=0.03
    )
    counts = better.reference["y"].value_counts(normalize=True)
    for name, share in SHIFTS[task].items():
        assert counts[name] == pytest.approx(share, abs=0.04)
    assert better.unseen(learn).sum() == 0
    assert_coherent(better)
    back = adapt(better, "priors", NONE, pool)
    assert isinstance(back.pipeline.steps[-1][1], CorrectedClassifier)
    assert back.pipeline.steps[-1][1].model is bundle.pipeline.steps[-1][1]
    np.testing.assert_allclose(
        back.outputs(pool).mean(axis=0), bundle.outputs(pool).mean(axis=0), atol=0.04
    )


def test_priors_that_did_not_move_teach_nothing():
    for task in SHIFTS:
        windows = [rows_of(task, 1000, seed, "2021-01-01") for seed in range(40, 60)]
        found = [adapt(CHAMPIONS[task], "priors", NONE, window) for window in windows]
        assert sum(bundle is not None for bundle in found) <= 4
    assert adapt(CHAMPIONS["regression"], "priors", NONE) is None


@pytest.mark.parametrize("rows", [60, 300, 3000])
@pytest.mark.parametrize("task", SHIFTS)
def test_too_sure_a_classifier_is_calibrated(task, rows):
    sure = LogisticRegression(C=100, max_iter=2000)
    bundle = champion_of(task, sure)
    model = bundle.pipeline.steps[-1][1]
    model.coef_, model.intercept_ = 4 * model.coef_, 4 * model.intercept_
    bundle = bundle.saying(lambda pipeline: pipeline)
    learn = rows_of(task, rows, 19, "2021-01-01")
    fresh = rows_of(task, 2000, 20, "2021-06-01")
    better = adapt(bundle, "recalibrate", learn)
    log_loss = metric_named("log_loss", bundle.schema)
    after = log_loss.value(fresh["y"].to_numpy(), better.outputs(fresh))
    assert after < 0.8 * log_loss.value(fresh["y"].to_numpy(), bundle.outputs(fresh))
    assert not better.unseen(learn).any()
    assert_coherent(better)
    again = adapt(better, "priors", NONE, drawn_by_class(fresh, SHIFTS[task], 2000, 21))
    assert again.pipeline.steps[-1][1].model is model
    assert_coherent(again)


def test_a_classifier_that_misses_a_class_is_adapted_all_the_same():
    schema = schema_of("multiclass")
    champion = CHAMPIONS["multiclass"]
    train = rows_of("multiclass", 2000, 1)
    train = train[train["y"] != "mid"]
    pipeline = Pipeline(
        [("features", champion.pipeline.steps[0][1]), ("model", LogisticRegression())]
    ).fit(train[list(schema.names)], train["y"])
    bundle = champion.saying(lambda _: pipeline)
    window = drawn_by_class(rows_of("multiclass", 4000, 3), {"low": 0.9, "high": 0.1}, 2000, 0)
    better = adapt(bundle, "priors", window[:100], window)
    assert better.outputs(window)[:, 2].max() == 0
    assert better.outputs(window)[:, 1].mean() > 0.85
    assert adapt(bundle, "recalibrate", window[:15]) is None


def test_changed_units_are_found_as_the_check_finds_them():
    before, now = rows_of("regression", 900, 1)["height"], rows_of("regression", 900, 2)["height"]
    found = changed_unit(Numbers.of(before.to_numpy()), Numbers.of(2.54 * now.to_numpy()))
    bundle = replace(CHAMPIONS["regression"])
    problem = unit_problem("height", (found.factor, found.offset))
    assert adapt(bundle, "unit", NONE, NONE, [problem]).units == {"height": ((2.54, 0.0),)}
