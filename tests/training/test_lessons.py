"""Networks taught with strange rows in mind: still right, less sure of what they do not know."""

from functools import cache

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.datasets import load_digits
from training_rows import config, rows, schema

from factory.bundle import pipeline_outputs
from factory.config import FeaturesConfig
from factory.errors import BadConfig
from factory.nouns import Column, Schema
from factory.ood import METHODS, PLAIN, SCORES
from factory.ood.config import OodConfig
from factory.ood.made import made_strange
from factory.ood.measures import separation
from factory.ood.readings import encoded, read
from factory.ood.scores import energy_score
from factory.ood.watch import Ood
from registry.bundles import TRUSTED_TYPES
from training.family import family_named
from training.fit import fit_pipeline
from training.space import starting_point
from training.written import space_of

pytest.importorskip("keras")
pytestmark = [
    pytest.mark.xdist_group("tensorflow"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]
X, Y = load_digits(return_X_y=True)
NAMES = [f"p{place:02}" for place in range(64)]
FRAME = pd.DataFrame(X, columns=NAMES).assign(y=Y.astype(str).astype(object))
KNOWN, STRANGE = FRAME[Y < 7].reset_index(drop=True), FRAME[Y >= 7]
LEARNT, HELD, FRESH = KNOWN[:500], KNOWN[500:800], KNOWN[800:]
SCHEMA = Schema(
    tuple(Column(name, "number") for name in NAMES), "y", "multiclass", classes=tuple("0123456")
)


@cache
def taught(method):
    family = family_named("dense")
    params = {
        **starting_point(family.space("multiclass", "log_loss")),
        "epochs": 12, "units": 48, "method": method,
    }  # fmt: skip
    features = FeaturesConfig(scale="minmax")
    return fit_pipeline(LEARNT, SCHEMA, features, "dense", params, "log_loss", 0)


def found(method, score):
    pipeline = taught(method)
    ood = Ood.fit(OodConfig(score=score), pipeline, SCHEMA, learnt=LEARNT, held=HELD, seed=0)
    made = made_strange(encoded(pipeline, FRESH[NAMES]), np.random.default_rng(9))
    return separation(ood.scores(pipeline, FRESH[NAMES]), ood.of(read(pipeline, made)))


@pytest.mark.parametrize("method", METHODS)
def test_each_way_still_learns_the_classes_and_leaves_a_plain_network(method):
    pipeline = taught(method)
    said = pipeline_outputs(pipeline, SCHEMA, FRESH)
    assert (said.argmax(axis=1) == FRESH["y"].astype(int)).mean() > 0.93
    shapes = [one.shape for one in pipeline[-1].weights_]
    assert shapes == [one.shape for one in taught(PLAIN)[-1].weights_]
    again = skops.io.loads(skops.io.dumps(pipeline), trusted=list(TRUSTED_TYPES))
    inside = encoded(pipeline, FRESH[NAMES])
    first, second = read(pipeline, inside), read(again, inside)
    np.testing.assert_allclose(second.features, first.features, atol=1e-5)
    np.testing.assert_allclose(first.probabilities, said, atol=1e-5)


@pytest.mark.parametrize("method", ["virtual", "joint"])
def test_it_learns_alike_each_time(method):
    features = FeaturesConfig(scale="minmax")
    family = family_named("dense")
    params = {**starting_point(family.space("multiclass", "log_loss")), "epochs": 4, "units": 8}
    one, other = (
        fit_pipeline(
            LEARNT[:120], SCHEMA, features, "dense", {**params, "method": method}, "log_loss", 3
        )
        for _ in range(2)
    )
    for first, second in zip(one[-1].weights_, other[-1].weights_, strict=True):
        np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("method", ["exposure", "penalty"])
def test_what_it_was_told_to_be_unsure_of_it_is(method):
    assert found(method, "softmax").auroc > found(PLAIN, "softmax").auroc
    strange = pipeline_outputs(taught(method), SCHEMA, STRANGE).max(axis=1).mean()
    assert strange < pipeline_outputs(taught(PLAIN), SCHEMA, STRANGE).max(axis=1).mean()


@pytest.mark.parametrize("score", SCORES)
def test_every_score_reads_a_network(score):
    assert found(PLAIN, score).auroc > 0.7


def test_virtual_outliers_set_energies_apart():
    ways = {}
    for method in (PLAIN, "virtual"):
        pipeline = taught(method)
        known, strange = (
            energy_score(read(pipeline, encoded(pipeline, part[NAMES])).logits)
            for part in (FRESH, STRANGE)
        )
        ways[method] = separation(known, strange).auroc
    assert ways["virtual"] > ways[PLAIN] - 0.05


def test_what_is_no_method_is_the_users_error():
    written = config(search={"spaces": {"dense": {"method": "exposed"}}}).search.spaces["dense"]
    with pytest.raises(BadConfig, match="method = 'exposed'"):
        space_of(family_named("dense"), "binary", "log_loss", written, 0)
    with pytest.raises(BadConfig, match="none of a regression"):
        space_of(family_named("dense"), "regression", "squared_error", {"method": "joint"}, 0)


def test_weights_count_and_alpha_is_heard():
    family = family_named("dense")
    params = {**starting_point(family.space("binary", "log_loss")), "epochs": 3}
    frame = rows("binary", 120)
    weights = np.where(np.arange(120) < 60, 1e-3, 1.0)
    made = [
        fit_pipeline(
            frame, schema("binary"), FeaturesConfig(), "dense",
            {**params, "method": "exposure", "alpha": alpha}, "log_loss", 0, some,
        )[-1].weights_[0]
        for alpha, some in ((0.5, None), (2.0, None), (0.5, weights))
    ]  # fmt: skip
    assert not np.allclose(made[0], made[1])
    assert not np.allclose(made[0], made[2])
