from datetime import UTC, date, datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.columns import MISSING, categories, cells, dates, numbers

NAN = float("nan")


def arrow(values, kind=None):
    return pd.Series(values, dtype=pd.ArrowDtype(kind)) if kind else pd.Series(values, dtype=object)


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (arrow(["1", " 2.5 ", "-3e2", "+.5", "inf", "-Infinity", "7."], pa.string()),
         [1, 2.5, -300, 0.5, np.inf, -np.inf, 7]),
        (arrow(["True", "false", "TRUE", None], pa.string()), [1, 0, 1, NAN]),
        (pd.Series([True, False]), [1, 0]),
        (pd.Series([1, 2], dtype="Int64"), [1, 2]),
        (arrow([1.0, NAN, None], pa.float64()), [1, NAN, NAN]),
        (arrow([Decimal("1.25"), None]), [1.25, NAN]),
        (arrow([1, 2.5, None]), [1, 2.5, NAN]),
        (pd.Series(["1", "2", "1"], dtype="category"), [1, 2, 1]),
        (arrow(list(MISSING), pa.string()), [NAN] * len(MISSING)),
        (arrow([None, None]), [NAN, NAN]),
        (arrow([2**70, 1]), [float(2**70), 1]),
    ],
)  # fmt: skip
def test_numbers_are_read(column, expected):
    values, unreadable = numbers(cells(column))
    np.testing.assert_array_equal(values, expected)
    assert not unreadable.any()


def test_what_is_no_number_is_missing_and_marked():
    values, unreadable = numbers(cells(arrow(["1", "x", None, "1,5", "0x10", "1_000", "", "true"])))
    np.testing.assert_array_equal(values, [1, NAN, NAN, NAN, NAN, NAN, NAN, 1])
    assert unreadable.tolist() == [False, True, False, True, True, True, False, False]
    assert numbers(cells(arrow(["1", "nAn"])))[1].tolist() == [False, True]


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (arrow(["2025-01-02", "2025-1-2 03:04", "2025-01-02T03:04:05.123456789Z",
                "2025-01-02T03:00+02:00", "2025/01/02"], pa.string()),
         ["2025-01-02", "2025-01-02T03:04", "2025-01-02T03:04:05.123456789", "2025-01-02T01:00",
          "2025-01-02"]),
        (arrow([date(2025, 1, 2), None]), ["2025-01-02", "NaT"]),
        (arrow([datetime(2025, 1, 2, 3, tzinfo=UTC)]), ["2025-01-02T03"]),
        (pd.Series(pd.to_datetime(["2025-01-02"])).dt.tz_localize("Asia/Tokyo"),
         ["2025-01-01T15"]),
        (arrow([pd.Timestamp("2025-01-02")], pa.timestamp("s")), ["2025-01-02"]),
        (arrow(["20250102", "20250103"], pa.string()), ["2025-01-02", "2025-01-03"]),
        (arrow([0, 1]), ["1970-01-01", "1970-01-01T00:00:01"]),
        (arrow([1_735_786_800.25]), ["2025-01-02T03:00:00.250"]),
        (arrow([1_735_786_800_250]), ["2025-01-02T03:00:00.250"]),
        (arrow([1_735_786_800_250_000_000]), ["2025-01-02T03:00:00.250"]),
    ],
)  # fmt: skip
def test_dates_are_read(column, expected):
    values, unreadable = dates(cells(column))
    assert values.dtype == np.dtype("datetime64[ns]")
    np.testing.assert_array_equal(values, np.array(expected, dtype="datetime64[ns]"))
    assert not unreadable.any()


def test_what_is_no_date_is_missing_and_marked():
    values, unreadable = dates(cells(arrow(["2025-01-02", "soon", "2025-02-30", None])))
    assert np.isnat(values).tolist() == [False, True, True, True]
    assert unreadable.tolist() == [False, True, True, False]
    far = pa.array([253_402_214_400_000_000, 0], pa.timestamp("us"))
    values, unreadable = dates(cells(pd.Series(far, dtype=pd.ArrowDtype(far.type))))
    assert np.isnat(values).tolist() == unreadable.tolist() == [True, False]


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (arrow(["007", " a", "1.0", "1.50", "NA", None]), ["007", " a", "1", "1.50", None, None]),
        (pd.Series([1, 2]), ["1", "2"]),
        (pd.Series([1.0, NAN, 0.5, -0.0]), ["1", None, "0.5", "0"]),
        (pd.Series([True, False]), ["True", "False"]),
        (arrow([date(2025, 1, 2)]), ["2025-01-02"]),
        (arrow(["x", 1, None]), ["x", "1", None]),
        (arrow([[1, 2], None]), ["[1, 2]", None]),
        (arrow([None]), [None]),
    ],
)
def test_categories_are_read(column, expected):
    assert categories(cells(column)).tolist() == expected


@given(st.lists(st.none() | st.floats(allow_nan=False) | st.integers(-(2**53), 2**53), min_size=1))
def test_numbers_survive_text(values):
    typed = numbers(cells(pd.Series(values, dtype="float64")))[0]
    text = pd.Series([None if v is None else repr(float(v)) for v in values], dtype=object)
    np.testing.assert_array_equal(numbers(cells(text))[0], typed)
    assert categories(cells(text)).tolist() == categories(cells(pd.Series(typed))).tolist()


EARLIEST, LATEST = (pd.Timestamp(day).to_pydatetime() for day in ("1700-01-01", "2250-01-01"))


@given(st.lists(st.none() | st.datetimes(EARLIEST, LATEST), min_size=1))
def test_dates_survive_text(values):
    typed = dates(cells(pd.Series(pd.to_datetime(values))))[0]
    text = pd.Series([None if v is None else v.isoformat() for v in values], dtype=object)
    np.testing.assert_array_equal(dates(cells(text))[0], typed)
