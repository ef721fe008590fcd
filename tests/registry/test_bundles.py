import json
import os
import warnings
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import skops.io
import yaml
from made import files_of, make_bundle, make_frame, make_pipeline_of, make_schema
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.feature_selection import SelectKBest, mutual_info_classif
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.svm import SVC, SVR
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from factory.adapt import adapted
from factory.adapt.corrected import CorrectedClassifier, moved_line, with_final
from factory.adapt.scaling import Scaling
from factory.bundle import pipeline_outputs
from factory.calibrate import Calibrator
from factory.compiled.rows import Rows
from factory.errors import Unavailable, UnknownModel
from factory.estimate import estimate, fit_estimator
from factory.metrics import metric_named
from factory.nouns import Problem
from factory.remedies import Adapt
from factory.replay.replay import Replay
from factory.twins import Twins
from registry.bundles import TRUSTED_TYPES, fetched_bundle
from registry.client import MlflowException, connect, mlflow
from registry.fastest import compiled_version
from registry.models import Models
from registry.proofs import here


def assert_same(one, other):
    for field in fields(one):
        a, b = getattr(one, field.name), getattr(other, field.name)
        if isinstance(a, pd.DataFrame):
            pd.testing.assert_frame_equal(a, b)
        elif isinstance(a, np.ndarray):
            np.testing.assert_array_equal(a, b)
            assert a.dtype == b.dtype
        elif isinstance(a, Pipeline):
            np.testing.assert_array_equal(one.outputs(one.reference), other.outputs(one.reference))
        else:
            assert repr(a).replace("np.int64(7)", "7") == repr(b), field.name


def estimate_of(bundle):
    metric = metric_named(bundle.metric, bundle.schema)
    told = {"confidence": 0.95, "resamples": 100, "seed": 0}
    return estimate(bundle.estimator, metric, bundle.reference, bundle.reference_outputs, **told)


@pytest.mark.parametrize("task", ["regression", "binary", "multiclass"])
def test_what_estimates_performance_comes_back_too(models, keep, task):
    bundle = make_bundle(task)
    held = make_frame(task, rows=60, seed=5)
    metric = metric_named(bundle.metric, bundle.schema)
    told = fit_estimator(metric, bundle.schema, held, bundle.outputs(held), seed=0)
    bundle = replace(bundle, estimator=told)
    loaded = models.load("m", keep(bundle))
    assert estimate_of(loaded) == estimate_of(bundle)
    assert estimate_of(loaded).rows == 20


@pytest.mark.parametrize("task", ["regression", "binary", "multiclass"])
def test_a_bundle_comes_back_as_it_was(home, models, keep, task):
    assert os.environ["MLFLOW_ALLOW_PICKLE_DESERIALIZATION"] == "false"
    bundle = make_bundle(task)
    version = keep(bundle)
    assert_same(bundle, models.load("m", version))
    neutralised = bundle.neutralise(("a", "c", "d"))
    loaded = models.load("m", keep(neutralised))
    assert_same(neutralised, loaded)
    assert loaded.neutralised == ("a", "c", "d")
    models.verify("m", version)
    assert models.load("m", version) is Models(home, models.ledger).load("m", version)


@pytest.mark.parametrize("task", ["regression", "binary", "multiclass"])
def test_what_draws_older_rows_comes_back_too(models, keep, task):
    bundle = make_bundle(task)
    replay = Replay.fit("copula", make_frame(task), bundle.schema, ("a", "b"), seed=0)
    loaded = models.load("m", keep(replace(bundle, replay=replay))).replay
    assert (loaded.rows, loaded.tables) == (80, ("a", "b"))
    rows = [one.draw(50, bundle.schema, seed=1) for one in (replay, loaded)]
    pd.testing.assert_frame_equal(*rows)


@pytest.mark.parametrize("task", ["regression", "binary", "multiclass"])
def test_an_adapted_bundle_comes_back_bit_for_bit(models, keep, task):
    bundle = make_bundle(task)
    problems = [Problem("a", "unit", 1.0, unit=(2.54, 3.0))]
    nothing = bundle.reference.head(0)
    told = {"learn": nothing, "window": nothing, "problems": problems}
    bundle = adapted(bundle, Adapt("unit"), **told).neutralise(("b",))
    if task == "regression":
        bundle = bundle.saying(lambda pipeline: moved_line(pipeline, 1.5, 0.75))
    else:
        classes = len(bundle.schema.classes)
        codes = np.arange(len(bundle.reference)) % classes
        curves = Calibrator.fit(bundle.reference_outputs, codes)
        scaling = Scaling(0.7, np.arange(classes) / 3)
        model = CorrectedClassifier(bundle.pipeline.steps[-1][1], scaling, curves)
        bundle = bundle.saying(lambda pipeline: with_final(pipeline, model))
    version = keep(bundle)
    loaded = models.load("m", version)
    assert_same(bundle, loaded)
    assert loaded.units == {"a": ((2.54, 3.0),)}
    models.verify("m", version)


@pytest.mark.parametrize("task", ["regression", "binary"])
def test_what_learnt_its_reference_comes_back_with_its_twins(models, keep, task):
    bundle = make_bundle(task)
    other = make_bundle(task, seed=5)
    speaks = np.arange(len(bundle.reference)) % 2
    crossed = np.where(
        (speaks == 1).reshape(-1, *[1] * (bundle.reference_outputs.ndim - 1)),
        other.outputs(bundle.reference),
        bundle.reference_outputs,
    )
    final = make_bundle(task, seed=9).pipeline
    twins = Twins((bundle.pipeline, other.pipeline), speaks)
    kept = replace(bundle, pipeline=final, reference_outputs=crossed, twins=twins)
    version = keep(kept)
    loaded = models.load("m", version)
    np.testing.assert_array_equal(loaded.unlearnt(loaded.marked), crossed)
    np.testing.assert_array_equal(loaded.probe, kept.outputs(kept.reference))
    models.verify("m", version)
    first = loaded.measured
    assert len(first.reference) == 10
    np.testing.assert_array_equal(first.outputs(first.reference), first.reference_outputs)
    muted = loaded.neutralise(("a",))
    np.testing.assert_array_equal(muted.unlearnt(muted.marked), muted.reference_outputs)
    assert not np.array_equal(muted.reference_outputs, crossed)
    assert muted.probe is None


@pytest.mark.parametrize("task", ["regression", "binary"])
def test_fallback_models_come_back_with_the_version(models, keep, task):
    bundle = make_bundle(task)
    frame = make_frame(task)
    model = Ridge() if task == "regression" else LogisticRegression()
    number = ColumnTransformer([("number", SimpleImputer(), ["b"])])
    fallback = Pipeline([("features", number), ("model", model)]).fit(frame[["b", "d"]], frame["y"])
    version = keep(replace(bundle, hedges={("a", "c"): fallback}))
    loaded = models.load("m", version)
    assert list(loaded.hedges) == [("a", "c")]
    one, two = (each.hedge({"c"}) for each in (replace(bundle, hedges=loaded.hedges), loaded))
    assert_same(one, two)
    expected = pipeline_outputs(fallback, one.schema, bundle.reference)
    np.testing.assert_array_equal(two.reference_outputs, expected)
    plain = models.load("m", keep(bundle))
    assert (plain.hedges, plain.hedge({"c"})) == ({}, None)


def test_a_version_is_a_plain_mlflow_model(home, models, keep):
    version = keep(make_bundle("binary"), remedy="retrain")
    folder = files_of(models, version)
    model = yaml.safe_load((folder / "MLmodel").read_text())
    assert [c["name"] for c in json.loads(model["signature"]["inputs"])] == ["a", "b", "c", "d"]
    assert (folder / "input_example.json").exists()
    assert "scikit-learn==" in (folder / "requirements.txt").read_text()
    assert sorted(p.name for p in (folder / "bundle").iterdir()) == [
        "bundle.json", "estimator.skops", "predictor.skops", "reference.parquet", "seen.npy",
        "served.json",
    ]  # fmt: skip
    told = models.versions("m")[0]
    assert told["version"] == version
    assert told["tags"] == {
        "data_sha256": "f" * 64, "family": "linear", "metric": "accuracy", "score": "0.125",
        "remedy": "retrain", "served": "compiled",
    }  # fmt: skip
    assert connect(home).get_run(told["run_id"]).info.status == "FINISHED"
    assert mlflow.get_tracking_uri() != home.tracking_uri
    assert not Path("mlflow.db").exists()
    assert not Path("mlruns").exists()


def test_mlflow_itself_can_serve_a_version(models, keep, monkeypatch):
    bundle = make_bundle()
    folder = files_of(models, keep(bundle))
    monkeypatch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "true")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        served = mlflow.pyfunc.load_model(str(folder)).predict(
            bundle.reference[list(bundle.schema.names)]
        )
    np.testing.assert_allclose(served, bundle.reference_outputs)


CLASSIFIERS = [
    CalibratedClassifierCV(SVC()),
    CalibratedClassifierCV(SVC(), method="isotonic"),
    DecisionTreeClassifier(max_depth=3),
    HistGradientBoostingClassifier(max_iter=3),
    KNeighborsClassifier(algorithm="ball_tree"),
    KNeighborsClassifier(algorithm="kd_tree"),
    MLPClassifier((3,), max_iter=2),
    MLPClassifier((3,), max_iter=2, solver="sgd"),
    RandomForestClassifier(3),
]
REGRESSORS = [
    DecisionTreeRegressor(max_depth=3),
    HistGradientBoostingRegressor(max_iter=3, loss="absolute_error"),
    KNeighborsRegressor(),
    MLPRegressor(hidden_layer_sizes=(3,), max_iter=2),
    RandomForestRegressor(3),
    SVR(),
]


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
@pytest.mark.parametrize("estimator", [*CLASSIFIERS, *REGRESSORS], ids=str)
def test_pipelines_of_every_family_are_trusted(estimator):
    task = "binary" if estimator in CLASSIFIERS else "regression"
    schema, frame = make_schema(task), make_frame(task)
    pipeline = make_pipeline_of(estimator)
    if task == "binary":
        pipeline.steps.insert(1, ("select", SelectKBest(mutual_info_classif, k=3)))
    pipeline.fit(frame[list(schema.names)], frame["y"])
    kept = skops.io.loads(skops.io.dumps(pipeline), trusted=list(TRUSTED_TYPES))
    np.testing.assert_array_equal(
        pipeline_outputs(kept, schema, frame), pipeline_outputs(pipeline, schema, frame)
    )


def test_a_type_that_is_not_trusted_is_not_loaded(models, keep):
    version = keep(make_bundle())
    file = files_of(models, version) / "model.skops"
    skops.io.dump(FunctionTransformer(os.system), file)
    (files_of(models, version) / "MLmodel").write_text("skops_trusted_types: [posix.system]")
    with pytest.raises(Unavailable, match="is damaged"):
        models.verify("m", version)


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / "model.skops").write_bytes(b"PK"),
        lambda folder: (folder / "bundle" / "bundle.json").write_text("{}"),
        lambda folder: (folder / "bundle" / "reference.parquet").unlink(),
        lambda folder: (folder / "bundle" / "seen.npy").write_bytes(b""),
        lambda folder: (folder / "bundle" / "estimator.skops").unlink(),
    ],
)
def test_damage_is_told(models, keep, damage):
    version = keep(make_bundle())
    damage(files_of(models, version))
    with pytest.raises(Unavailable, match="Version 1 of 'm' is damaged"):
        models.load("m", version)


def test_a_pipeline_that_could_not_be_loaded_is_not_saved(keep, models):
    bundle = make_bundle("binary", estimator=LogisticRegression())
    bundle.pipeline.steps.insert(0, ("odd", FunctionTransformer(np.copy)))
    with pytest.raises(MlflowException, match="untrusted types"):
        keep(replace(bundle))
    with pytest.raises(UnknownModel):
        models.versions("m")


def test_a_plain_path_is_read_too(models, keep):
    bundle = make_bundle()
    folder = files_of(models, keep(bundle))
    assert_same(bundle, fetched_bundle(str(folder), ""))


def test_how_a_version_is_served_is_recorded_with_it(models, keep):
    version = keep(make_bundle("binary"))
    told = json.loads((files_of(models, version) / "bundle" / "served.json").read_text())
    assert (told["form"], told["rows"]) == ("compiled", 20)
    assert told["largest_difference"] <= 1e-12
    assert "bundle/served.json" in models.ledger.version("m", version).files
    assert models.versions("m")[-1]["tags"]["served"] == "compiled"


def test_a_proof_is_trusted_where_it_was_made_and_made_again_elsewhere(models, keep, monkeypatch):
    version = keep(make_bundle("binary"))
    kept = models.proof("m", version)
    assert kept.where == here()
    with monkeypatch.context() as patched:
        patched.setattr("registry.fastest.proved", None)
        bundle, compiled, proof = compiled_version(models, "m", version)
    assert proof == kept
    np.testing.assert_allclose(
        compiled.outputs(Rows.of(bundle.reference, compiled.layout)), bundle.own_outputs, rtol=1e-12
    )
    with monkeypatch.context() as patched:
        patched.setattr("registry.fastest.here", lambda: "elsewhere")
        assert compiled_version(models, "m", version)[2] == replace(kept, where="elsewhere")
    file = files_of(models, version) / "bundle" / "served.json"
    file.write_text(file.read_text().replace("compiled", "features"))
    assert models.proof("m", version) is None
