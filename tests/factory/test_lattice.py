"""Cells keep the order of the values, whatever those are."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from factory.lattice import Lattice

FINITE = st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=200)


@given(FINITE, FINITE)
def test_a_greater_value_never_lies_in_an_earlier_cell(laid_around, values):
    lattice = Lattice.of(np.array(laid_around))
    codes = lattice.codes(np.sort(np.array(values))).astype(int)
    assert (np.diff(codes) >= 0).all()
    assert codes[0] >= 0
    assert codes[-1] < lattice.size


def test_cells_are_narrow_where_many_values_lie():
    values = np.random.default_rng(0).lognormal(sigma=2, size=50_000)
    rows = np.bincount(Lattice.of(values).codes(values))
    assert np.percentile(rows[rows > 0], 99) < 30
