"""What features are worth, held against shap and scikit-learn on every family's real pipelines."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.inspection import permutation_importance as sklearns
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer
from sklearn.tree import DecisionTreeRegressor

from factory.bundle import Bundle, pipeline_outputs
from factory.config import FeaturesConfig
from factory.diagnosis.encoded import Encoded
from factory.diagnosis.importance import (
    permutation_importance,
    shapley_importance,
    split_importance,
)
from factory.diagnosis.shapley import linear_values, sampled_values
from factory.diagnosis.tree_values import shap
from factory.diagnosis.trees import impurity
from factory.metrics import metric_named
from factory.nouns import Column, Schema
from training.families import FAMILIES, NETWORKS
from training.family import family_named
from training.fit import fit_pipeline
from training.space import starting_point

SHALLOW = [name for name in FAMILIES if name not in NETWORKS]

COLUMNS = (Column("a", "number"), Column("c", "category"), Column("b", "number"),
           Column("t", "date"), Column("e", "category"))  # fmt: skip
TASKS = {
    "regression": Schema(COLUMNS, "y", "regression"),
    "binary": Schema(COLUMNS, "y", "binary", classes=("no", "yes")),
    "multiclass": Schema(COLUMNS, "y", "multiclass", classes=("high", "low", "middle")),
}


def table(task, n=900, seed=0):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({
        "a": rng.normal(size=n), "c": rng.choice(["u", "v", "w"], size=n), "b": rng.normal(size=n),
        "t": pd.Timestamp("2025-01-01") + pd.to_timedelta(rng.integers(0, 700, n), unit="D"),
        "e": rng.choice([f"e{i}" for i in range(30)], size=n),
    })  # fmt: skip
    frame.loc[::17, "b"] = np.nan
    y = 2 * frame["a"] + frame["c"].map({"u": 0.0, "v": 2.0, "w": -2.0}) + rng.normal(size=n) * 0.3
    if task == "regression":
        return frame.assign(y=y)
    if task == "binary":
        return frame.assign(y=np.where(y > 0, "yes", "no").astype(object))
    names = np.array(["low", "middle", "high"], dtype=object)
    return frame.assign(y=names[np.digitize(y, [-1, 1])])


def model(task, family, *, rare=20, **params):
    schema, made = TASKS[task], family_named(family)
    loss = made.losses[task][0]
    start = {**starting_point(made.space(task, loss)), **params}
    start |= {n: min(start[n], 20) for n in ("n_estimators", "max_iter") if n in start}
    features = FeaturesConfig(max_categories=rare)
    pipeline = fit_pipeline(table(task), schema, features, family, start, loss, 0)
    held = table(task, 400, seed=1)
    return Bundle(
        schema=schema, pipeline=pipeline, family=family, params={},
        metric=metric_named(None, schema).name, reference=held,
        reference_outputs=pipeline_outputs(pipeline, schema, held), reference_score=1.0,
        importance={}, neutral={}, seen=np.empty(0, dtype=np.uint64),
    )  # fmt: skip


@pytest.mark.parametrize("family", SHALLOW)
def test_every_encoded_column_comes_from_its_feature(family):
    """Only the columns of a feature change where the feature does."""
    bundle = model("regression", family, rare=5)
    encoded = Encoded.of(bundle.pipeline, bundle.schema.names)
    rows = bundle.reference
    before = encoded.columns(rows)
    assert before.shape[1] == len(encoded.origin)
    for place, name in enumerate(encoded.features):
        after = encoded.columns(rows.assign(**{name: rows[name].to_numpy()[::-1]}))
        moved = np.flatnonzero(~np.isclose(before, after, equal_nan=True).all(axis=0))
        assert len(moved)
        assert set(encoded.origin[moved]) == {place}


def test_a_pipeline_of_another_make_is_not_traced():
    assert Encoded.of(make_pipeline(Normalizer(), Ridge()), ("a",)) is None


@pytest.mark.parametrize("family", SHALLOW)
@pytest.mark.parametrize("task", TASKS)
def test_every_family_has_shapley_values(task, family):
    found = shapley_importance(model(task, family), seed=0)
    assert sorted(found.by_feature, key=found.by_feature.get)[-2:] in (["a", "c"], ["c", "a"])
    assert all(value >= 0 for value in found.by_feature.values())
    assert found.rows >= 100
    assert found.warnings


def test_trees_against_shap_itself():
    for family, task in (("boosting", "regression"), ("forest", "multiclass"), ("tree", "binary")):
        bundle = model(task, family)
        X = bundle.pipeline[:-1].transform(bundle.reference[list(bundle.schema.names)])
        values = shap.TreeExplainer(bundle.pipeline[-1]).shap_values(X)
        if task == "binary":
            values = values[:, :, 1]
        names = ["a", "b", "c", "e"]
        order = [c.name for c in (*COLUMNS[:1], *COLUMNS[2:3], *COLUMNS[1:2], *COLUMNS[4:])]
        assert names == order
        sizes = np.abs(values).mean(axis=0)
        sizes = sizes.mean(axis=1) if sizes.ndim == 2 else sizes
        found = shapley_importance(bundle, seed=0).by_feature
        assert [found[name] for name in names] == pytest.approx(sizes[:4].tolist())


def test_linear_models_against_shap_itself():
    for task in TASKS:
        bundle = model(task, "linear")
        encoded = Encoded.of(bundle.pipeline, bundle.schema.names)
        X = encoded.columns(bundle.reference)
        masker = shap.maskers.Independent(X, max_samples=len(X))
        values = shap.LinearExplainer(encoded.estimator, masker).shap_values(X)
        ours = linear_values(encoded.estimator, X)
        assert ours == pytest.approx(values.reshape(ours.shape))


def test_sampled_values_against_exact_ones():
    bundle = model("regression", "boosting")
    rows, others = bundle.reference[:40], bundle.reference[40:]
    found = sampled_values(bundle, rows, others, seed=0)[:, :, 0]
    whole = bundle.outputs(rows) - bundle.outputs(others).mean()
    assert found.sum(axis=1) == pytest.approx(whole, abs=1.5)
    linear = model("regression", "linear")
    exact = shapley_importance(linear, seed=0).by_feature
    sampled = np.abs(sampled_values(linear, linear.reference, linear.reference, 0)).mean(axis=0)
    for name, size in zip(linear.schema.names, sampled[:, 0], strict=True):
        assert size == pytest.approx(exact[name], rel=0.15, abs=0.1)


def test_one_row_beside_another_has_exact_values():
    """With two features and one row to take from there are two orders, and both are gone."""
    schema = Schema((Column("a", "number"), Column("b", "number")), "y", "regression")
    frame = pd.DataFrame({"a": [0.0, 2.0], "b": [0.0, 3.0], "y": 0.0})
    bundle = Bundle(
        schema=schema, pipeline=make_pipeline(Product()).fit(frame), family="", params={},
        metric="r2",
        reference=frame, reference_outputs=np.zeros(2), reference_score=0.0, importance={},
        neutral={}, seen=np.empty(0, dtype=np.uint64),
    )  # fmt: skip
    found = sampled_values(bundle, frame[1:], frame[:1], seed=0)
    assert found[0, :, 0].tolist() == [3.0, 3.0]


class Product(RegressorMixin, BaseEstimator):
    def fit(self, X, y=None):
        self.names_ = list(X), y
        return self

    def predict(self, X):
        return (X["a"] * X["b"]).to_numpy()


def test_permutation_against_scikit_learn():
    bundle = model("regression", "forest")
    schema, metric = bundle.schema, metric_named("r2", bundle.schema)
    held = table("regression", 1500, seed=2)
    ours = permutation_importance(bundle.outputs, schema, metric, held, 0)
    names = list(schema.names)
    theirs = sklearns(bundle.pipeline, held[names], held["y"], n_repeats=3, random_state=0)
    score = metric.value(held["y"].to_numpy(), bundle.outputs(held))
    for name, value in zip(names, theirs.importances_mean, strict=True):
        assert ours[name] == pytest.approx(value / score, rel=0.1, abs=0.01)


@pytest.mark.parametrize("family", ["tree", "forest", "boosting"])
def test_split_gains(family):
    found = split_importance(model("binary", family))
    assert sum(found.by_feature.values()) == pytest.approx(1.0)
    assert sorted(found.by_feature, key=found.by_feature.get)[-2:] in (["a", "c"], ["c", "a"])
    assert any("training rows" in text for text in found.warnings)
    assert found.warnings[-1] == "Of many values here: a, b, t."


def test_gains_of_boosted_trees_are_those_of_their_squared_error():
    """One tree of one split: its gain is what the sum of squares loses, and all of it is a's."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(500, 3))
    y = np.where(X[:, 1] > 0.3, 1.0, 0.0) + 0.3 * np.where(X[:, 2] > 0.1, 1.0, 0.0)
    plain = HistGradientBoostingRegressor(
        max_iter=1, max_leaf_nodes=3, learning_rate=1.0, early_stopping=False
    ).fit(X, y)
    tree = DecisionTreeRegressor(max_leaf_nodes=3).fit(X, y)
    assert impurity(plain) == pytest.approx(tree.feature_importances_, abs=0.02)


def test_models_without_trees_say_so():
    found = split_importance(model("binary", "linear"))
    assert (found.by_feature, found.warnings) == ({}, ("The model has no trees that tell.",))


def test_without_shap_trees_are_sampled_and_say_how_to_get_better(monkeypatch):
    monkeypatch.setattr("factory.diagnosis.importance.find_spec", lambda name: None)
    found = shapley_importance(model("binary", "tree"), seed=0)
    assert "drift-factory[explain]" in found.warnings[-1]
    assert found.rows == 100
