import json
import os
import warnings
from dataclasses import fields, replace
from pathlib import Path
from urllib.parse import urlparse

import numpy as np
import pandas as pd
import pytest
import skops.io
from made import broken_twin, make_bundle, make_frame, make_pipeline_of, make_schema
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.feature_selection import SelectKBest, mutual_info_classif
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.svm import SVC, SVR
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from factory.bundle import pipeline_outputs
from factory.errors import Conflict, NoChampion, Unavailable, UnknownModel
from registry.bundles import TRUSTED_TYPES, fetched_bundle
from registry.client import MlflowException, connect
from registry.ledger import Ledger
from registry.models import Models
from registry.runs import Runs

WHY = {"who": "me", "why": "better", "at": "2025-01-01T00:00:00+00:00"}


@pytest.fixture
def models(home):
    return Models(home, Ledger(home.ledger_url))


@pytest.fixture
def keep(home, models):
    """Register a bundle under a run of its own, and return its version."""
    runs = Runs(home)

    def save(bundle, name="m", **tags):
        with runs.run(name, "train") as run_id:
            return models.save(bundle, name, run_id, data_sha256="f" * 64, tags=tags)

    return save


def mlflow_aliases(home, name="m"):
    return {a: int(v) for a, v in connect(home).get_registered_model(name).aliases.items()}


def files_of(models, version, name="m"):
    told = models._version(name, version)  # noqa: SLF001 - where MLflow keeps it
    return Path(urlparse(told.source).path)


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


def test_a_version_is_a_plain_mlflow_model(home, models, keep):
    version = keep(make_bundle("binary"), remedy="retrain")
    folder = files_of(models, version)
    import mlflow  # noqa: PLC0415 - only here
    import yaml  # noqa: PLC0415 - only here

    model = yaml.safe_load((folder / "MLmodel").read_text())
    assert [c["name"] for c in json.loads(model["signature"]["inputs"])] == ["a", "b", "c", "d"]
    assert (folder / "input_example.json").exists()
    assert "scikit-learn==" in (folder / "requirements.txt").read_text()
    assert sorted(p.name for p in (folder / "bundle").iterdir()) == [
        "bundle.json", "reference.parquet", "seen.npy",
    ]  # fmt: skip
    told = models.versions("m")[0]
    assert told["version"] == version
    assert told["tags"] == {
        "data_sha256": "f" * 64, "family": "linear", "metric": "accuracy", "score": "0.125",
        "remedy": "retrain",
    }  # fmt: skip
    assert connect(home).get_run(told["run_id"]).info.status == "FINISHED"
    assert mlflow.get_tracking_uri() != home.tracking_uri
    assert not Path("mlflow.db").exists()
    assert not Path("mlruns").exists()


def test_mlflow_itself_can_serve_a_version(models, keep, monkeypatch):
    bundle = make_bundle()
    folder = files_of(models, keep(bundle))
    monkeypatch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "true")
    from registry.client import mlflow  # noqa: PLC0415 - only here

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
    ],
)
def test_damage_is_told(models, keep, damage):
    version = keep(make_bundle())
    damage(files_of(models, version))
    with pytest.raises(Unavailable, match="Version 1 of 'm' is damaged"):
        models.load("m", version)


def test_unknown_names_and_versions_are_told(models, keep):
    with pytest.raises(UnknownModel, match="factory train m"):
        models.champion("m")
    keep(make_bundle(), name="sales")
    with pytest.raises(UnknownModel, match="did you mean 'sales'"):
        models.champion("sale")
    with pytest.raises(UnknownModel, match="did you mean 'sales'"):
        models.load("sale", 1)
    with pytest.raises(UnknownModel, match="its versions: 1"):
        models.load("sales", 2)
    with pytest.raises(UnknownModel, match="its versions: 1"):
        models.promote("sales", 99, expected=None, **WHY)
    with pytest.raises(UnknownModel, match="No model"):
        models.versions("it's")
    with pytest.raises(NoChampion):
        models.champion("sales")
    assert models.names() == ["sales"]


def test_a_promotion_moves_ledger_and_aliases_together(home, models, keep):
    bundle = make_bundle()
    first, second = keep(bundle), keep(bundle)
    models.challenge("m", first)
    assert mlflow_aliases(home) == {"challenger": first}
    assert models.promote("m", first, expected=None, **WHY)
    assert mlflow_aliases(home) == {"champion": first}
    models.challenge("m", second)
    assert models.promote("m", second, expected=first, decision="d", **WHY)
    assert mlflow_aliases(home) == {"champion": second, "previous": first}
    assert models.champion("m") == second
    assert models.ledger.history("m")[-1].decision == "d"
    assert [told["aliases"] for told in models.versions("m")] == [["previous"], ["champion"]]
    assert models.link("m", 2) == "http://127.0.0.1:5000/#/models/m/versions/2"


def test_a_repeated_promotion_changes_nothing(home, models, keep):
    bundle = make_bundle()
    first, second = keep(bundle), keep(bundle)
    models.promote("m", first, expected=None, **WHY)
    recorded = []
    assert models.promote("m", second, expected=first, record=recorded.append, **WHY)
    assert not models.promote("m", second, expected=first, record=recorded.append, **WHY)
    assert len(recorded) == 1
    assert mlflow_aliases(home) == {"champion": second, "previous": first}
    assert len(models.ledger.history("m")) == 2


def test_a_champion_that_moved_is_a_conflict(home, models, keep):
    bundle = make_bundle()
    versions = [keep(bundle) for _ in range(3)]
    models.promote("m", versions[0], expected=None, **WHY)
    models.promote("m", versions[1], expected=versions[0], **WHY)
    recorded = []
    with pytest.raises(Conflict, match="is version 2, not version 1"):
        models.promote("m", versions[2], expected=versions[0], record=recorded.append, **WHY)
    with pytest.raises(Conflict, match="is version 2, not none"):
        models.unchanged("m", expected=None, record=recorded.append)
    assert recorded == []
    models.unchanged("m", expected=2, record=recorded.append)
    assert len(recorded) == 1
    assert mlflow_aliases(home) == {"champion": 2, "previous": 1}


def test_what_fails_inside_moves_nothing(home, models, keep):
    bundle = make_bundle()
    first, second = keep(bundle), keep(bundle)
    models.promote("m", first, expected=None, **WHY)

    def record(t):
        t.record_decision(
            "d", window_sha256="s", champion_before=1, champion_after=2, body="", at="now"
        )
        raise RuntimeError

    with pytest.raises(RuntimeError):
        models.promote("m", second, expected=first, record=record, **WHY)
    assert models.champion("m") == first
    assert models.ledger.decisions("m") == []
    assert mlflow_aliases(home) == {"champion": first}


def test_rolling_back(home, models, keep):
    bundle = make_bundle()
    versions = [keep(bundle) for _ in range(3)]
    with pytest.raises(NoChampion):
        models.roll_back("m", **WHY)
    models.promote("m", 1, expected=None, **WHY)
    with pytest.raises(UnknownModel, match="no champion before version 1"):
        models.roll_back("m", **WHY)
    for version in versions[1:]:
        models.promote("m", version, expected=version - 1, **WHY)
    assert models.roll_back("m", **WHY) == 2
    assert mlflow_aliases(home) == {"champion": 2, "previous": 3}
    assert models.roll_back("m", 1, expected=2, **WHY) == 1
    assert mlflow_aliases(home) == {"champion": 1, "previous": 2}
    with pytest.raises(UnknownModel, match="no version 9"):
        models.roll_back("m", 9, **WHY)
    with pytest.raises(Conflict):
        models.roll_back("m", 3, expected=2, **WHY)
    assert models.champion("m") == 1


def test_a_version_that_fails_its_proof_is_not_rolled_back_to(home, models, keep):
    bundle = make_bundle()
    good, wrong, lost = keep(bundle), keep(broken_twin(bundle)), keep(bundle)
    models.promote("m", good, expected=None, **WHY)
    (files_of(models, lost) / "model.skops").unlink()
    for version, words in ((wrong, "predicts other values"), (lost, "is damaged")):
        with pytest.raises(Unavailable, match=words):
            models.roll_back("m", version, **WHY)
    odd = keep(replace(bundle, schema=replace(bundle.schema, features=bundle.schema.features[:1])))
    with pytest.raises(Unavailable, match="is damaged"):
        models.verify("m", odd)
    assert models.champion("m") == good
    assert mlflow_aliases(home) == {"champion": good}


def test_aliases_are_mended_by_the_ledger(home, models, keep):
    bundle = make_bundle()
    versions = [keep(bundle) for _ in range(3)]
    keep(bundle, name="other")
    for version in versions[:2]:
        models.promote("m", version, expected=models.ledger.champion("m"), **WHY)
    assert models.repair() == []
    client = connect(home)
    client.set_registered_model_alias("m", "champion", "3")
    client.delete_registered_model_alias("m", "previous")
    client.set_registered_model_alias("other", "champion", "1")
    assert models.repair() == [
        "m: champion was 3, is 2", "m: previous was None, is 1", "other: champion was 1, is None",
    ]  # fmt: skip
    assert mlflow_aliases(home) == {"champion": 2, "previous": 1}
    assert mlflow_aliases(home, "other") == {}
    assert models.repair() == []


def test_a_champion_that_is_gone_from_mlflow_is_told(home, models, keep):
    bundle = make_bundle()
    for version in (keep(bundle), keep(bundle)):
        models.promote("m", version, expected=models.ledger.champion("m"), **WHY)
    connect(home).delete_model_version("m", "2")
    assert models.repair() == ["m: champion is 2, which is gone from MLflow"]
    assert models.roll_back("m", **WHY) == 1
    assert mlflow_aliases(home) == {"champion": 1}


def test_models_of_others_are_left_alone(home, models, keep):
    client = connect(home)
    client.create_registered_model("theirs")
    keep(make_bundle())
    assert models.names() == ["m"]
    assert models.repair() == []


def test_a_store_that_does_not_answer_is_told(home):
    with pytest.raises(Unavailable, match="cannot be used"):
        Models(replace(home, tracking_uri="http://127.0.0.1:9"), Ledger(home.ledger_url))


def test_a_pipeline_that_could_not_be_loaded_is_not_saved(keep, models):
    bundle = make_bundle("binary", estimator=LogisticRegression())
    bundle.pipeline.steps.insert(0, ("odd", FunctionTransformer(np.copy)))
    with pytest.raises(MlflowException, match="untrusted types"):
        keep(replace(bundle))
    with pytest.raises(UnknownModel):
        models.versions("m")


def test_files_outside_the_machine_are_fetched(models, keep):
    bundle = make_bundle()
    source = models._version("m", keep(bundle)).source  # noqa: SLF001 - where MLflow keeps it
    assert_same(bundle, fetched_bundle(urlparse(source).path, ""))
