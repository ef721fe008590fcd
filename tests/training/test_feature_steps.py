"""Feature engineering, step by step."""

import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import Pipeline

from factory.config import FeaturesConfig
from factory.errors import BadConfig, BadData
from factory.nouns import Column, Schema
from training.family import family_named
from training.features import cardinality_notes, check_features, date_notes, feature_steps

BOOSTING, LINEAR, TREE = (family_named(name) for name in ("boosting", "linear", "tree"))


def schema(**kinds):
    return Schema(tuple(Column(name, kind) for name, kind in kinds.items()), "y", "regression")


def objects(*values):
    return np.array(values, dtype=object)


def encode(frame, kinds, family, *, later=None, **settings):
    steps = feature_steps(schema(**kinds), FeaturesConfig(**settings), family, seed=0)
    pipeline = Pipeline(steps).fit(frame, np.arange(len(frame), dtype=np.float64))
    encoded = pipeline.transform(frame if later is None else later)
    assert isinstance(encoded, np.ndarray)
    assert encoded.dtype == np.float64
    return encoded.tolist()


NUMBERS = pd.DataFrame({"a": [1.0, np.nan, 3.0, 8.0], "b": [np.nan] * 4})
KINDS = {"a": "number", "b": "number"}


@pytest.mark.parametrize(("impute", "filled"), [("median", 3.0), ("mean", 4.0), ("constant", 0.0)])
def test_numbers_are_imputed(impute, filled):
    encoded = encode(NUMBERS, KINDS, TREE, impute=impute)
    assert encoded == [[1.0, 0.0], [filled, 0.0], [3.0, 0.0], [8.0, 0.0]]


def test_boosting_learns_from_missing_numbers():
    encoded = encode(NUMBERS, KINDS, BOOSTING)
    assert np.isnan(encoded[1][0])
    assert [row[1] for row in encoded] == [0.0] * 4


def test_infinite_is_missing_and_huge_is_clipped():
    later = pd.DataFrame({"a": [np.inf, -np.inf, 1e300, -1e300], "b": [np.inf, 7.0, 1.0, 1.0]})
    encoded = encode(NUMBERS, KINDS, TREE, later=later)
    assert [row[0] for row in encoded] == [3.0, 3.0, 1e37, -1e37]
    assert [row[1] for row in encoded] == [0.0] * 4, "a column empty in training stays silent"


def test_scaling():
    frame = pd.DataFrame({"a": [0.0, 3.0, 6.0], "b": [4.0, 4.0, 8.0]})
    scaled = {
        scale: np.array(encode(frame, KINDS, LINEAR, scale=scale))
        for scale in ("auto", "standard", "minmax", "row_norm", "none")
    }
    assert np.allclose(scaled["standard"].mean(axis=0), 0)
    assert np.allclose(scaled["standard"].std(axis=0), 1)
    assert np.array_equal(scaled["auto"], scaled["standard"])
    assert scaled["minmax"].tolist() == [[0, 0], [0.5, 0], [1, 1]]
    assert np.allclose(scaled["row_norm"], [[0, 1], [0.6, 0.8], [0.6, 0.8]])
    assert scaled["none"].tolist() == frame.to_numpy().tolist()
    assert encode(frame, KINDS, TREE) == frame.to_numpy().tolist()


def test_row_norm_fills_missing_numbers_for_boosting_too():
    assert np.isfinite(encode(NUMBERS, KINDS, BOOSTING, scale="row_norm")).all()


def test_ordinal_codes():
    frame = pd.DataFrame({"c": objects("low", "high", None, "mid")})
    later = pd.DataFrame({"c": objects("mid", "new", None, "low")})
    kinds = {"c": "category"}
    assert encode(frame, kinds, TREE, later=later) == [[2.0], [-1.0], [3.0], [1.0]]
    order = {"c": ("low", "mid", "high")}
    assert encode(frame, kinds, TREE, later=later, order=order) == [[1.0], [-1.0], [3.0], [0.0]]


def test_a_declared_order_is_kept_beside_onehot():
    frame = pd.DataFrame({"c": objects("low", "high"), "d": objects("x", "y")})
    kinds = {"c": "category", "d": "category"}
    encoded = encode(frame, kinds, LINEAR, order={"c": ("low", "high")}, scale="none")
    assert encoded == [[0.0, 1.0, 0.0], [1.0, 0.0, 1.0]]


def test_onehot_guard_lets_rare_and_unknown_categories_share_a_column():
    frame = pd.DataFrame({"c": objects(*"aaabbbcde")})
    later = pd.DataFrame({"c": objects("a", "b", "c", "new", None)})
    encoded = encode(frame, {"c": "category"}, LINEAR, later=later, max_categories=3)
    assert encoded == [[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 1], [0, 0, 1]]


def test_dates_become_parts():
    days = pd.to_datetime(["2023-01-02 05:00", "2024-03-05 07:00", None])
    frame = pd.DataFrame({"t": days})
    encoded = encode(frame, {"t": "date"}, BOOSTING, dates=("year", "month", "weekday", "hour"))
    assert encoded[:2] == [[2023, 1, 0, 5], [2024, 3, 1, 7]]
    assert np.isnan(encoded[2]).all()
    assert encode(frame, {"t": "date"}, TREE, dates=("month",)) == [[1.0], [3.0], [2.0]]


def test_a_part_that_did_not_come_round_is_not_learned():
    frame = pd.DataFrame({"t": pd.date_range("2024-01-01", periods=60, freq="D")})
    parts = ("month", "day", "weekday")
    encoded = encode(frame, {"t": "date"}, TREE, dates=parts)
    assert [len({row[k] for row in encoded}) for k in range(3)] == [1, 31, 7]
    (note,) = date_notes(frame, schema(t="date"), FeaturesConfig(dates=parts))
    assert note.text == "'t': not learned before the rows span a full cycle: month."


def test_budget_keeps_the_informative_columns():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(300, 6)), columns=list("abcdef"))
    frame["b"] = np.arange(300.0)
    frame.loc[::7, "b"] = np.nan
    kinds = dict.fromkeys("abcdef", "number")
    kept = np.array(encode(frame, kinds, BOOSTING, budget=1))
    assert np.array_equal(kept[:, 0], frame["b"], equal_nan=True)
    assert np.array(encode(frame, kinds, TREE, budget=99)).shape == (300, 6)


def test_nothing_left_to_learn_from():
    with pytest.raises(BadConfig, match=r"features\.dates is empty"):
        feature_steps(schema(t="date"), FeaturesConfig(dates=()), TREE, seed=0)
    with pytest.raises(BadData, match="no features"):
        check_features(schema(), FeaturesConfig())


@pytest.mark.parametrize(
    ("order", "problem"),
    [
        ({"q": ("a", "b")}, "'q' is no feature"),
        ({"n": ("a", "b")}, "'n' is a number"),
        ({"c": ("a", "a")}, "names a category twice"),
    ],
)
def test_an_order_that_cannot_be_meant(order, problem):
    with pytest.raises(BadConfig, match=problem):
        check_features(schema(c="category", n="number"), FeaturesConfig(order=order))


def test_cardinality_is_noted_where_onehot_is_used():
    frame = pd.DataFrame({"c": [f"c{number}" for number in range(60)], "n": 1.0}).astype(
        {"c": object}
    )
    columns = schema(c="category", n="number")
    guard, blow_up = cardinality_notes(frame, columns, FeaturesConfig(), (TREE, LINEAR))
    assert (guard.feature, guard.categories, guard.columns) == ("c", 60, 50)
    assert "49 most frequent" in guard.text
    assert blow_up.text.startswith("50 one-hot columns for 60 training rows")
    assert cardinality_notes(frame, columns, FeaturesConfig(), (TREE,)) == ()
    ordinal = FeaturesConfig(encode="ordinal")
    assert cardinality_notes(frame, columns, ordinal, (LINEAR,)) == ()
