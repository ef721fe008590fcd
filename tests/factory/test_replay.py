"""Generated rows: what a copula keeps of a table, held against scipy and the table itself."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ks_2samp, multivariate_normal, norm, spearmanr
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline

from factory.bundle import Bundle
from factory.errors import BadConfig
from factory.nouns import Column, Schema
from factory.replay import GENERATORS
from factory.replay.config import ReplayConfig
from factory.replay.copula import Copula
from factory.replay.correlation import correlations
from factory.replay.marginal import Latent, Marginal, coded
from factory.replay.older import older_rows_of, remembered
from factory.replay.replay import Replay, generator, require_generator

MIXED = Schema(
    (Column("n", "number"), Column("whole", "number"), Column("c", "category"),
     Column("d", "date")),
    "y", "binary", timestamp="at", id="row", classes=("no", "yes"),
    beside=(Column("g", "category"),),
)  # fmt: skip


def mixed(rows, seed=0):
    rng = np.random.default_rng(seed)
    yes = rng.random(rows) < 0.3
    n = rng.normal(size=rows) + 2 * yes
    at = pd.Timestamp("2026-01-01") + pd.to_timedelta(np.arange(rows), "h")
    frame = pd.DataFrame(
        {
            "n": np.exp(n),
            "whole": rng.poisson(3, size=rows) + np.round(2 * n),
            "c": np.where(n > 1, "high", np.where(rng.random(rows) < 0.5, "low", "mid")),
            "d": (at + pd.to_timedelta(np.round(24 * n), "h")).astype("datetime64[ns]"),
            "g": rng.choice(["a", "b"], size=rows, p=[0.8, 0.2]),
            "y": np.where(yes, "yes", "no"),
            "at": at.astype("datetime64[ns]"),
            "row": [f"r{i}" for i in range(rows)],
        }
    ).astype({"c": object, "g": object, "y": object, "row": object})
    frame.loc[rng.random(rows) < 0.2 + 0.3 * (n > 1), "whole"] = np.nan
    frame.loc[rng.random(rows) < 0.1, "c"] = None
    return frame


def test_scores_are_the_means_of_a_normal_between_two_points():
    codes = np.array([0] * 30 + [1] * 50 + [2] * 20)
    ends = norm.ppf([0, 0.3, 0.8, 1])
    wanted = [norm.expect(lb=a, ub=b, conditional=True) for a, b in pairwise(ends)]
    found = Latent.of(codes)
    assert found.scores[[0, 40, 90]] == pytest.approx(wanted, abs=1e-6)
    # The first coefficient is the covariance with the normal itself, which is the score's variance.
    assert found.terms[0] == pytest.approx(np.var(found.scores), abs=1e-9)


@pytest.mark.parametrize("r", [-0.9, -0.4, 0.0, 0.3, 0.8])
@pytest.mark.parametrize("shares", [(0.5, 0.5), (0.2, 0.6), (0.3, 0.7)])
def test_the_correlation_behind_two_halves_is_that_of_the_bivariate_normal(r, shares):
    cuts = norm.ppf(shares)
    both = multivariate_normal([0, 0], [[1, r], [r, 1]]).cdf(cuts)
    cells = np.array([[both, shares[0] - both], [shares[1] - both, 1 - sum(shares) + both]])
    counts = np.round(np.maximum(cells, 0) * 200_000).astype(int).ravel()
    rows = np.repeat([[0, 0], [0, 1], [1, 0], [1, 1]], counts, axis=0)
    found = correlations([Latent.of(column) for column in rows.T])[0, 1]
    assert found == pytest.approx(r, abs=0.03)


def test_correlations_without_ties_are_those_of_the_normal_scores():
    rng = np.random.default_rng(0)
    wanted = np.array([[1, 0.7, -0.2], [0.7, 1, 0.1], [-0.2, 0.1, 1]])
    z = rng.multivariate_normal(np.zeros(3), wanted, size=5000)
    latents = [Latent.of(coded(np.exp(column), "number")[0]) for column in z.T]
    assert correlations(latents) == pytest.approx(wanted, abs=0.03)


@given(st.lists(st.floats(-1e6, 1e6) | st.just(np.nan) | st.just(np.inf), min_size=1, max_size=60))
def test_a_marginal_stays_within_what_was_seen(values):
    column = np.array(values)
    found = Marginal.of(column, "number")
    known = column[np.isfinite(column)]
    assert found.missing == pytest.approx(1 - len(known) / len(column))
    if len(known):
        drawn = found.at(np.linspace(0, 1, 50))
        assert drawn.min() >= known.min()
        assert drawn.max() <= known.max()
        assert (np.diff(drawn) >= 0).all()


NUMBERS = Schema(
    (Column("a", "number"), Column("b", "number")), "y", "binary", timestamp="at",
    classes=("in", "out"),
)  # fmt: skip


def numbers(rows):
    rng = np.random.default_rng(0)
    outer = np.arange(rows) % 2 == 0
    a = rng.uniform(-2, 2, size=rows)
    bent = a**2 + 0.1 * rng.normal(size=rows)
    at = pd.Timestamp("2026-01-01") + pd.to_timedelta(np.arange(rows), "h")
    return pd.DataFrame(
        {
            "a": a,
            "b": np.where(outer, bent, rng.uniform(5, 6, size=rows)),
            "at": at.astype("datetime64[ns]"),
            "y": np.where(outer, "out", "in").astype(object),
        }
    )


def test_drawn_rows_look_like_the_table():
    frame = mixed(4000)
    drawn = Replay.fit("copula", frame, MIXED, ("t",), seed=0).draw(4000, MIXED, seed=1)
    assert set(drawn.columns) == set(frame.columns)
    assert drawn.dtypes.to_dict() == frame[drawn.columns].dtypes.to_dict()
    assert drawn["at"].is_monotonic_increasing
    assert drawn["row"].is_unique
    assert not set(drawn["row"]) & set(frame["row"])
    for name in ("n", "whole", "d", "at"):
        sides = [
            side[name].dropna().astype("int64" if name in "dat" else float)
            for side in (frame, drawn)
        ]
        assert ks_2samp(*sides).statistic < 0.04, name
    assert set(drawn["whole"].dropna()) <= set(np.arange(-20, 40))
    for label in ("no", "yes"):
        real, made = (side.loc[side["y"] == label] for side in (frame, drawn))
        assert len(made) == pytest.approx(len(real), abs=1)
        for name in ("c", "g"):
            shares = [
                side[name].value_counts(normalize=True, dropna=False) for side in (real, made)
            ]
            assert np.abs(shares[0].sub(shares[1], fill_value=0)).max() < 0.03
        assert made["whole"].isna().mean() == pytest.approx(real["whole"].isna().mean(), abs=0.03)
        ranks = [
            spearmanr(side["n"], side["whole"], nan_policy="omit").statistic
            for side in (real, made)
        ]
        assert ranks[0] == pytest.approx(ranks[1], abs=0.06)
        lost = [
            side.loc[side["whole"].isna(), "n"].median() / side["n"].median()
            for side in (real, made)
        ]
        assert lost[0] == pytest.approx(lost[1], rel=0.25)
    # What is not tied to anything in the table is no row of it.
    assert not drawn.merge(frame, on=["n", "d", "at"]).shape[0]


@pytest.mark.parametrize("name", GENERATORS)
def test_every_generator_comes_back_as_it_was_and_draws_by_its_seed(name):
    kept = Replay.fit(name, numbers(300), NUMBERS, ("one", "two"), seed=0)
    again = Replay.of(kept.to_values())
    assert (again.kind, again.rows, again.tables) == (name, 300, ("one", "two"))
    assert isinstance(again.generator, generator(name))
    drawn = kept.draw(100, NUMBERS, seed=3)
    pd.testing.assert_frame_equal(again.draw(100, NUMBERS, seed=3), drawn)
    assert not drawn.equals(kept.draw(100, NUMBERS, seed=4))
    assert len(kept.draw(0, NUMBERS, seed=0)) == 0


def test_a_network_draws_what_bends_and_a_copula_does_not():
    frame = numbers(600)
    apart = {}
    for name in GENERATORS:
        drawn = Replay.fit(name, frame, NUMBERS, (), seed=0).draw(600, NUMBERS, seed=1)
        assert drawn["y"].value_counts().to_dict() == frame["y"].value_counts().to_dict()
        for column in "ab":
            assert ks_2samp(drawn[column], frame[column]).statistic < 0.08
        outer = drawn.loc[drawn["y"] == "out"]
        apart[name] = np.abs(outer["b"] - outer["a"] ** 2).mean()
    assert apart["vae"] < 0.6 * apart["copula"]


def test_a_generator_that_cannot_draw_such_rows_is_refused():
    with pytest.raises(BadConfig, match="draws no category"):
        require_generator("vae", MIXED)
    require_generator("vae", NUMBERS)
    require_generator("copula", MIXED)


@settings(max_examples=25)
@given(st.integers(1, 12), st.integers(0, 5))
def test_no_small_table_breaks_a_copula(rows, seed):
    frame = mixed(rows, seed)
    drawn = Copula.fit(frame, MIXED).draw(20, seed=0)
    assert len(drawn) == 20
    assert set(drawn["y"]) <= set(frame["y"])
    assert set(drawn["c"].dropna()) <= set(frame["c"].dropna())


def test_columns_that_say_nothing_stay_so():
    schema = Schema((Column("one", "number"), Column("none", "category")), "y", "regression")
    frame = pd.DataFrame({"one": 2.0, "none": None, "y": np.arange(50.0)}, dtype=object)
    frame = frame.astype({"one": float, "y": float})
    drawn = Copula.fit(frame, schema).draw(30, seed=0)
    assert (drawn["one"] == 2).all()
    assert drawn["none"].isna().all()
    assert drawn["y"].between(0, 49).all()


def curved(rows, seed):
    rng = np.random.default_rng(seed)
    a = rng.uniform(-3, 3, size=rows)
    return pd.DataFrame({"a": a, "y": a**2 + rng.normal(scale=0.1, size=rows)})


LINE = Schema((Column("a", "number"),), "y", "regression")


class Square(LinearRegression):
    def fit(self, X, y):
        return super().fit(np.asarray(X) ** 2, y)

    def predict(self, X):
        return super().predict(np.asarray(X) ** 2)


def champion(frame, estimator):
    pipeline = make_pipeline(estimator).fit(frame[["a"]], frame["y"])
    held = curved(500, 9)
    said = pipeline.predict(held[["a"]])
    return Bundle(
        schema=LINE, pipeline=pipeline, family="", params={}, metric="mean_absolute_error",
        reference=held, reference_outputs=said,
        reference_score=float(np.abs(said - held["y"]).mean()), importance={}, neutral={},
        seen=np.array([], dtype=np.uint64),
    )  # fmt: skip


def test_the_model_labels_what_the_generator_cannot_tell():
    frame = curved(1000, 0)
    model = champion(frame, Square())
    config = ReplayConfig(rows=400)
    replay = remembered(model, config, frame, ("t",), seed=0)
    learn, held = older_rows_of(model, replay, config, seed=0)
    assert len(learn) == len(held) == 400
    assert np.abs(learn["y"] - learn["a"] ** 2).mean() < 0.1
    # What judges is not labelled by who is judged.
    assert np.abs(held["y"] - held["a"] ** 2).mean() > 1
    own = older_rows_of(model, replay, ReplayConfig(labels="generator"), seed=0)[0]
    assert np.abs(own["y"] - own["a"] ** 2).mean() > 1


def test_the_generator_labels_what_it_tells_as_well_as_the_model():
    frame = curved(1000, 0).assign(
        y=lambda f: 2 * f["a"] + np.random.default_rng(1).normal(size=1000)
    )
    model = champion(frame, LinearRegression())
    held = curved(500, 9).assign(y=lambda f: 2 * f["a"] + np.random.default_rng(2).normal(size=500))
    model = replace(model, reference=held, reference_outputs=model.outputs(held))
    config = ReplayConfig()
    learn, _ = older_rows_of(model, remembered(model, config, frame, (), seed=0), config, seed=0)
    assert np.abs(learn["y"] - model.outputs(learn)).mean() > 0.5


def test_too_few_rows_leave_the_generator_that_was_there():
    frame = curved(1000, 0)
    model = champion(frame, LinearRegression())
    assert remembered(model, None, frame, (), seed=0) is None
    assert remembered(model, ReplayConfig(), frame.head(5), (), seed=0) is None
    replay = remembered(model, ReplayConfig(), frame, (), seed=0)
    model = replace(model, replay=replay)
    assert remembered(model, ReplayConfig(), frame.head(5), (), seed=0) is replay
