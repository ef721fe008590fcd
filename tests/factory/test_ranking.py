"""The quick ways of resampling give the numbers of scikit-learn's scorers, draw by draw."""

import numpy as np
import pytest

from factory import bootstrap
from factory.ranking import rankable, ranked
from factory.scorers import score

BINARY = ["roc_auc", "f1", "f1_macro", "precision", "recall", "jaccard", "matthews_corrcoef"]
SEVERAL = ["roc_auc_ovr", "roc_auc_ovr_weighted", "f1_macro", "recall_weighted", "precision_micro"]
CASES = [(2, name) for name in BINARY] + [(3, name) for name in SEVERAL]


def sample(k, rows, seed):
    rng = np.random.default_rng(seed)
    truth = rng.integers(k, size=rows)
    truth[:k] = range(k)
    outputs = rng.dirichlet(np.ones(k), size=rows).round(1) + 1e-9
    return truth, outputs / outputs.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("block", [1, 4])
@pytest.mark.parametrize("rows", [4, 40, 300])
@pytest.mark.parametrize(("k", "name"), CASES)
def test_every_draw_is_the_scorers(k, name, rows, block, monkeypatch):
    truth, outputs = sample(k, rows, seed=rows)
    told = {"resamples": 100, "seed": 5, "block": block}
    quick = bootstrap.resample(name, [truth], [outputs], **told)
    monkeypatch.setattr(bootstrap, "rankable", lambda *_: False)
    monkeypatch.setattr(bootstrap, "EXACT", frozenset())
    slow = bootstrap.resample(name, [truth], [outputs], **told)
    np.testing.assert_allclose(quick, slow, atol=1e-12)


def test_two_models_see_the_same_draws():
    truth, outputs = sample(2, 200, seed=1)
    both = bootstrap.resample("roc_auc", [truth] * 2, [outputs] * 2, resamples=100, seed=0)
    assert (both[0] == both[1]).all()


@pytest.mark.parametrize("name", ["roc_auc", "roc_auc_ovr"])
def test_weights_are_scikit_learns(name):
    truth, outputs = sample(2 if name == "roc_auc" else 4, 60, seed=2)
    weights = np.random.default_rng(3).integers(1, 5, size=(5, 60)).astype(float)
    found = ranked(name, truth, outputs, weights)
    assert found == pytest.approx([score(name, truth, outputs, each) for each in weights])


def test_what_scikit_learn_refuses_is_left_to_it():
    assert not rankable("roc_auc_ovr", np.full((5, 3), 0.5))
    assert rankable("roc_auc", np.full((5, 2), 0.7))
    assert not rankable("log_loss", np.eye(2))
