"""No window crashes a rule, and no rule answers with what is no number."""

import numpy as np
import pandas as pd
import pytest
from damaged import look
from hypothesis import given, settings
from hypothesis import strategies as st

from factory.nouns import ROWS, Column, Schema

KINDS = {"a": "number", "b": "number", "c": "category", "d": "date"}
SCHEMA = Schema(tuple(Column(n, k) for n, k in KINDS.items()), "y", "regression", "t")
EXTREME = [0.0, -0.0, 1.0, -1.0, 9999.0, np.inf, -np.inf, np.nan, 1e308, -1e308, 5e-324]
NUMBERS = st.one_of(st.sampled_from(EXTREME), st.floats(width=64), st.integers(-50, 50).map(float))
TEXTS = st.one_of(st.none(), st.sampled_from(["x", "y", ""]), st.text(max_size=3))
DAYS = st.one_of(st.none(), st.datetimes(pd.Timestamp(1700, 1, 1), pd.Timestamp(2200, 1, 1)))


def moments(days):
    return np.array([np.datetime64("NaT") if d is None else d for d in days], "datetime64[ns]")


@st.composite
def tables(draw, least=0):
    """Canonical tables of up to 60 rows; columns may be one value over and over."""
    rows = draw(st.integers(least, 60))

    def column(values):
        few = st.lists(values, min_size=1, max_size=4)
        many = st.lists(values, min_size=rows, max_size=rows)
        drawn = draw(st.one_of(many, few)) or [None]
        return [drawn[i * len(drawn) // max(rows, 1)] for i in range(rows)]

    frame = pd.DataFrame(
        {
            "a": np.array(column(NUMBERS), dtype=np.float64),
            "b": np.array(column(NUMBERS), dtype=np.float64),
            "c": np.array(column(TEXTS), dtype=object),
            "d": moments(column(DAYS)),
            "y": np.array(column(NUMBERS), dtype=np.float64),
            "t": moments(column(DAYS)),
        }
    )
    return frame.sort_values("t", kind="stable", ignore_index=True)


def is_sound(found, broken, rows):
    for (name, _), problem in found.items():
        assert 0 < problem.share <= 1
        assert name in {*KINDS, "t", ROWS}
        assert "nan" not in problem.detail.replace("'nan'", "")
        assert problem.unit is None or np.isfinite(problem.unit).all()
    for name, mask in broken.items():
        assert name in {*KINDS, ROWS}
        assert mask.shape == (rows,)
        assert mask.dtype == bool


@settings(max_examples=150)
@given(reference=tables(least=1), frame=tables(), absent=st.booleans())
def test_whatever_comes_is_looked_at(reference, frame, absent):
    marks = {"absent": ("a",), "extra": ("A",)} if absent else {}
    frame = frame.assign(a=np.nan) if absent else frame
    now = pd.Timestamp(2025, 1, 1).to_pydatetime()
    is_sound(*look(reference, frame, SCHEMA, now=now, **marks), len(frame))


@settings(max_examples=60)
@given(frame=tables(least=2), times=st.integers(5, 60))
def test_a_table_against_itself_is_sound(frame, times):
    large = pd.concat([frame] * times, ignore_index=True)
    large = large.sort_values("t", kind="stable", ignore_index=True)
    found, _ = look(large, large, SCHEMA)
    assert {name for _, name in found} <= {"late", "future"}


def plain(rng, rows):
    return pd.DataFrame(
        {
            "a": rng.normal(size=rows),
            "b": rng.integers(0, 9, rows) * 1.0,
            "c": rng.choice(np.array(["x", "y"], dtype=object), rows),
            "d": pd.date_range("2025-01-01", periods=rows).to_numpy("datetime64[ns]"),
            "y": rng.normal(size=rows),
            "t": pd.date_range("2025-01-01", periods=rows, freq="min").to_numpy("datetime64[ns]"),
        }
    )


CASES = {
    "infinite": lambda f: f.assign(a=np.inf, b=-np.inf, y=np.inf),
    "empty": lambda f: f.head(0),
    "one row": lambda f: f.head(1),
    "10,000 categories": lambda f: f.assign(c=np.arange(len(f)).astype(str).astype(object)),
    "all missing": lambda f: f.assign(
        a=np.nan, b=np.nan, c=None, y=np.nan, d=np.datetime64("NaT", "ns"),
        t=np.datetime64("NaT", "ns"),
    ),
    "huge": lambda f: f.assign(a=f["a"] * 1e307, b=1e308),
    "tiny": lambda f: f.assign(a=f["a"] * 1e-320, b=5e-324),
    "one moment": lambda f: f.assign(t=pd.Timestamp("2025-01-01")),
}  # fmt: skip


@pytest.mark.parametrize("before", CASES)
@pytest.mark.parametrize("now", CASES)
def test_the_edges_are_looked_at(before, now):
    rng = np.random.default_rng(1)
    reference, frame = CASES[before](plain(rng, 300)), CASES[now](plain(rng, 10_000))
    is_sound(*look(reference, frame, SCHEMA), len(frame))
