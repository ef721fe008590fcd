"""The lecture's figures: what scaling is worth to a linear model on wine."""

import pytest
from sklearn.datasets import load_wine
from sklearn.linear_model import RidgeClassifier
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline

from factory.config import FeaturesConfig
from factory.nouns import Column, Schema
from training.family import family_named
from training.features import feature_steps


@pytest.mark.parametrize(("scale", "accuracy"), [("none", 75.93), ("standard", 98.15)])
def test_wine(scale, accuracy):
    X, y = load_wine(return_X_y=True, as_frame=True)
    features = tuple(Column(name, "number") for name in X.columns)
    schema = Schema(features, "y", "multiclass", classes=("0", "1", "2"))
    X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, random_state=42)
    steps = feature_steps(schema, FeaturesConfig(scale=scale), family_named("linear"), seed=42)
    model = RidgeClassifier(tol=1e-2, solver="sag", random_state=42)
    pipeline = Pipeline([*steps, ("model", model)]).fit(X_train, y_train)
    assert round(100 * pipeline.score(X_test, y_test), 2) == accuracy
