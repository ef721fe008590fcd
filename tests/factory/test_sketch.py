"""Sketches: parts merge into the whole, and detectors hear the same of both."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from factory.detectors import DETECTORS, READS
from factory.detectors.features import detector
from factory.nouns import Column, Schema
from factory.profile import Numbers, Profile
from factory.sketch import NEW, REST, CategorySketch, NumberSketch, Sketch

SCHEMA = Schema(
    (Column("n", "number"), Column("c", "category"), Column("d", "date")), "y", "regression"
)
NUMBERS = st.one_of(
    st.floats(width=64),
    st.integers(-3, 3).map(float),
    st.sampled_from([np.nan, np.inf, -np.inf, 1.7e308, -1.7e308, 5e-324]),
)


def columns(most=60):
    return st.integers(0, most).flatmap(lambda n: arrays(np.float64, n, elements=NUMBERS))


def table(rng, rows, shift=0.0):
    names = np.array([*"abcd", None], dtype=object)
    return pd.DataFrame(
        {
            "n": np.where(rng.random(rows) < 0.1, np.nan, rng.normal(shift, 1, rows).round(2)),
            "c": rng.choice(names, rows, p=[0.4, 0.3, 0.1, 0.1, 0.1]),
            "d": pd.Timestamp("2020-01-01") + pd.to_timedelta(np.arange(rows), unit="h"),
        }
    )


def in_parts(frame, reference, cuts):
    bounds = [0, *sorted(cuts), len(frame)]
    parts = [Sketch.of(Profile.of(frame.iloc[a:b], SCHEMA), reference) for a, b in pairwise(bounds)]
    merged = parts[0]
    for part in parts[1:]:
        merged = merged.merge(part, reference)
    return merged


@given(columns(), columns(), st.integers(0, 60))
def test_merged_parts_count_what_the_whole_counts(reference, column, cut):
    finite = reference[np.isfinite(reference)]
    knots = np.unique(finite)
    whole = NumberSketch.of(Numbers.of(column), knots)
    one, other = (Numbers.of(part) for part in (column[:cut], column[cut:]))
    parts = NumberSketch.of(one, knots).merge(NumberSketch.of(other, knots))
    assert (parts.rows, parts.missing) == (whole.rows, whole.missing)
    assert parts.at.tolist() == whole.at.tolist()
    assert parts.between.tolist() == whole.between.tolist()
    assert whole.at.sum() + whole.between.sum() == np.isfinite(column).sum()


@given(columns(), columns())
def test_a_summary_keeps_every_row_between_the_same_neighbours(reference, column):
    knots = np.unique(reference[np.isfinite(reference)])
    found = NumberSketch.of(Numbers.of(column), knots).summary(knots)
    finite = np.sort(column[np.isfinite(column)])
    assert found.size == len(finite)
    assert np.isfinite(found.values).all()
    points = found.points
    assert np.all(points[1:] > points[:-1])
    assert found.upto(knots).tolist() == np.searchsorted(finite, knots, "right").tolist()
    assert found.below(knots).tolist() == np.searchsorted(finite, knots, "left").tolist()
    assert found.infinite == np.isinf(column).sum()


@pytest.mark.parametrize("shift", [0.0, 0.4])
@pytest.mark.parametrize("name", sorted(DETECTORS))
def test_detectors_hear_the_same_of_a_sketch(name, shift):
    rng = np.random.default_rng(3)
    before, now = table(rng, 4_000), table(rng, 9_000, shift)
    reference = Profile.of(before, SCHEMA)
    whole = Profile.of(now, SCHEMA)
    merged = in_parts(now, reference, [1, 2_000, 2_000, 7_777]).profile(reference)
    assert merged.rows == 9_000
    for kind, feature in (("number", "n"), ("category", "c"), ("date", "d")):
        if (
            name in READS.get(kind, ())
            or name == "missing"
            or (name, kind) == ("unseen", "category")
        ):
            exact = detector(name)(reference.features[feature], whole.features[feature])
            found = detector(name)(reference.features[feature], merged.features[feature])
            near = 0.02 if name in {"cvm", "wasserstein"} else 1e-9
            assert tuple(found) == pytest.approx(tuple(exact), rel=near, abs=1e-9)


def test_merging_is_the_same_in_any_order():
    rng = np.random.default_rng(4)
    reference = Profile.of(table(rng, 500), SCHEMA)
    frames = [table(rng, 100) for _ in range(3)]
    parts = [Sketch.of(Profile.of(frame, SCHEMA), reference) for frame in frames]
    one = parts[0].merge(parts[1], reference).merge(parts[2], reference)
    other = parts[2].merge(parts[0].merge(parts[1], reference), reference)
    for name in SCHEMA.names:
        a, b = (s.profile(reference).features[name] for s in (one, other))
        assert (a.rows, a.missing) == (b.rows, b.missing)
        if name == "c":
            assert dict(a.counts) == dict(b.counts)


def test_categories_that_never_end_share_one_name():
    known = {"a": 5}
    names = {f"id{i:06d}": 1 for i in range(NEW + 500)}
    bounded = CategorySketch(NEW + 505, 0, known | names).bounded(known)
    assert len(bounded.counts) == NEW + 2
    assert bounded.counts[REST] == 500
    assert sum(bounded.counts.values()) == NEW + 505
