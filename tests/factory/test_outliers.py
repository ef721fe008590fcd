import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score

from factory.nouns import Column, Schema
from factory.outliers import Outliers

SCHEMA = Schema(
    (Column("a", "number"), Column("b", "number"), Column("c", "category"), Column("d", "date")),
    "y",
    "regression",
)


def rows(n, seed):
    rng = np.random.default_rng(seed)
    a = rng.normal(size=n)
    c = rng.choice(["u", "v", "w"], size=n, p=[0.6, 0.37, 0.03]).astype(object)
    b = np.exp(a + 0.2 * rng.normal(size=n))
    b[rng.random(n) < 0.05] = np.nan
    return pd.DataFrame({"a": a, "b": b, "c": c, "d": pd.date_range("2025", periods=n, freq="h")})


@pytest.fixture(scope="module")
def usual():
    return Outliers.fit(rows(6000, 1), SCHEMA, rate=0.02, seed=0)


@pytest.mark.parametrize("rate", [0.005, 0.02, 0.1])
def test_sound_rows_are_called_outliers_at_the_stated_rate(rate):
    found = Outliers.fit(rows(6000, 1), SCHEMA, rate=rate, seed=0)
    share = (found.scores(rows(20_000, 2)) >= 1).mean()
    assert rate / 2 < share < 1.7 * rate


@pytest.mark.parametrize(
    ("feature", "value"),
    [("a", 30.0), ("a", -1e300), ("b", -5.0), ("c", "new"), ("b", 1e300)],
)
def test_a_value_that_never_was_is_out_of_place_and_its_feature_is_named(usual, feature, value):
    odd = rows(50, 3).assign(**{feature: value})
    assert (usual.scores(odd) >= 1).all()
    parts = pd.DataFrame(usual.parts(odd))
    assert (parts.idxmax(axis=1) == feature).mean() > 0.9


def test_what_is_missing_as_often_as_ever_is_in_place(usual):
    assert (usual.scores(rows(200, 4).assign(b=np.nan)) >= 1).mean() < 0.1
    assert (usual.scores(rows(200, 4).assign(a=np.nan)) >= 1).all()
    assert (usual.scores(rows(200, 4).assign(a=np.inf)) >= 1).all()


def test_features_that_no_longer_hang_together_are_out_of_place(usual):
    rng = np.random.default_rng(5)
    a = rng.normal(size=300)
    odd = rows(300, 6).assign(a=a, b=np.exp(-a))
    broken = usual.scores(odd)[np.abs(a) > 2]
    assert (broken >= 1).mean() > 0.5


def test_it_ranks_outliers_as_well_as_an_isolation_forest_does():
    rng = np.random.default_rng(7)
    basis = rng.normal(size=(3, 8))

    def table(n):
        return pd.DataFrame(rng.normal(size=(n, 3)) @ basis + 0.1 * rng.normal(size=(n, 8)))

    schema = Schema(tuple(Column(str(i), "number") for i in range(8)), "y", "regression")
    learnt, sound, odd = (table(n).rename(columns=str) for n in (3000, 1000, 100))
    shuffled = odd.apply(lambda column: rng.permutation(column.to_numpy()))
    both = pd.concat([sound, shuffled], ignore_index=True)
    truth = np.repeat([0, 1], [1000, 100])
    ours = Outliers.fit(learnt, schema, rate=0.01, seed=0).scores(both)
    forest = IsolationForest(random_state=0).fit(learnt)
    assert roc_auc_score(truth, ours) >= roc_auc_score(truth, -forest.score_samples(both))


def test_edges():
    assert Outliers.fit(rows(39, 1), SCHEMA, rate=0.1, seed=0) is None
    dates = SCHEMA.reading((Column("d", "date"),))
    assert Outliers.fit(rows(100, 1), dates, rate=0.1, seed=0) is None
    constant = rows(100, 1).assign(a=1.0, b=np.nan, c=None)
    found = Outliers.fit(constant, SCHEMA, rate=0.1, seed=0)
    assert not (found.scores(constant) >= 1).any()
    assert (found.scores(constant.assign(a=2.0)) >= 1).all()
    assert (found.scores(constant.assign(c="u")) >= 1).all()
    assert len(found.scores(constant.head(0))) == 0
    narrow = SCHEMA.reading((Column("a", "number"),))
    assert Outliers.fit(rows(100, 1), narrow, rate=0.1, seed=0).scores(rows(5, 2)).shape == (5,)
