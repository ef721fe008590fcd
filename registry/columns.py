"""Cells of any make, read as numbers, dates or categories; what cannot be read is marked.

One rule for all sources, so that the same content read from CSV and Parquet comes out equal:

- text that is empty, or one of the usual words for it (``MISSING``), is missing;
- a number is decimal text, ``inf``, or a truth word, with or without blanks around it;
- a date is ISO 8601 text from the day on, ``2013-01-31`` to ``2013-01-31T05:00:00.25+01:00``;
- whole numbers that stand where a date is declared are ``YYYYMMDD`` if all of them can be, else
  seconds since 1970 (milli-, micro- or nanoseconds if they are too large for that);
- a category is text as it stands, zeros in front kept; a number becomes the text that Python
  prints, without a trailing ``.0``, because a missing value elsewhere turns 1 into 1.0.
"""

import math
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from factory.nouns import Bools, Floats

MISSING = ("", "NA", "N/A", "n/a", "NaN", "nan", "NAN", "-nan", "-NaN", "null", "NULL", "None",
           "#N/A", "#NA", "<NA>", "NaT")  # fmt: skip
NUMBER = r"^[+-]?((\d+\.?\d*|\.\d+)(e[+-]?\d+)?|inf|infinity)$"
TRUTH = r"^(true|false)$"
DATE = r"^\d{4}([-/])\d{1,2}[-/]\d{1,2}([T ].*)?$"
WHOLE = r"^-?(0)\.0$|^(-?[1-9]\d*)\.0$"
EPOCH_UNITS = ((1e17, 1), (1e14, 1_000), (1e11, 1_000_000), (0.0, 1_000_000_000))
LARGEST = 2.0**63
NANOSECONDS = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1}

Dates = NDArray[np.datetime64]


def cells(column: pd.Series) -> Any:
    """Return a column's cells as one Arrow array, with everything missing as null."""
    try:
        array = pa.array(column, from_pandas=True)
    except (pa.ArrowException, OverflowError):
        array = pa.array([None if _void(value) else str(value) for value in column], pa.string())
    return arrow_cells(array)


def arrow_cells(array: Any) -> Any:
    """Return an Arrow column's cells, chunked or not, with everything missing as null."""
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if is_text(array):
        array = array.cast(pa.large_string())
        void = pc.is_in(array, value_set=pa.array(MISSING, pa.large_string()))
        return pc.if_else(void, pa.scalar(None, array.type), array)
    if pa.types.is_floating(array.type):
        return pc.if_else(pc.is_nan(array), pa.scalar(None, array.type), array)
    return array


def is_text(array: Any) -> bool:
    """Whether an Arrow array holds text."""
    kind = array.type
    return bool(
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    )


def is_date(array: Any) -> bool:
    """Whether an Arrow array holds dates or moments."""
    return bool(pa.types.is_date(array.type) or pa.types.is_timestamp(array.type))


def is_number(array: Any) -> bool:
    """Whether an Arrow array holds numbers or truth values."""
    kind = array.type
    return bool(
        pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_decimal(kind)
        or pa.types.is_boolean(kind)
    )


def numbers(array: Any) -> tuple[Floats, Bools]:
    """Read cells as float64; missing and unreadable ones are NaN, unreadable ones marked."""
    if is_number(array):
        if pa.types.is_boolean(array.type):
            array = array.cast(pa.int8())
        floats = array.cast(pa.float64(), safe=False)
        return _floats(floats), np.zeros(len(array), dtype=bool)
    if not is_text(array):
        return np.full(len(array), np.nan), _present(array)
    present = _present(array)
    try:
        # One pass where every cell is a bare number, as nearly always.
        values = _floats(array.cast(pa.float64()))
        if not (np.isnan(values) & present).any():
            return values, np.zeros(len(array), dtype=bool)
    except pa.ArrowInvalid:
        pass
    trimmed = pc.utf8_trim_whitespace(array)
    numeric = pc.match_substring_regex(trimmed, NUMBER, ignore_case=True)
    truth = _true(pc.match_substring_regex(trimmed, TRUTH, ignore_case=True))
    values = _floats(pc.if_else(numeric, trimmed, None).cast(pa.float64()))
    values = np.where(truth, _true(pc.equal(pc.utf8_lower(trimmed), "true")), values)
    return values, present & ~_true(numeric) & ~truth


def dates(array: Any) -> tuple[Dates, Bools]:
    """Read cells as datetime64[ns] in UTC; unreadable ones, and those out of range, are marked."""
    if is_date(array):
        return _moments(array)
    if is_number(array):
        return _epochs(array)
    if not is_text(array):
        return _no_dates(len(array)), _present(array)
    iso = _true(pc.match_substring_regex(pc.utf8_trim_whitespace(array), DATE))
    if not iso.any():
        return _epochs(array)
    text = pd.Series(array.to_numpy(zero_copy_only=False)).where(iso)
    moments = pd.to_datetime(text, format="ISO8601", utc=True, errors="coerce")
    values = moments.dt.tz_localize(None).to_numpy(dtype="datetime64[ns]")
    return values, _present(array) & np.isnat(values)


def categories(array: Any) -> NDArray[np.object_]:
    """Read cells as text; missing ones are None."""
    if is_text(array):
        return _objects(_whole(array))
    if pa.types.is_null(array.type):
        return np.full(len(array), None, dtype=object)
    if pa.types.is_nested(array.type):
        return _objects(pa.array([None if v is None else str(v) for v in array.to_pylist()]))
    coded = array.dictionary_encode()
    printed = [repr(v) if isinstance(v, float) else str(v) for v in coded.dictionary.to_pylist()]
    return _objects(_whole(pa.array(printed, pa.large_string())).take(coded.indices))


def _whole(texts: Any) -> Any:
    if not pc.any(pc.match_substring_regex(texts, WHOLE)).as_py():
        return texts
    return pc.replace_substring_regex(texts, WHOLE, r"\1\2")


def _moments(array: Any) -> tuple[Dates, Bools]:
    if pa.types.is_date(array.type):
        array = array.cast(pa.timestamp("s" if pa.types.is_date32(array.type) else "ms"))
    factor = NANOSECONDS[array.type.unit]
    ticks = array.cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False)
    present = _present(array)
    limit = np.iinfo(np.int64).max // factor
    inside = present & (ticks <= limit) & (ticks >= -limit)
    values = np.where(inside, ticks, 0) * factor
    return np.where(inside, values.astype("datetime64[ns]"), _NO_DATE), present & ~inside


def _epochs(array: Any) -> tuple[Dates, Bools]:
    try:
        # Nanoseconds since 1970 need all 64 bits.
        values = array.cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False)
        known, unreadable = _present(array), np.zeros(len(array), dtype=bool)
    except pa.ArrowInvalid:
        values, unreadable = numbers(array)
        known = ~np.isnan(values)
    if known.any() and _look_like_days(values[known]):
        text = pd.Series(np.where(known, values, 0).astype(np.int64)).astype(str)
        parsed = pd.to_datetime(text, format="%Y%m%d", errors="coerce").to_numpy("datetime64[ns]")
        if not np.isnat(parsed[known]).any():
            return parsed, unreadable
    finite = np.abs(values[known & np.isfinite(values)].astype(np.float64))
    largest = finite.max() if len(finite) else 0.0
    factor = next(factor for least, factor in EPOCH_UNITS if largest >= least)
    inside = known & (np.abs(values.astype(np.float64)) < LARGEST / factor)
    kept = np.where(inside, values, 0)
    seconds = np.floor(kept).astype(np.int64)
    ticks = seconds * factor + np.round((kept - seconds) * factor).astype(np.int64)
    moments = np.where(inside, ticks.astype("datetime64[ns]"), _NO_DATE)
    return moments, unreadable | (known & ~inside)


def _look_like_days(values: Any) -> bool:
    between = (values >= 19_000_101) & (values <= 21_001_231)  # noqa: PLR2004 - YYYYMMDD
    return bool(between.all() and (np.floor(values) == values).all())


_NO_DATE = np.datetime64("NaT", "ns")


def _no_dates(rows: int) -> Dates:
    return np.full(rows, _NO_DATE)


def _floats(array: Any) -> Floats:
    values: Floats = array.to_numpy(zero_copy_only=False).astype(np.float64)
    return values


def _objects(array: Any) -> NDArray[np.object_]:
    values: NDArray[np.object_] = array.to_numpy(zero_copy_only=False)
    return values


def _present(array: Any) -> Bools:
    return _true(pc.is_valid(array))


def _true(array: Any) -> Bools:
    values: Bools = array.fill_null(fill_value=False).to_numpy(zero_copy_only=False).astype(bool)
    return values


def _void(value: object) -> bool:
    return value is None or value is pd.NaT or value is pd.NA or _is_nan(value)


def _is_nan(value: object) -> bool:
    return isinstance(value, float) and math.isnan(value)
