import numpy as np
import pandas as pd
import pytest
from made import make_frame, make_schema

from factory.errors import BadData
from factory.nouns import Column, Schema
from registry.sources import canonical, canonical_features, read_to_score, read_window
from registry.versions import data_version

SCHEMA = make_schema()


def cycled(*values):
    return [values[i % len(values)] for i in range(80)]


def test_a_window_is_read(put):
    frame = make_frame()
    window = read_window(put(frame.iloc[::-1]), SCHEMA)
    pd.testing.assert_frame_equal(window.frame, frame)
    assert window.unreadable == {}
    assert window.version.rows == len(frame)


@pytest.mark.parametrize("task", ["regression", "multiclass"])
def test_labels_may_be_missing(put, task):
    schema, frame = make_schema(task), make_frame(task)
    without = read_window(put(frame.drop(columns="y")), schema)
    assert without.frame["y"].isna().all()
    assert without.frame["y"].dtype == frame["y"].dtype
    assert list(without.frame.columns) == list(frame.columns)
    frame.loc[::2, "y"] = None
    some = read_window(put(frame), schema)
    assert some.frame["y"].notna().sum() == len(frame) // 2


def test_cells_that_cannot_be_read_are_missing_and_marked(put):
    frame = make_frame()[::-1].astype({"a": object, "d": str})
    frame.loc[7, "a"], frame.loc[9, "d"] = "error", "yesterday"
    frame["a"] = frame["a"].map(lambda v: None if v is None or v != v else str(v))  # noqa: PLR0124 - NaN
    window = read_window(put(frame), SCHEMA)
    assert {n: np.flatnonzero(m).tolist() for n, m in window.unreadable.items()} == {
        "a": [7], "d": [9],
    }  # fmt: skip
    assert window.frame["a"].isna().sum() == 2
    assert window.frame["a"].dtype == np.float64
    assert window.examples == {"a": "error", "d": "yesterday"}


def test_features_of_the_whole_are_read_where_they_are(put):
    frame = make_frame()
    needed = SCHEMA.without(("b", "c"))
    some = read_window(put(frame.drop(columns="c")), needed, whole=SCHEMA)
    assert list(some.frame.columns) == ["a", "b", "d", "y", "time", "row"]
    broken = read_window(put(frame.assign(b="x"), "broken"), needed, whole=SCHEMA)
    assert broken.unreadable["b"].all()
    less = read_window(put(frame.drop(columns="a"), "less"), needed, whole=SCHEMA)
    assert (less.absent, less.extra) == (("a",), ())


def test_a_feature_without_a_column_is_missing_and_named(put):
    frame = make_frame()
    window = read_window(put(frame.drop(columns=["a", "c"])), SCHEMA)
    assert (window.absent, window.extra, window.unreadable) == (("a", "c"), (), {})
    assert list(window.frame.columns) == list(frame.columns)
    assert window.frame[["a", "c"]].isna().all(axis=None)
    assert window.frame.dtypes.equals(frame.dtypes)
    pd.testing.assert_frame_equal(window.frame[["b", "d", "y"]], frame[["b", "d", "y"]])


def test_columns_that_nobody_knows_are_named(put):
    frame = make_frame().rename(columns={"a": "A"}).assign(new=1)
    window = read_window(put(frame), SCHEMA)
    assert (window.absent, window.extra) == (("a",), ("A", "new"))
    assert "A" not in window.frame


def test_a_column_of_another_kind_is_missing_and_marked(put):
    frame = make_frame().assign(a="12,5 " * 20)
    window = read_window(put(frame), SCHEMA)
    assert window.unreadable["a"].all()
    assert window.frame["a"].isna().all()
    assert len(window.examples["a"]) == 40


def test_windows_that_differ_only_in_what_is_missing_are_told_apart(put):
    frame, made = make_frame(), {}
    spoilt = frame["a"].map(str).where(frame.index != 7, "x")
    other = frame["a"].map(str).where(frame.index != 8, "x")
    tables = {
        "missing": frame.assign(a=np.nan),
        "absent": frame.drop(columns="a"),
        "text": frame.assign(a="x"),
        "other text": frame.assign(a="y"),
        "one cell": frame.assign(a=spoilt),
        "another cell": frame.assign(a=other),
        "no cell": frame.assign(a=frame["a"].where(frame.index != 7)),
    }
    for name, table in tables.items():
        made[name] = read_window(put(table, name), SCHEMA).version.sha256
    assert len(set(made.values())) == len(made)
    plain = read_window(put(frame, "plain"), SCHEMA)
    assert plain.version == data_version(frame, SCHEMA)


def test_rows_that_came_twice_may_share_their_id(put):
    frame = make_frame()
    twice = pd.concat([frame, frame.head(9)])
    assert len(read_window(put(twice), SCHEMA).frame) == len(frame) + 9
    changed = frame.head(9).assign(y=5.0)
    with pytest.raises(BadData, match="9 rows repeat an id"):
        read_window(put(pd.concat([frame, changed]), "changed"), SCHEMA)
    mixed = pd.concat([frame, frame.head(9), changed.head(1)])
    with pytest.raises(BadData, match="2 rows repeat an id"):
        read_window(put(mixed, "mixed"), SCHEMA)


FEATURES = ["a", "b", "c", "d"]
WINDOWS = {
    "no feature is there": (lambda f: f.drop(columns=FEATURES), "no feature column 'a'"),
    "all are renamed": (
        lambda f: f.rename(columns={name: name.upper() for name in FEATURES}),
        "no feature column 'a'",
    ),
    "the time is absent": (lambda f: f.drop(columns="time"), "no timestamp column"),
    "the id is absent": (lambda f: f.drop(columns="row"), "no id column"),
    "nothing can be read": (
        lambda f: f.drop(columns="c").assign(a="x", b="x", d="x"),
        "row 1: 'x' is no number, and 79 more",
    ),
    "ids repeat": (lambda f: f.assign(row="r1"), "79 rows repeat an id"),
    "no rows": (lambda f: f.head(0), "no rows"),
    "a label is text": (lambda f: f.assign(y=cycled("1", "x")), "row 2: 'x' is no number"),
    "a label is infinite": (lambda f: f.assign(y=np.inf), "infinite"),
    "a time cannot be read": (lambda f: f.assign(time=cycled("2025-01-01", "x")), "is no date"),
}


@pytest.mark.parametrize("case", WINDOWS)
def test_windows_that_cannot_be_used_are_refused(put, case):
    change, words = WINDOWS[case]
    with pytest.raises(BadData, match=words):
        read_window(put(change(make_frame())), SCHEMA)


def test_an_unknown_label_is_refused_by_name(put):
    frame = make_frame("binary")
    frame.loc[3, "y"] = "maybe"
    with pytest.raises(BadData, match="'maybe' is none the model knows"):
        read_window(put(frame), make_schema("binary"))


def test_labels_of_any_make_are_the_same_class():
    schema = Schema((Column("a", "number"),), "y", "binary", classes=("0", "1"))
    for labels in ([0, 1], [0.0, 1.0], ["0", "1"], ["0.0", "1.0"]):
        frame, _ = canonical(pd.DataFrame({"a": [1, 2], "y": labels}), schema)
        assert frame["y"].tolist() == ["0", "1"]


def test_a_prediction_needs_every_feature(put):
    with pytest.raises(BadData, match="no feature column 'a'"):
        read_to_score(put(make_frame().drop(columns="a")), SCHEMA)


def test_features_alone_keep_the_order_and_need_nothing_else():
    raw = make_frame()[::-1].drop(columns=["y", "time", "row"])
    frame, unreadable = canonical_features(raw, SCHEMA)
    assert list(frame.columns) == list(SCHEMA.names)
    assert unreadable == {}
    pd.testing.assert_frame_equal(frame, raw.reset_index(drop=True))
