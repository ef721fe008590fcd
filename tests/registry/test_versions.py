import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made import make_frame, make_schema

from factory.columns import DataConfig
from factory.nouns import Schema
from registry.sources import read_training, read_window
from registry.versions import data_version

SCHEMA = Schema((), target="y", task="regression", timestamp="time")
SIZES = st.integers(1, 8)
TEXTS = st.none() | st.text(max_size=5)
NUMBERS = st.floats() | st.just(float("nan"))
MOMENTS = st.integers(-(2**60), 2**60) | st.just(np.iinfo(np.int64).min)


@st.composite
def tables(draw, rows=SIZES):
    """Canonical tables of a number, a category and a moment."""
    n = draw(rows)
    texts = np.empty(n, dtype=object)
    texts[:] = draw(st.lists(TEXTS, min_size=n, max_size=n))
    ticks = np.array(draw(st.lists(MOMENTS, min_size=n, max_size=n)), dtype=np.int64)
    y = np.array(draw(st.lists(NUMBERS, min_size=n, max_size=n)), dtype=np.float64)
    return pd.DataFrame({"y": y, "c": texts, "time": ticks.view("datetime64[ns]")})


def sha(frame):
    return data_version(frame, SCHEMA).sha256


def same(one, other):
    return one == other or (pd.isna(one) and pd.isna(other))


@given(tables(), st.data())
def test_any_changed_cell_changes_the_hash(frame, data):
    row = data.draw(st.integers(0, len(frame) - 1))
    column = data.draw(st.sampled_from(["y", "c", "time"]))
    other = data.draw(tables(st.just(1)))
    changed = frame.copy()
    changed[column] = [other[column][0] if i == row else v for i, v in enumerate(frame[column])]
    changed = changed.astype(frame.dtypes)
    value, before = changed[column][row], frame[column][row]
    zeros = value == 0 and before == 0  # -0.0 and 0.0 are equal, and two values
    assert zeros or (sha(changed) == sha(frame)) == same(value, before)


@given(tables(st.integers(2, 6)), st.data())
def test_swapped_rows_change_the_hash(frame, data):
    i, j = data.draw(st.lists(st.integers(0, len(frame) - 1), min_size=2, max_size=2, unique=True))
    order = np.arange(len(frame))
    order[[i, j]] = j, i
    swapped = frame.iloc[order].reset_index(drop=True)
    equal = all(same(frame[c][i], frame[c][j]) for c in frame)
    signed = np.signbit(frame["y"][i]) == np.signbit(frame["y"][j]) or pd.isna(frame["y"][i])
    assert (sha(swapped) == sha(frame)) == (equal and bool(signed))


@given(tables(), st.text(min_size=1).filter(lambda name: name not in {"y", "c", "time"}))
def test_a_renamed_column_changes_the_hash(frame, name):
    assert sha(frame.rename(columns={"c": name})) != sha(frame)


@given(tables())
def test_order_of_columns_and_number_of_rows_change_the_hash(frame):
    assert sha(frame[["c", "y", "time"]]) != sha(frame)
    assert sha(frame.iloc[:-1]) != sha(frame)
    assert sha(pd.concat([frame, frame])) != sha(frame)


def test_texts_that_run_into_each_other_are_told_apart():
    def texts(*values):
        return pd.DataFrame({"c": np.array(values, dtype=object)})

    schema = Schema((), target="c", task="binary")
    alike = [("ab", "c"), ("a", "bc"), ("abc", ""), ("abc", None), (None, "abc"), ("", "abc")]
    assert len({data_version(texts(*pair), schema).sha256 for pair in alike}) == len(alike)


def test_a_kind_changes_the_hash():
    number = pd.DataFrame({"c": [1.0]})
    text = pd.DataFrame({"c": np.array(["1"], dtype=object)})
    schema = Schema((), target="c", task="regression")
    assert data_version(number, schema).sha256 != data_version(text, schema).sha256


def test_the_time_span_is_told():
    frame = make_frame(rows=30)
    version = data_version(frame, make_schema())
    assert (version.rows, version.start) == (30, "2025-01-01T00:00:00")
    assert version.end == "2025-01-02T05:00:00"
    frame["time"] = np.datetime64("NaT", "ns")
    assert data_version(frame, make_schema()).start is None


@pytest.mark.parametrize("task", ["regression", "binary"])
def test_csv_and_parquet_of_the_same_content_have_the_same_hash(tmp_path, task):
    frame = make_frame(task)
    frame["a"] *= 1e-7 / 3
    frame.to_csv(tmp_path / "a.csv", index=False)
    frame.to_parquet(tmp_path / "a.parquet")
    versions = set()
    for name in ("a.csv", "a.parquet"):
        config = DataConfig(path=str(tmp_path / name), target="y", timestamp="time", id="row")
        read = read_training(config)
        pd.testing.assert_frame_equal(read.frame, frame)
        versions |= {read.version, read_window(config.path, read.schema).version}
    assert versions == {data_version(frame, make_schema(task))}
