"""Models that somebody else put into the registry: none of their code runs."""

import pickle
import warnings
from pathlib import Path

import pytest
import skops.io
from made import files_of, make_bundle

from factory.errors import Damaged
from registry.client import connect, mlflow

SOURCES = ("model.skops", "bundle/estimator.skops", "bundle/predictor.skops")


class Trap:
    """Leaves a file behind wherever it is unpickled."""

    def __init__(self, sentinel):
        self.sentinel = sentinel

    def __reduce__(self):
        return Path.touch, (Path(self.sentinel),)


class Stranger:
    """Of a type that our list of trusted types lacks."""


@pytest.fixture
def sentinel(tmp_path):
    return tmp_path / "was executed"


def register(home, models, folder, run_id, name="m"):
    """Register a folder as the next version of our model, as whoever has access could."""
    client = connect(home)
    experiment = client.get_run(run_id).info.experiment_id
    logged = client.create_logged_model(experiment, name=name, source_run_id=run_id)
    client.log_model_artifacts(logged.model_id, str(folder))
    client.finalize_logged_model(logged.model_id, "READY")
    made = client.create_model_version(
        name, logged.artifact_location, run_id, model_id=logged.model_id
    )
    return int(made.version)


def test_a_pickled_model_is_refused_and_not_executed(home, models, keep, tmp_path, sentinel):
    run_id = models.versions("m")[0]["run_id"] if keep(make_bundle()) else None
    folder = tmp_path / "theirs"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mlflow.sklearn.save_model(
            make_bundle().pipeline, folder, serialization_format="cloudpickle",
            pip_requirements=["scikit-learn"],
        )  # fmt: skip
    (folder / "model.pkl").write_bytes(pickle.dumps(Trap(sentinel)))
    version = register(home, models, folder, run_id)
    for read in (models.load, models.verify):
        with pytest.raises(Damaged):
            read("m", version)
    assert not sentinel.exists()


@pytest.mark.parametrize("file", SOURCES)
def test_a_bundle_with_a_pickle_in_place_of_a_part_is_refused(
    file, home, models, keep, tmp_path, sentinel
):
    folder = files_of(models, keep(make_bundle()))
    (folder / file).write_bytes(pickle.dumps(Trap(sentinel)))
    version = register(home, models, folder, models.versions("m")[0]["run_id"])
    with pytest.raises(Damaged):
        models.load("m", version)
    assert not sentinel.exists()


@pytest.mark.parametrize("file", SOURCES)
def test_a_bundle_with_an_unknown_type_is_refused(file, home, models, keep, tmp_path):
    folder = files_of(models, keep(make_bundle()))
    skops.io.dump(Stranger(), folder / file)
    version = register(home, models, folder, models.versions("m")[0]["run_id"])
    with pytest.raises(Damaged, match="Stranger"):
        models.load("m", version)


def test_a_model_cannot_widen_the_list_of_trusted_types(home, models, keep):
    folder = files_of(models, keep(make_bundle()))
    skops.io.dump(Stranger(), folder / "model.skops")
    told = folder / "MLmodel"
    types = "skops_trusted_types:\n"
    wider = told.read_text().replace(types, f"{types}    - test_foreign.Stranger\n")
    assert "Stranger" in wider
    told.write_text(wider)
    version = register(home, models, folder, models.versions("m")[0]["run_id"])
    with pytest.raises(Damaged, match="Stranger"):
        models.load("m", version)
