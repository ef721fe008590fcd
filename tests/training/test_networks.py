"""Neural networks: they learn, are stored without code or pickles, and serve without training."""

import json
import subprocess
import sys
import zipfile

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.datasets import load_digits
from training_rows import TASKS, Ticks, config, rows, schema

from factory.bundle import pipeline_outputs
from factory.config import FeaturesConfig
from factory.errors import BadConfig
from factory.metrics import metric_named
from factory.nouns import Column, Schema
from registry.bundles import TRUSTED_TYPES, read_bundle, write_bundle
from training.families import NETWORKS
from training.family import family_named, loss_for
from training.fit import fit_pipeline, growing_pipelines
from training.inner import listening
from training.plan import Plan
from training.search.kept import as_line, from_line
from training.search.run import search
from training.space import starting_point
from training.train import train
from training.trying import objective_of

pytest.importorskip("keras")
pytestmark = [
    pytest.mark.xdist_group("tensorflow"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]

SERVED = """
import sys
from pathlib import Path
import numpy as np
sys.modules["training"] = None  # no training code where predictions are made
from registry.bundles import read_bundle
bundle = read_bundle(Path(sys.argv[1]))
again = bundle.outputs(bundle.reference)
assert np.allclose(again, bundle.own_outputs, rtol=0, atol=1e-6), "other outputs"
assert not {name for name in sys.modules if name.startswith(("autokeras", "optuna"))}
"""


def fit(name, task, **changes):
    family = family_named(name)
    loss = family.losses[task][0]
    params = {**starting_point(family.space(task, loss)), "epochs": 8, **changes}
    return fit_pipeline(rows(task, 200), schema(task), FeaturesConfig(), name, params, loss, 0)


def digits(count=400):
    X, y = load_digits(return_X_y=True)
    names = [f"p{place:02}" for place in range(64)]
    frame = pd.DataFrame(X[:count], columns=names).assign(y=y[:count].astype(str).astype(object))
    classes = tuple(str(digit) for digit in range(10))
    columns = tuple(Column(name, "number") for name in names)
    return frame, Schema(columns, "y", "multiclass", classes=classes)


@pytest.mark.parametrize("task", TASKS)
def test_dense_layers_learn_alike_each_time(task):
    first, again = fit("dense", task), fit("dense", task)
    fresh = rows(task, 150, seed=4)
    outputs = pipeline_outputs(first, schema(task), fresh)
    np.testing.assert_array_equal(outputs, pipeline_outputs(again, schema(task), fresh))
    metric = metric_named(None, schema(task))
    truth = fresh["y"].to_numpy()
    constant = np.full_like(outputs, outputs.mean(axis=0))
    assert metric.gain(metric.value(truth, constant), metric.value(truth, outputs)) > 0.2


@pytest.mark.parametrize("optimiser", ["rmsprop", "adagrad", "adadelta", "mini_batch", "sgd"])
def test_every_optimiser_moves_the_weights(optimiser):
    model = fit("dense", "regression", optimiser=optimiser, epochs=1, learning_rate=0.01)[-1]
    assert all(np.isfinite(one).all() for one in model.weights_)


def test_a_network_grows_by_epochs():
    family = family_named("dense")
    params = {**starting_point(family.space("binary", "log_loss")), "epochs": 7}
    growing = growing_pipelines(
        rows("binary", 100), schema("binary"), FeaturesConfig(), "dense", params, "log_loss", 0,
        stages=3,
    )  # fmt: skip
    assert [final for _, final in growing] == [False, False, True]


@pytest.mark.parametrize("kind", ["convolution", "recurrent"])
def test_images_are_searched_and_pruned_by_epochs(kind):
    frame, columns = digits(250)
    small = {"height": 8, "width": 8, "units": 16, "layers": 1, "epochs": 6, "optimiser": "adam"}
    made = config(
        metric="log_loss",
        search={"families": [kind], "folds": 2, "stages": 3, "spaces": {kind: small}},
    )
    metric = metric_named("log_loss", columns)
    losses = {kind: loss_for(family_named(kind), "multiclass", "auto", "log_loss")}
    objective = objective_of(frame, columns, made, metric, losses)
    plan = Plan(trials=7, seconds=1e9, seed=0, clock=Ticks(), pruner="halving")
    records = search(objective, plan)
    assert {"pruned", "complete"} <= {record.state for record in records}
    best = min(record.score for record in records if record.state == "complete")
    assert best < np.log(10) / 2


def test_a_shape_that_does_not_fit_is_the_users_error():
    with pytest.raises(BadConfig, match="cannot be taken as"):
        fit("convolution", "binary", height=28, width=28)


def test_a_bundle_of_a_network_serves_without_training(tmp_path):
    frame = rows("binary", 300)
    made = config(
        search={"families": ["dense"], "trials": 1, "folds": 2, "spaces": {"dense": {"epochs": 5}}},
        hedges={"most": 0},
        check={"corruptions": 0},
    )
    bundle = train(frame, schema("binary"), made, clock=Ticks()).bundle
    write_bundle(bundle, tmp_path / "model", model_id="m-1", run_id="0" * 32)
    again = read_bundle(tmp_path / "model")
    np.testing.assert_array_equal(again.outputs(frame), bundle.outputs(frame))
    files = [path for path in (tmp_path / "model").rglob("*") if path.is_file()]
    assert not [path for path in files if path.suffix in {".pkl", ".pickle", ".dill", ".h5"}]
    with zipfile.ZipFile(tmp_path / "model" / "model.skops") as stored:
        assert {name.rpartition(".")[2] for name in stored.namelist()} <= {"json", "npy"}
    subprocess.run([sys.executable, "-W", "ignore", "-c", SERVED, tmp_path / "model"], check=True)


@pytest.mark.parametrize("task", TASKS)
def test_autokeras_finds_the_same_network_each_time_that_is_kept_without_it(task, tmp_path):
    pytest.importorskip("autokeras")
    with listening(tmp_path / "home") as tried:
        pipeline = fit("autokeras", task, models=2, epochs=4)
    assert [one.number for one in tried] == [0, 1]
    assert {one.state for one in tried} == {"complete"}
    assert all(np.isfinite(one.loss) and "optimizer" in one.params for one in tried)
    assert list((tmp_path / "home").iterdir()) == []
    fresh = rows(task, 100, seed=4)
    outputs = pipeline_outputs(pipeline, schema(task), fresh)
    again = fit("autokeras", task, models=2, epochs=4)
    np.testing.assert_array_equal(outputs, pipeline_outputs(again, schema(task), fresh))
    assert type(pipeline[-1]).__module__ == "factory.neural"
    stored = skops.io.loads(skops.io.dumps(pipeline), trusted=list(TRUSTED_TYPES))
    np.testing.assert_allclose(pipeline_outputs(stored, schema(task), fresh), outputs, atol=1e-5)
    metric = metric_named(None, schema(task))
    truth = fresh["y"].to_numpy()
    constant = np.full_like(outputs, outputs.mean(axis=0))
    assert metric.gain(metric.value(truth, constant), metric.value(truth, outputs)) > 0


def test_autokeras_sees_images_alike_each_time():
    pytest.importorskip("autokeras")
    frame, columns = digits(300)
    params = {"models": 1, "epochs": 4, "height": 8, "width": 8}
    pipeline, again = (
        fit_pipeline(frame, columns, FeaturesConfig(), "autokeras", params, "log_loss", 0)
        for _ in range(2)
    )
    kinds = {layer["class_name"] for layer in json.loads(pipeline[-1].layers)}
    assert kinds & {"Conv2D", "SeparableConv2D"}
    outputs = pipeline_outputs(pipeline, columns, frame)
    assert (outputs.argmax(axis=1) == frame["y"].astype(int)).mean() > 0.3
    np.testing.assert_array_equal(outputs, pipeline_outputs(again, columns, frame))


TELLING = (("dull", "flat", "sour"), ("plain", "light", "young"), ("ripe", "long", "deep"))
BESIDE = ("a", "wine", "of", "this", "year", "and", "the", "hill", "it", "is")


def tasted(task, count=240, seed=0):
    """Notes of which two words say how good the wine was; a few are missing."""
    rng = np.random.default_rng(seed)
    points, notes = rng.integers(0, 3, count), []
    for point in points:
        words = [*rng.choice(BESIDE, rng.integers(4, 12)), *rng.choice(TELLING[point], 2)]
        notes.append(" ".join(rng.permutation(words)))
    notes = np.array(notes, dtype=object)
    notes[:3] = None
    classes = {"regression": (), "binary": ("no", "yes"), "multiclass": ("0", "1", "2")}[task]
    y = {
        "regression": points.astype(float),
        "binary": np.where(points > 0, "yes", "no").astype(object),
        "multiclass": points.astype(str).astype(object),
    }[task]
    columns = Schema((Column("note", "text"),), "y", task, classes=classes)
    return pd.DataFrame({"note": notes, "y": y}), columns


@pytest.mark.parametrize("task", TASKS)
def test_autokeras_reads_texts_word_by_word(task, tmp_path):
    pytest.importorskip("autokeras")
    frame, columns = tasted(task)
    made = config(
        search={
            "families": ["autokeras"], "trials": 1, "folds": 2,
            "spaces": {"autokeras": {"models": 1, "epochs": 20}},
        },
        hedges={"most": 0},
        check={"corruptions": 0},
    )  # fmt: skip
    with listening() as tried:
        bundle = train(frame, columns, made, clock=Ticks()).bundle
    # One fold's fit has searched: all others fit the network that it found.
    assert len(tried) <= 1
    kinds = [layer["class_name"] for layer in json.loads(bundle.pipeline[-1].layers)]
    assert kinds[0] == "Embedding"
    fresh, _ = tasted(task, seed=1)
    outputs = bundle.outputs(fresh)
    metric = metric_named(None, columns)
    constant = np.full_like(outputs, outputs.mean(axis=0))
    truth = fresh["y"].to_numpy()
    assert metric.gain(metric.value(truth, constant), metric.value(truth, outputs)) > 0.1
    write_bundle(bundle, tmp_path / "model", model_id="m-1", run_id="0" * 32)
    subprocess.run([sys.executable, "-W", "ignore", "-c", SERVED, tmp_path / "model"], check=True)


def test_what_a_search_within_a_fit_found_is_fitted_without_a_search(monkeypatch):
    pytest.importorskip("autokeras")
    frame = rows("binary", 200)
    params = {"models": 1, "epochs": 3, "height": 0, "width": 0}
    made = config(
        metric="log_loss",
        search={"families": ["autokeras"], "folds": 3, "spaces": {"autokeras": params}},
    )
    metric = metric_named("log_loss", schema("binary"))
    objective = objective_of(frame, schema("binary"), made, metric, {"autokeras": "log_loss"})
    plan = Plan(trials=1, seconds=1e9, seed=0, clock=Ticks())
    (record,) = search(objective, plan)
    assert (record.state, len(record.folds), len(record.inner)) == ("complete", 3, 1)
    assert set(record.found) == {"layers", "optimiser"}
    assert from_line(as_line(record)) == record

    def searched(*_):
        pytest.fail("it searched again")

    monkeypatch.setattr("training.families.autokeras.Searching.fit", searched)
    features = FeaturesConfig()
    again = fit_pipeline(
        frame, schema("binary"), features, "autokeras", record.recipe, "log_loss", 0
    )
    assert again[-1].layers == record.found["layers"]


def test_every_network_is_a_family():
    assert {family_named(name).name for name in NETWORKS} == set(NETWORKS)
