"""Attacks fool a model within what they may change, and squeezing tells them from known rows."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from factory.adversarial.attacks import Ranges, projected_gradient, to_the_boundary
from factory.adversarial.squeezing import Squeezing
from factory.bundle import pipeline_outputs
from factory.errors import BadConfig
from factory.neural import NetworkClassifier, NetworkRegressor
from factory.nouns import Column, Schema

DENSE = json.dumps([{"class_name": "Dense", "config": {"units": 32, "activation": "relu"}}])
DIGITS = Schema(
    tuple(Column(f"p{n}", "number") for n in range(64)), "y", "multiclass",
    classes=tuple("0123456789"),
)  # fmt: skip


@pytest.fixture(scope="module")
def digits():
    """Rows to learn from, rows to judge on, and a network that tells digits apart."""
    X, y = load_digits(return_X_y=True)
    rows = pd.DataFrame(X, columns=list(DIGITS.names)).assign(y=y.astype(str).astype(object))
    rows = rows.sample(frac=1, random_state=0, ignore_index=True)
    learnt, held = rows.iloc[:1200], rows.iloc[1200:].reset_index(drop=True)
    network = NetworkClassifier(DENSE, loss="sparse_categorical_crossentropy", epochs=15)
    pipeline = Pipeline([("scale", StandardScaler()), ("model", network)])
    return learnt, held, pipeline.fit(learnt[list(DIGITS.names)], learnt["y"])


def accuracy(pipeline, rows, schema=DIGITS):
    names = np.array(schema.classes)
    said = names[pipeline_outputs(pipeline, schema, rows).argmax(axis=1)]
    return float((said == rows["y"]).mean())


def test_a_networks_slope_is_that_of_its_loss(digits):
    _, held, pipeline = digits
    network = pipeline.steps[-1][1]
    X = pipeline[:-1].transform(held[list(DIGITS.names)].head(5))
    y = held["y"].to_numpy()[:5]
    slope = network.slope(X, y)
    codes = y.astype(int)
    for column in (10, 20, 43):
        step = np.zeros(64)
        step[column] = 0.01
        loss = [-np.log(network.predict_proba(X + s * step)[range(5), codes]) for s in (1, -1)]
        assert (loss[0] - loss[1]) / 0.02 == pytest.approx(slope[:, column], rel=0.1, abs=0.02)


def test_the_slope_of_a_regression_is_that_of_its_squared_error():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 2))
    network = NetworkRegressor("[]", epochs=5).fit(X, X[:, 0] * 3)
    slope = network.slope(X[:4], np.zeros(4))
    losses = [
        ((network.predict(X[:4] + np.array([s, 0])) - 0.0) / network.scale_) ** 2
        for s in (0.01, -0.01)
    ]
    assert (losses[0] - losses[1]) / 0.02 == pytest.approx(slope[:, 0], rel=0.02, abs=1e-3)


@pytest.mark.parametrize("steps", [1, 8])
def test_an_attack_fools_a_network_within_its_size(digits, steps):
    learnt, held, pipeline = digits
    ranges = Ranges.of(learnt, DIGITS)
    attacked = projected_gradient(pipeline, held, DIGITS, ranges, size=0.1, steps=steps)
    moved = np.abs(ranges.shares(attacked) - ranges.shares(held))
    assert moved.max() <= 0.1 + 1e-9
    assert attacked["y"].equals(held["y"])
    assert accuracy(pipeline, held) > 0.9
    assert accuracy(pipeline, attacked) < 0.6
    noise = np.random.default_rng(0).choice([-0.1, 0.1], size=moved.shape)
    noisy = ranges.placed(held, ranges.shares(held) + noise)
    assert accuracy(pipeline, noisy) > accuracy(pipeline, attacked) + 0.2


def test_squeezing_tells_attacks_from_rows_that_are_known(digits):
    learnt, held, pipeline = digits

    def say(rows):
        return pipeline_outputs(pipeline, DIGITS, rows)

    known, new = held.iloc[:300], held.iloc[300:]
    found = Squeezing.fit(say, DIGITS, known, rate=0.95)
    assert found.strange(say, known).mean() <= 0.05
    assert 0 < len(found.components) < 64
    attacked = projected_gradient(
        pipeline, new, DIGITS, Ranges.of(learnt, DIGITS), size=0.1, steps=8
    )
    fooled = say(attacked).argmax(axis=1) != new["y"].astype(int)
    scores = np.concatenate([found.scores(say, new), found.scores(say, attacked.loc[fooled])])
    truth = np.repeat([0, 1], [len(new), fooled.sum()])
    assert roc_auc_score(truth, scores) > 0.85
    again = Squeezing.of_values(found.to_values())
    np.testing.assert_array_equal(again.scores(say, new), found.scores(say, new))


PAIR = Schema((Column("a", "number"), Column("b", "number")), "y", "binary", classes=("n", "p"))


def test_any_classifier_is_led_to_its_boundary():
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"a": rng.normal(size=600), "b": rng.normal(size=600)})
    rows["y"] = np.where(rows["a"] + rows["b"] ** 2 > 0.5, "p", "n").astype(object)
    forest = make_pipeline(RandomForestClassifier(50, random_state=0)).fit(
        rows[["a", "b"]], rows["y"]
    )

    def say(frame):
        return pipeline_outputs(forest, PAIR, frame)

    new = rows.iloc[:100]
    ranges = Ranges.of(rows, PAIR)
    moved = to_the_boundary(say, new, rows.iloc[100:], ranges)
    assert (say(moved).argmax(axis=1) != say(new).argmax(axis=1)).all()
    apart = np.abs(ranges.shares(moved) - ranges.shares(new)).max(axis=1)
    assert np.median(apart) < 0.15
    assert apart.max() <= 1
    one = rows.loc[rows["y"] == "p"]
    assert to_the_boundary(say, one, one, ranges)["a"].to_numpy() == pytest.approx(one["a"])


def test_a_model_without_a_gradient_is_not_attacked_by_it():
    rows = pd.DataFrame({"a": [0.0, 1.0], "b": [1.0, 0.0], "y": ["n", "p"]})
    line = make_pipeline(LogisticRegression()).fit(rows[["a", "b"]], rows["y"])
    with pytest.raises(BadConfig, match="no gradient"):
        projected_gradient(line, rows, PAIR, Ranges.of(rows, PAIR), size=0.1)


def test_values_are_squeezed_too_and_what_is_missing_stays_so():
    schema = Schema((Column("a", "number"), Column("c", "category")), "y", "regression")
    rows = pd.DataFrame({"a": [*np.linspace(0, 1, 99), np.nan], "c": "x"})

    def say(frame):
        return np.nan_to_num(frame["a"].to_numpy())

    found = Squeezing.fit(say, schema, rows, rate=0.9)
    # At half a level's width no value moves by a tenth of the values' spread.
    assert found.levels == 32
    assert found.changes(say, rows)[0].max() <= 0.1
    assert [told["a"].isna().sum() for told in found.squeezed(rows)] == [1]
    steep = Squeezing.fit(lambda f: say(f) * 0 + np.arange(len(f)) % 2, schema, rows, rate=0.9)
    assert steep.levels == 2
