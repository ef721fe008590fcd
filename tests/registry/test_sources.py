import numpy as np
import pandas as pd
import pytest

from factory.columns import DataConfig
from factory.errors import BadConfig, BadData
from registry.sources import infer_schema, read_pair, read_training, read_window
from registry.tables import read_table

N = 60
TRUTH = (True, False)


def rows(**columns):
    """A small training table with a feature and a target, and what a test adds."""
    base = {"a": np.arange(N) * 0.5, "y": np.arange(N) % 7 + 0.5}
    return pd.DataFrame({**base, **columns})


def cycled(*values):
    return [values[i % len(values)] for i in range(N)]


def config(path="unread.csv", **more):
    return DataConfig(**{"path": path, "target": "y", **more})


def test_kinds_are_inferred(put):
    days = pd.date_range("2025-01-01", periods=N)
    frame = rows(
        whole=range(N),
        truth=cycled(*TRUTH),
        digits=cycled("1", "2.5", None),
        day=[d.date().isoformat() for d in days],
        moment=days,
        colour=cycled("red", "green", None),
        mixed=cycled("1", "x"),
        name=[f"n{i}" for i in range(N)],
    )
    schema = infer_schema(read_table(put(frame)), config())
    kinds = {column.name: column.kind for column in schema.features}
    assert kinds == {
        "a": "number", "whole": "number", "truth": "number", "digits": "number", "day": "date",
        "moment": "date", "colour": "category", "mixed": "category", "name": "category",
    }  # fmt: skip


def test_columns_that_say_nothing_are_left_out_with_the_reason(put):
    n = 150
    frame = pd.DataFrame(
        {
            "a": np.arange(n) * 0.5,
            "y": np.arange(n) * 0.25,
            "empty": np.array([None] * n, dtype=object),
            "one": "same",
            "two": ["same", None] * (n // 2),
            "name": [f"n{i}" for i in range(n)],
            "dirty": [str(i) if i != 7 else "?" for i in range(n)],
            "kept": [f"n{i}" for i in range(n)],
            "note": [f"n{i}" for i in range(n)],
            "": range(n),
        }
    )
    read = read_training(config(put(frame), types={"kept": "category"}, ignore=("note",)))
    assert read.schema.names == ("a", "two", "kept")
    assert read.ignored == {
        "empty": "every value is missing",
        "one": "it is 'same' in every row",
        "name": "it has 150 different texts in 150 rows",
        "dirty": "it is text in 1 of 150 rows, such as '?'",
        "": "it has no name",
    }


@pytest.mark.parametrize(
    ("target", "more", "task", "classes"),
    [
        (cycled(0.5, 1.5), {}, "regression", ()),
        (np.arange(N), {}, "regression", ()),
        (np.arange(N) % 25, {}, "regression", ()),
        (cycled(0, 1), {}, "binary", ("0", "1")),
        (cycled(0.0, 1.0), {}, "binary", ("0", "1")),
        (cycled(*TRUTH), {}, "binary", ("False", "True")),
        (cycled("yes", "no"), {}, "binary", ("no", "yes")),
        (cycled("x", "z", "y"), {}, "multiclass", ("x", "y", "z")),
        (cycled(3, 1, 2), {}, "multiclass", ("1", "2", "3")),
        (cycled(3, 1, 2), {"task": "regression"}, "regression", ()),
        (cycled(3, 1, 2), {"types": {"y": "number"}}, "regression", ()),
        (cycled(0.5, 1.5), {"types": {"y": "category"}}, "binary", ("0.5", "1.5")),
        (cycled(0.5, 1.5), {"task": "multiclass"}, "multiclass", ("0.5", "1.5")),
    ],
)
def test_the_task_follows_the_target(put, target, more, task, classes):
    read = read_training(config(put(rows(y=target)), **more))
    assert (read.schema.task, read.schema.classes) == (task, classes)
    expected = "float64" if task == "regression" else "object"
    assert read.frame["y"].dtype == expected
    if classes:
        assert set(read.frame["y"]) == set(classes)


def test_declared_categories_keep_their_zeros(put):
    frame = rows(zip=cycled("007", "042"), code=cycled("1", "2"))
    read = read_training(config(put(frame), types={"zip": "category", "code": "category"}))
    assert read.frame["zip"][:2].tolist() == ["007", "042"]
    assert read.frame["code"][:2].tolist() == ["1", "2"]
    window = read_window(put(frame.drop(columns="y"), "window"), read.schema)
    assert window.frame["zip"][:2].tolist() == ["007", "042"]


def test_rows_without_target_or_time_are_dropped_and_counted(put):
    time = pd.date_range("2025-01-01", periods=N)[::-1].to_series(index=range(N))
    frame = rows(y=np.where(np.arange(N) < 5, np.nan, 1.5), time=time.where(time.index != 30))
    frame.loc[10, "y"] = 2.5
    read = read_training(config(put(frame), timestamp="time"))
    assert read.dropped == {"target missing": 5, "timestamp missing": 1}
    assert len(read.frame) == read.version.rows == N - 6
    assert read.frame["time"].is_monotonic_increasing
    assert read.frame["a"].iloc[0] == (N - 1) * 0.5
    assert (read.version.start, read.version.end) == ("2025-01-01T00:00:00", "2025-02-24T00:00:00")
    assert isinstance(read.frame.index, pd.RangeIndex)
    assert list(read.frame.columns) == ["a", "y", "time"]


def test_equal_times_keep_their_order(put):
    frame = rows(time=cycled("2025-01-02", "2025-01-01"))
    read = read_training(config(put(frame), timestamp="time"))
    assert read.frame["a"].tolist() == [*frame["a"][1::2], *frame["a"][::2]]


def test_another_location_may_stand_in(put):
    assert read_training(config("absent.csv"), put(rows())).version.rows == N


TRAINING = {
    "no target": (rows(), {"target": "z"}, BadData, "no target column 'z'", "known: 'a', 'y'"),
    "near target": (rows(), {"target": "Y"}, BadData, "'Y'", "did you mean 'y'"),
    "no timestamp": (rows(), {"timestamp": "time"}, BadData, "no timestamp column 'time'", ""),
    "no id": (rows(), {"id": "row"}, BadData, "no id column 'row'", ""),
    "unknown type": (rows(), {"types": {"b": "number"}}, BadConfig, "data.types names 'b'", ""),
    "unknown ignored": (rows(), {"ignore": ("b",)}, BadConfig, "data.ignore names 'b'", ""),
    "one column twice": (rows(), {"id": "y"}, BadConfig, "three columns: y, y", ""),
    "target missing": (rows(y=None), {}, BadData, "missing in every row", ""),
    "one class": (rows(y="yes"), {}, BadData, "'yes' in every row", ""),
    "one number": (rows(y=2.5), {}, BadData, "'2.5' in every row", ""),
    "three are not binary": (rows(y=cycled(*"abc")), {"task": "binary"}, BadData, "3 classes", ""),
    "a date as target": (rows(y=cycled("2025-01-01", "2025-01-02")), {}, BadData, "neither", ""),
    "text as number": (rows(y=cycled("1", "x")), {"task": "regression"}, BadData, "row 2: 'x'", ""),
    "infinite": (rows(y=cycled(1.5, 2.5, np.inf)), {}, BadData, "infinite in row 3", ""),
    "no features": (rows()[["y"]], {}, BadData, "No column is left", ""),
    "only useless features": (rows(a=1), {}, BadData, "'a': it is", ""),
    "ids repeat": (rows(row=cycled(*range(50))), {"id": "row"}, BadData, "10 rows repeat", ""),
    "ids missing": (rows(row=[None, *range(1, N)]), {"id": "row"}, BadData, "1 rows have no", ""),
    "no time": (rows(t="soon"), {"timestamp": "t"}, BadData, "row 1: 'soon' is no date", "2013"),
    "text in a number": (
        rows(b=cycled("1", "2", "x")), {"types": {"b": "number"}}, BadData,
        "'b', row 3: 'x' is no number, and 19 more", "mend",
    ),
    "text in a date": (
        rows(b=cycled("2025-01-01", "x")), {"types": {"b": "date"}}, BadData, "'x' is no date", ""
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", TRAINING)
def test_training_data_that_cannot_be_used_are_refused(put, case):
    frame, more, kind, problem, hint = TRAINING[case]
    with pytest.raises(kind) as refused:
        read_training(config(put(frame), **more))
    assert problem in refused.value.problem
    assert hint in refused.value.hint
    assert "\n" not in refused.value.problem


def test_names_as_target_are_refused(put):
    frame = pd.DataFrame({"a": np.arange(150) * 0.5, "y": [f"n{i}" for i in range(150)]})
    with pytest.raises(BadData, match="150 classes in 150 rows"):
        read_training(config(put(frame)))


def test_two_tables_are_read_alike(put):
    n = 150
    before = pd.DataFrame(
        {
            "a": np.arange(n) * 0.5,
            "one": "same",
            "name": [f"n{i}" for i in range(n)],
            "was": range(n),
            "gone": range(n),
            "c": [f"c{i % 3}" for i in range(n)],
        }
    )
    after = before.drop(columns="gone").assign(was="text", one="other", new=1)
    one, two, schema = read_pair(put(before, "before"), put(after, "after"))
    kinds = {c.name: c.kind for c in schema.features}
    assert kinds == {"a": "number", "one": "category", "was": "category", "c": "category"}
    assert list(one.columns) == list(two.columns) == list(schema.names)
    with pytest.raises(BadData, match="share no column"):
        read_pair(put(before[["a"]], "before"), put(after[["c"]], "after"))
