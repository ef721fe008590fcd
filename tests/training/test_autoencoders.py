"""Autoencoders as scores: noise climbs them step by step, their loss is chosen, they are kept."""

from functools import cache

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler

from factory.nouns import Column, Schema
from factory.ood.config import OodConfig
from factory.ood.measures import separation
from factory.ood.readings import encoded
from factory.ood.watch import Ood
from registry.states import read_values, write_values
from training.family import family_named
from training.space import starting_point

pytest.importorskip("keras")
pytestmark = [
    pytest.mark.xdist_group("tensorflow"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]
X, Y = load_digits(return_X_y=True)
NAMES = [f"p{place:02}" for place in range(64)]
ORDER = np.random.default_rng(0).permutation(len(X))
FRAME = pd.DataFrame(X[ORDER], columns=NAMES).assign(y=Y[ORDER].astype(str).astype(object))
LEARNT, HELD, FRESH = FRAME[:1000], FRAME[1000:1400], FRAME[1400:]
COLUMNS = tuple(Column(name, "number") for name in NAMES)
SCHEMA = Schema(COLUMNS, "y", "multiclass", classes=tuple("0123456789"))
LADDER = (0.0, 0.05, 0.1, 1.0, 2.0, 4.0, 6.0, 8.0)
"""Deviations of the noise put on pixels of 0 to 16."""


@cache
def fitted(score, **settings):
    pipeline = make_pipeline(MinMaxScaler(), LogisticRegression(max_iter=50, tol=0.1))
    pipeline.fit(LEARNT[NAMES], LEARNT["y"])
    config = OodConfig(score=score, epochs=settings.pop("epochs", 12), **settings)
    return pipeline, Ood.fit(config, pipeline, SCHEMA, learnt=LEARNT, held=HELD, seed=0)


@pytest.mark.parametrize("score", ["autoencoder", "vae"])
def test_noise_climbs_the_ladder_from_known_to_strange(score):
    pipeline, ood = fitted(score)
    noise = np.random.default_rng(1).normal(size=(len(FRESH), 64))
    steps = [ood.scores(pipeline, FRESH[NAMES] + size * noise) for size in LADDER]
    middles = [float(np.median(step)) for step in steps]
    assert middles == sorted(middles)
    strange = [float((step > ood.threshold).mean()) for step in steps]
    assert max(strange[:2]) < 0.12
    assert min(strange[-3:]) > 0.95
    assert len(ood.separations) == 6


def test_loss_and_view_are_those_that_tell_best():
    _, ood = fitted("vae")
    best = max(ood.separations, key=ood.separations.get)
    assert best == f"{ood.rebuilding.loss} {ood.rebuilding.view}"
    told = {name.split()[1] for name in ood.separations}
    assert told == {"reconstruction", "latent"}


def test_rows_are_rebuilt_and_every_value_has_its_part():
    pipeline, ood = fitted("autoencoder", loss="mse", view="reconstruction")
    broken = FRESH[NAMES].copy()
    broken["p36"] = 16.0 - broken["p36"]
    inside = encoded(pipeline, FRESH[NAMES])
    rebuilt = ood.rebuilding.rebuilt(inside)
    assert ((rebuilt - inside) ** 2).mean() < 0.5 * inside.var(axis=0).mean()
    parts = ood.rebuilding.parts(encoded(pipeline, broken))
    assert parts.mean(axis=0).argmax() == 36
    np.testing.assert_allclose(parts.mean(axis=1), ood.scores(pipeline, broken))


def test_it_is_kept_and_comes_back_the_same(tmp_path):
    pipeline, ood = fitted("vae")
    write_values(tmp_path / "ood.npz", ood.to_values())
    again = Ood.of_values(read_values(tmp_path / "ood.npz"))
    scores = ood.scores(pipeline, FRESH[NAMES])
    np.testing.assert_allclose(again.scores(pipeline, FRESH[NAMES]), scores, rtol=1e-5)
    assert again.threshold == ood.threshold
    assert again.separations == ood.separations
    assert ood.scores(pipeline, FRESH[NAMES].head(0)).shape == (0,)
    wild = FRESH[NAMES].head(2).assign(p00=1e30)
    assert (again.scores(pipeline, wild) > again.threshold).all()


def test_images_are_coded_by_convolutions_where_the_model_sees_images():
    family = family_named("convolution")
    params = {**starting_point(family.space("multiclass", "log_loss")), "epochs": 1, "units": 4}
    network = family.build({**params, "height": 8, "width": 8}, "multiclass", "log_loss", 0, 500)
    pipeline = Pipeline([("scale", MinMaxScaler()), ("model", network)])
    pipeline.fit(LEARNT[NAMES], LEARNT["y"])
    config = OodConfig(score="autoencoder", loss="bce", epochs=12)
    ood = Ood.fit(config, pipeline, SCHEMA, learnt=LEARNT, held=HELD, seed=0)
    kinds = [weights.ndim for weights in ood.rebuilding.coder.weights]
    assert 4 in kinds
    noise = np.random.default_rng(1).normal(size=(len(FRESH), 64))
    ladder = (0.0, 0.25, 0.5, 2.0, 4.0, 8.0)
    steps = [ood.scores(pipeline, FRESH[NAMES] + size * noise) for size in ladder]
    middles = [float(np.median(step)) for step in steps]
    assert middles == sorted(middles)
    assert max((step > ood.threshold).mean() for step in steps[:2]) < 0.15
    assert separation(steps[0], steps[-1]).auroc > 0.98


def test_windows_of_a_series_are_strange_where_single_rows_are_not():
    moments = np.arange(1600)
    wave = np.sin(moments / 4) + 0.05 * np.random.default_rng(0).normal(size=1600)
    frame = pd.DataFrame({"a": wave, "when": pd.to_datetime(moments, unit="h"), "y": wave})
    schema = Schema((Column("a", "number"),), "y", "regression", timestamp="when")
    pipeline = Pipeline([("scale", MinMaxScaler()), ("model", LogisticRegression())])
    pipeline[0].fit(frame[["a"]])
    config = OodConfig(score="autoencoder", loss="mse", window=12, epochs=20)
    parts = {"learnt": frame[:1000], "held": frame[1000:1300], "seed": 0}
    ood = Ood.fit(config, pipeline, schema, **parts)
    usual = frame[["a"]][1300:]
    mixed = usual.sample(frac=1, random_state=0)
    assert ood.strange(pipeline, usual).mean() < 0.2
    assert ood.strange(pipeline, mixed).mean() > 0.8
    unordered = Schema(schema.features, "y", "regression")
    assert "data.timestamp" in Ood.fit(config, pipeline, unordered, **parts).missing
