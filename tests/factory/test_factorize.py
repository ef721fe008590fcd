"""Codes of strings: pandas' own, however the strings lie in memory."""

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from factory.factorize import factorize
from factory.sorting import sort

NAMES = st.sampled_from(["a", "b", "", "xxx", None, float("nan")])


def again(name):
    """The same text in an object of its own."""
    return (name + "#")[:-1] if isinstance(name, str) else name


@given(st.lists(NAMES, max_size=30), st.integers(1, 200), st.booleans(), st.integers(1, 3))
def test_codes_are_those_of_pandas(names, times, copied, step):
    column = np.array([again(n) if copied else n for n in names * times], dtype=object)[::step]
    codes, values = factorize(column)
    expected, known = pd.factorize(column)
    assert codes.tolist() == expected.tolist()
    assert values.tolist() == known.tolist()


def test_strings_that_never_repeat_have_codes_too():
    column = np.array([f"id{i}" for i in range(5000)], dtype=object)
    assert factorize(column)[0].tolist() == list(range(5000))


@given(
    st.lists(st.sampled_from([0.0, -0.0, 1.5, np.nan, np.inf, -np.inf]), min_size=1, max_size=6),
    st.integers(0, 600),
    st.integers(0, 2**32 - 1),
)
def test_sorting_is_that_of_numpy(heavy, others, seed):
    rng = np.random.default_rng(seed)
    values = np.concatenate([np.repeat(heavy, 150), rng.normal(size=others)])
    rng.shuffle(values)
    assert np.array_equal(sort(values, np.empty(len(values))), np.sort(values), equal_nan=True)
