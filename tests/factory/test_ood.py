"""Scores of strange rows: held against independent implementations, and kept to their rate."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import logsumexp, softmax
from sklearn.covariance import EmpiricalCovariance
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve
from sklearn.neighbors import NearestNeighbors
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from factory.nouns import Column, Schema
from factory.ood import SCORES
from factory.ood.config import OodConfig
from factory.ood.made import made_strange
from factory.ood.measures import separation
from factory.ood.readings import encoded, read
from factory.ood.scores import (
    centroid_score,
    class_means,
    energy_score,
    knn_score,
    mahalanobis_score,
    whiten,
)
from factory.ood.watch import Ood

RNG = np.random.default_rng(0)
FEATURES = RNG.normal(size=(300, 6)) @ RNG.normal(size=(6, 6)) + 50
CODES = RNG.integers(0, 3, 300)
ROWS = RNG.normal(size=(40, 6)) * 9 + 50


def digits(known=range(8)):
    X, y = load_digits(return_X_y=True)
    names = [f"p{place:02}" for place in range(64)]
    frame = pd.DataFrame(X, columns=names).assign(y=y.astype(str).astype(object))
    inside = np.isin(y, list(known))
    schema = Schema(
        tuple(Column(name, "number") for name in names),
        "y", "multiclass", classes=tuple(map(str, known)),
    )  # fmt: skip
    return frame[inside].reset_index(drop=True), frame[~inside].reset_index(drop=True), schema


def fitted(model, frame, schema):
    return make_pipeline(StandardScaler(), model).fit(
        frame[list(schema.names)], frame[schema.target]
    )


def test_mahalanobis_is_scikit_learns_around_the_nearest_class():
    means = class_means(FEATURES, CODES)
    shared = EmpiricalCovariance(assume_centered=True).fit(FEATURES - means[CODES])
    theirs = np.min([shared.mahalanobis(ROWS - mean) for mean in means], axis=0)
    ours = mahalanobis_score(ROWS, means, whiten(FEATURES, CODES))
    np.testing.assert_allclose(ours, theirs, rtol=1e-8)


def test_directions_in_which_nothing_varies_are_left_out():
    flat = np.column_stack([FEATURES, np.ones(300), FEATURES[:, 0]])
    rows = np.column_stack([ROWS, np.full(40, 7.0), ROWS[:, 0]])
    slim = mahalanobis_score(ROWS, class_means(FEATURES, CODES), whiten(FEATURES, CODES))
    wide = mahalanobis_score(rows, class_means(flat, CODES), whiten(flat, CODES))
    np.testing.assert_allclose(wide, slim, rtol=1e-6)


@pytest.mark.parametrize("neighbours", [1, 7, 300, 1000])
def test_neighbours_are_scikit_learns(neighbours):
    near = NearestNeighbors(n_neighbors=min(neighbours, 300), algorithm="brute").fit(FEATURES)
    theirs = near.kneighbors(ROWS)[0][:, -1]
    np.testing.assert_allclose(knn_score(ROWS, FEATURES, neighbours), theirs, rtol=1e-9)
    assert (knn_score(FEATURES, FEATURES, 1) < 1e-4).all()


def test_centroids_are_the_nearest_of_all():
    means = class_means(FEATURES, CODES)
    theirs = np.linalg.norm(ROWS[:, None] - means[None], axis=2).min(axis=1)
    np.testing.assert_allclose(centroid_score(ROWS, means), theirs, rtol=1e-9)


@given(st.floats(0.05, 50), st.floats(-100, 100))
def test_energy_moves_with_the_logits_and_stays_finite(temperature, shift):
    logits = np.array([[1.0, 2.0, -3.0], [1e4, -1e4, 0.0]])
    theirs = -temperature * logsumexp(logits / temperature, axis=1)
    np.testing.assert_allclose(energy_score(logits, temperature), theirs)
    np.testing.assert_allclose(energy_score(logits + shift, temperature), theirs - shift, atol=1e-8)


@given(
    st.lists(st.integers(-5, 5), min_size=1, max_size=30),
    st.lists(st.integers(-5, 5), min_size=1, max_size=30),
)
def test_separation_is_scikit_learns_with_ties(known, strange):
    found = separation(np.array(known, float), np.array(strange, float))
    scores = np.array(known + strange, dtype=float)
    out = np.arange(len(scores)) >= len(known)
    assert found.auroc == pytest.approx(roc_auc_score(out, scores))
    assert found.aupr_out == pytest.approx(average_precision_score(out, scores))
    assert found.aupr_in == pytest.approx(average_precision_score(~out, -scores))
    false, true, _ = roc_curve(~out, -scores, drop_intermediate=False)
    assert found.fpr95 == pytest.approx(false[true >= 0.95 - 1e-12].min())


def test_what_is_no_number_is_strangest():
    found = separation(np.array([1.0, 2.0]), np.array([np.nan, np.inf]), accuracy=0.5)
    assert (found.auroc, found.fpr95, found.accuracy) == (1.0, 0.0, 0.5)
    with pytest.raises(ValueError, match="cannot be told apart"):
        separation(np.zeros(0), np.zeros(1))


def test_a_perceptron_is_read_layer_by_layer():
    frame, _, schema = digits()
    model = MLPClassifier((20, 10), max_iter=300, random_state=0, tol=1.0)
    for pipeline in (
        fitted(model, frame, schema),
        fitted(model, frame[frame["y"] < "2"], schema),
    ):
        X = frame[list(schema.names)].head(50)
        found = read(pipeline, pipeline[:-1].transform(X))
        assert found.features.shape == (50, 10)
        np.testing.assert_allclose(found.probabilities, pipeline.predict_proba(X), atol=1e-9)
        np.testing.assert_allclose(softmax(found.logits, axis=1), found.probabilities)


@pytest.mark.parametrize(
    ("model", "parts"),
    [
        (LogisticRegression(max_iter=200), {"features", "logits", "probabilities"}),
        (RandomForestClassifier(20, random_state=0), {"features", "probabilities"}),
        (Ridge(), {"features"}),
    ],
)
def test_models_without_layers_are_read_as_far_as_they_go(model, parts):
    frame, _, schema = digits()
    if isinstance(model, Ridge):
        frame = frame.assign(y=frame["y"].astype(float))
    pipeline = fitted(model, frame, schema)
    X = pipeline[:-1].transform(frame[list(schema.names)])
    found = read(pipeline, X)
    assert {name for name in vars(found) if getattr(found, name) is not None} == parts
    np.testing.assert_array_equal(found.features, X)


@pytest.mark.parametrize("score", [*SCORES, "auto"])
def test_fresh_rows_are_known_at_the_stated_rate_and_other_digits_are_not(score):
    frame, strange, schema = digits()
    order = np.random.default_rng(0).permutation(len(frame))
    learnt, held, fresh = (frame.iloc[part] for part in np.array_split(order, 3))
    pipeline = fitted(LogisticRegression(max_iter=300), learnt, schema)
    config = OodConfig(score=score, true_positive_rate=0.9)
    names = list(schema.names)
    ood = Ood.fit(config, pipeline, schema, learnt=learnt, held=held, seed=0)
    inside = (~ood.strange(pipeline, fresh[names])).mean()
    assert inside == pytest.approx(0.9, abs=4 * np.sqrt(0.1 * 0.9 / len(fresh)))
    found = separation(ood.scores(pipeline, fresh[names]), ood.scores(pipeline, strange[names]))
    assert found.auroc > 0.7
    assert Ood.of_values(ood.to_values()).threshold == ood.threshold
    assert set(ood.separations) == (set(SCORES) if score == "auto" else {score})


def test_what_cannot_be_fitted_says_so_and_finds_nothing_strange():
    frame, _, schema = digits()
    forest = fitted(RandomForestClassifier(5, random_state=0), frame, schema)
    energy = Ood.fit(OodConfig(score="energy"), forest, schema, learnt=frame, held=frame, seed=0)
    assert "no logits" in energy.missing
    few = Ood.fit(OodConfig(), forest, schema, learnt=frame.head(5), held=frame, seed=0)
    assert "too few" in few.missing
    assert not few.strange(forest, frame[list(schema.names)].head(3)).any()


def test_missing_values_and_empty_tables_are_scored():
    frame, _, schema = digits()
    frame = frame.assign(p00=np.nan, p30=frame["p30"].where(frame.index % 2 == 0))
    forest = RandomForestClassifier(5, random_state=0)
    pipeline = make_pipeline("passthrough", forest).fit(
        frame[list(schema.names)].to_numpy(), frame["y"]
    )
    ood = Ood.fit(OodConfig(score="knn"), pipeline, schema, learnt=frame, held=frame, seed=0)
    scores = ood.scores(pipeline, frame[list(schema.names)])
    assert np.isfinite(scores).all()
    assert ood.scores(pipeline, frame[list(schema.names)].head(0)).shape == (0,)


def test_made_rows_keep_their_columns_or_leave_them():
    X = np.random.default_rng(0).normal(size=(300, 4))
    X[:, 3] = np.nan
    made = made_strange(X, np.random.default_rng(1))
    assert made.shape == X.shape
    assert np.abs(made[:, :3]).max() > np.abs(X[:, :3]).max()
    np.testing.assert_array_equal(made_strange(X, np.random.default_rng(1))[:, 0], made[:, 0])
    assert encoded(make_pipeline(StandardScaler()), pd.DataFrame(X)).shape == X.shape
