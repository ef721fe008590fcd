"""Strange rows: the score is fitted at training, kept with the version, and is its model's."""

from functools import cache

import numpy as np
import pytest
from training_rows import TASKS, Ticks, config, rows, schema

from factory.bundle import Bundle
from registry.bundles import read_bundle, write_bundle
from training.judge import completed
from training.train import train

QUICK = {
    "search": {"families": ["linear"], "trials": 1, "folds": 2},
    "hedges": {"most": 0},
    "check": {"corruptions": 0},
}


@cache
def trained(task, **ood):
    made = config(**QUICK, ood=ood)
    return train(rows(task, 250), schema(task), made, clock=Ticks()), made


@pytest.mark.parametrize("task", TASKS)
def test_a_version_knows_what_is_strange_to_it(task, tmp_path):
    bundle = trained(task)[0].bundle
    fresh = rows(task, 200, seed=3)
    odd = fresh.assign(size=90.0, noise=-70.0)
    scores, strange = bundle.strangeness(fresh)
    assert strange.mean() < 0.15
    assert bundle.strangeness(odd)[0].mean() != scores.mean()
    write_bundle(bundle, tmp_path / "model", model_id="m-1", run_id="0" * 32)
    again = read_bundle(tmp_path / "model")
    np.testing.assert_array_equal(again.strangeness(fresh)[0], scores)
    assert again.ood.separations == bundle.ood.separations
    files = {path.name for path in (tmp_path / "model" / "bundle").iterdir()}
    assert "ood.npz" in files


@pytest.mark.parametrize("score", ["mahalanobis", "knn"])
def test_rows_far_out_are_strange_by_features(score):
    bundle = trained("binary", score=score)[0].bundle
    odd = rows("binary", 50, seed=3).assign(size=90.0, noise=-70.0)
    assert bundle.strangeness(odd)[1].all()


def test_the_score_is_the_twins_and_its_threshold_of_rows_that_it_has_not_learnt_from():
    trainer, made = trained("multiclass", score="softmax", true_positive_rate=0.8)
    bundle = trainer.bundle
    assert bundle.twins is not None
    said = bundle.measured.outputs(bundle.reference)
    expected = np.quantile(1 - said.max(axis=1), 0.8, method="higher")
    assert bundle.ood.threshold == pytest.approx(expected)
    assert made.ood.true_positive_rate == 0.8


def test_a_changed_model_is_watched_anew():
    trainer, made = trained("binary", score="knn")
    light = trainer.bundle.neutralise(("noise",))
    assert light.ood is None
    assert light.strangeness(rows("binary", 5)) is None
    whole = completed(light, made)
    assert isinstance(whole, Bundle)
    loud = rows("binary", 100, seed=5).assign(noise=1e6)
    assert whole.strangeness(loud)[1].mean() < 0.3


def test_what_the_model_lacks_is_told():
    made = config(
        **{**QUICK, "search": {"families": ["tree"], "trials": 1, "folds": 2}},
        ood={"score": "energy"},
    )
    told = train(rows("binary", 300), schema("binary"), made, clock=Ticks())
    assert any("no logits" in note.text for note in told.notes)
    assert told.bundle.strangeness(rows("binary", 5)) is None


def test_nothing_is_fitted_unless_asked_for():
    assert (
        train(rows("binary", 200), schema("binary"), config(**QUICK), clock=Ticks()).bundle.ood
        is None
    )
