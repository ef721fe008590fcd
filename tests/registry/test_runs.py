import json
import time

import pytest

from factory.nouns import DataVersion
from registry.client import connect
from registry.runs import Runs
from registry.trials import _ask, children_of, write_children


@pytest.fixture
def runs(home):
    return Runs(home)


@pytest.fixture
def client(home):
    return connect(home)


def trial(number, state="complete", score=0.5, **more):
    params = {"alpha": 0.1 * number, "layers": (3, 2), "depth": None}
    clock = {"started": 100.0 + number, "ended": 100.5 + number}
    told = {"number": number, "family": "linear", "params": params, "state": state}
    return {**told, "score": score, "folds": (0.4, 0.6), "error": "", **clock, **more}


def test_a_run_holds_parameters_metrics_and_files(home, runs, client, tmp_path):
    with runs.run("m", "train", tags={"seed": "0"}) as run_id:
        runs.log(run_id, params={"family": "linear", "alpha": 0.1}, metrics={"error": 0.25})
        runs.log(run_id, metrics={"seconds": 3, "undefined": float("nan")})
        runs.log_text(run_id, "{}", "config.json")
        (tmp_path / "plot.html").write_text("<p>")
        runs.log_artifact(run_id, str(tmp_path / "plot.html"), "plots")
        assert client.get_run(run_id).info.status == "RUNNING"
    run = client.get_run(run_id)
    assert run.info.status == "FINISHED"
    assert run.info.run_name == "train"
    assert run.data.tags["seed"] == "0"
    assert run.data.params == {"family": "linear", "alpha": "0.1"}
    assert run.data.metrics["error"] == 0.25
    assert run.info.artifact_uri.startswith(home.artifacts.as_uri())
    assert [f.path for f in client.list_artifacts(run_id)] == ["config.json", "plots"]


@pytest.mark.parametrize(
    ("error", "status"), [(ValueError("why"), "FAILED"), (KeyboardInterrupt(), "KILLED")]
)
def test_a_run_that_fails_says_so(runs, client, error, status):
    def fail():
        with runs.run("m", "train") as run_id:
            ids.append(run_id)
            raise error

    ids = []
    with pytest.raises(type(error)):
        fail()
    run = client.get_run(ids[0])
    assert run.info.status == status
    assert run.data.tags["error"] == f"{type(error).__name__}: {error}"


def test_trials_are_runs_below_the_training(runs, client):
    trials = [trial(0), trial(1, "pruned", 0.7), trial(2, "failed", None, folds=(), error="no fit")]
    before = time.time() * 1000
    with runs.run("m", "train") as run_id:
        ids = runs.log_trials(run_id, "m", trials)
        assert runs.log_trials(run_id, "m", []) == []
    children = [client.get_run(i) for i in ids]
    found = client.search_runs(
        [children[0].info.experiment_id],
        f"tags.mlflow.parentRunId = '{run_id}' and params.family = 'linear'",
        order_by=["metrics.score"],
    )
    assert {run.info.run_id for run in found} == set(ids)
    assert [run.info.run_name for run in children] == ["trial 0", "trial 1", "trial 2"]
    assert [run.info.status for run in children] == ["FINISHED", "KILLED", "FAILED"]
    assert [run.data.metrics.get("score") for run in children] == [0.5, 0.7, None]
    assert [run.data.tags["state"] for run in children] == ["complete", "pruned", "failed"]
    assert children[2].data.tags["error"] == "no fit"
    assert children[1].data.params == {
        "family": "linear", "alpha": "0.1", "layers": "(3, 2)", "depth": "None",
    }  # fmt: skip
    assert [m.value for m in client.get_metric_history(ids[0], "fold")] == [0.4, 0.6]
    ends = [run.info.end_time for run in children]
    assert [run.info.end_time - run.info.start_time for run in children] == [500] * 3
    assert ends[1] - ends[0] == ends[2] - ends[1] == 1000
    assert before - 1 <= ends[2] <= time.time() * 1000 + 1


def test_what_was_tried_within_a_fit_are_runs_below_its_trial(runs, client):
    units = {"dense_block_1/units_0": 32, "optimizer": "adam"}
    tried = {"number": 0, "family": "autokeras", "params": units, "state": "complete", "error": ""}
    inner = ({**tried, "loss": 0.2}, {**tried, "state": "failed", "loss": None, "error": "no fit"})
    with runs.run("m", "train") as run_id:
        ids = runs.log_trials(run_id, "m", [trial(0), trial(1, inner=inner)], inner[:1])
    names = ["trial 0", "trial 1", "fit.0", "trial 1.0", "trial 1.1"]
    children = [client.get_run(one) for one in ids]
    assert [run.info.run_name for run in children] == names
    parents = [run.data.tags["mlflow.parentRunId"] for run in children]
    assert parents == [run_id, run_id, run_id, ids[1], ids[1]]
    assert children[3].data.params == {
        "family": "autokeras", "dense_block_1/units_0": "32", "optimizer": "adam",
    }  # fmt: skip
    assert [run.data.metrics.get("loss") for run in children[2:]] == [0.2, 0.2, None]
    assert children[4].data.tags["error"] == "no fit"
    assert children[4].info.status == "FAILED"


def test_trials_in_one_transaction_are_as_the_client_writes_them(runs, client):
    told = [trial(0), trial(1, "pruned", 0.7), trial(2, "failed", None, folds=(), error="no fit")]
    with runs.run("m", "train") as run_id:
        experiment = client.get_run(run_id).info.experiment_id
        children = children_of(told, 10**12)
        one_by_one = [_ask(client, experiment, run_id, child) for child in children]
        at_once = write_children(client, experiment, run_id, children)
    for first, second in zip(one_by_one, at_once, strict=True):
        asked, filled = (
            client.get_run(first).to_dictionary(),
            client.get_run(second).to_dictionary(),
        )
        text = json.dumps(filled).replace(second, first)
        assert json.loads(text) == json.loads(json.dumps(asked))
        history = [client.get_metric_history(one, "fold") for one in (first, second)]
        assert [vars(m) for m in history[0]] == [vars(m) for m in history[1]]
    client.log_text(at_once[0], "later", "note.txt")
    client.log_metric(at_once[0], "score", 0.9, step=1)
    assert client.get_run(at_once[0]).data.metrics["score"] == 0.9


def test_data_show_on_the_run_by_their_hash(runs, client):
    version = DataVersion("ab" * 32, 100, "2025-01-01", "2025-01-31")
    with runs.run("m", "train") as run_id:
        runs.log_dataset(run_id, version, source="/data/flights.csv", context="training")
        runs.log_dataset(
            run_id, version, source="postgresql://me:secret@h/a#t", context="evaluation"
        )
    run = client.get_run(run_id)
    used = {e.tags[0].value: e.dataset for e in run.inputs.dataset_inputs}
    assert used["training"].name == "flights.csv"
    assert used["training"].digest == version.sha256[:36]
    assert json.loads(used["training"].profile) == {
        "sha256": version.sha256, "rows": 100, "start": "2025-01-01", "end": "2025-01-31",
    }  # fmt: skip
    assert json.loads(used["evaluation"].source) == {"uri": "postgresql://me:***@h/a#t"}
    assert run.data.tags["data_sha256.training"] == version.sha256


def test_an_experiment_that_was_deleted_comes_back(runs, client):
    first = runs.start("m", "one")
    runs.finish(first)
    experiment = client.get_run(first).info.experiment_id
    client.delete_experiment(experiment)
    second = runs.start("m", "two")
    assert client.get_run(second).info.experiment_id == experiment
