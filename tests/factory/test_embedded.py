"""Features of texts and images: their spaces, and the detectors that compare in them."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pictures import digits
from scipy.stats import ks_2samp

from factory.budget import AlarmBudget, fit_budget
from factory.config import CheckConfig
from factory.detectors import ALWAYS, DETECTORS, READS
from factory.detectors.features import detector, signals
from factory.detectors.watched import watched
from factory.detectors.words import WordCounts
from factory.embedded import SPACES, Embedded, embedding, unusual
from factory.ladder import LADDER, SEVERITIES, climbed
from factory.nouns import Column, Schema
from factory.pictures import Pictures, read_cells, resized, to_cells
from factory.profile import Profile
from factory.texts import Terms

FILE, REVIEW = Column("file", "image", (8, 8, 1)), Column("review", "text")
WORDS = np.array(["sun", "rain", "wind", "snow", "hail", "fog", "cold", "warm", "dry", "wet"])
USES = [(name, "image") for name in READS["image"]]
USES += [(name, "text") for name in (*READS["text"], "length", "new_words")]


def pictures(pixels):
    return Embedded.of(to_cells(np.asarray(pixels, np.uint8)[..., None]), FILE)


def texts(rng, n, words=WORDS, length=6):
    made = [" ".join(rng.choice(words, size=length)) for _ in range(n)]
    return np.array(made, dtype=object)


def sides(kind):
    """A reference, a window like it, and one that is not."""
    if kind == "image":
        pixels = digits()[0]
        dark = (pixels[900:1300] * 0.6).astype(np.uint8)
        return pictures(pixels[:500]), pictures(pixels[500:900]), pictures(dark)
    rng = np.random.default_rng(0)
    other = texts(rng, 300, np.append(WORDS[:5], ["quake", "flood"]), length=9)
    return tuple(Embedded.of(t, REVIEW) for t in (texts(rng, 500), texts(rng, 300), other))


@pytest.mark.parametrize(("name", "kind"), USES)
def test_a_detector_is_calm_on_more_of_the_same_and_sure_of_a_change(name, kind):
    reference, alike, moved = sides(kind)
    calm, sure = (detector(name)(reference, window) for window in (alike, moved))
    assert calm.p_value > 0.01
    assert sure.p_value <= 0.001
    assert sure.effect > calm.effect
    assert all(np.isfinite([*calm, *sure]))
    assert detector(name)(reference, moved, deff=20.0).p_value >= sure.p_value


@pytest.mark.parametrize(("name", "kind"), USES)
def test_no_edge_crashes(name, kind):
    reference = sides(kind)[0]
    some = reference.cells[:1]
    column = reference.column
    odd = [some[:0], some, np.repeat(some, 50)]
    odd += [np.array(["", ".", "\x00"] * 20, object)] if kind == "text" else []
    for cells in odd:
        window = Embedded.of(cells, column)
        for pair in ((reference, window), (window, reference), (window, window)):
            found = detector(name)(*pair)
            assert all(np.isfinite(found))
            assert 0 <= found.p_value <= 1


def test_the_smallest_of_the_dimensions_counts_as_often_as_there_are():
    reference, _, moved = sides("image")
    space = reference.space("pca")
    now = space.place(moved.cells)
    each = [ks_2samp(a, b, method="asymp") for a, b in zip(space.points.T, now.T, strict=True)]
    found = detector("pca_ks")(reference, moved)
    assert found.statistic == pytest.approx(max(one.statistic for one in each))
    assert found.p_value == pytest.approx(len(each) * min(one.pvalue for one in each), abs=1e-6)


@pytest.mark.parametrize("name", SPACES)
def test_a_space_is_the_same_wherever_it_is_learnt(name):
    reference, window, _ = sides("text" if name == "lsa" else "image")
    once, again = (embedding(name)(reference.cells, reference.column) for _ in range(2))
    assert np.array_equal(once(window.cells), again(window.cells))
    parts = np.concatenate([once(window.cells[:7]), once(window.cells[7:])])
    assert np.allclose(parts, once(window.cells), atol=1e-5)


def test_one_image_is_one_test_of_the_budget():
    cells = to_cells(digits()[0][:600, :, :, None])
    frame = pd.DataFrame({"file": cells, "y": np.arange(600.0)})
    schema = Schema((FILE,), "y", "regression")
    columns = watched(frame, schema)
    assert {column.test for column in columns} == {"image:file", "missing:file"}
    budget = fit_budget(columns, ordered=False, seed=0)
    profile = Profile.of(frame, schema)
    found = signals(profile, profile, schema, CheckConfig(), budget)
    assert [(s.feature, s.kind, s.detector, s.alarm) for s in found] == [
        ("file", "image", "uae_ks", False)
    ]


def test_images_that_wander_with_time_alarm_less_easily():
    pixels = np.sort(digits()[0][:800].reshape(800, -1).mean(axis=1))
    cells = to_cells(np.repeat(pixels.astype(np.uint8), 64).reshape(800, 8, 8, 1))
    frame = pd.DataFrame({"file": cells, "y": 0.0, "at": pd.date_range("2024", periods=800)})
    schema = Schema((FILE,), "y", "regression", timestamp="at")
    budget = fit_budget(watched(frame, schema), ordered=True, seed=0)
    assert budget.deff("image:file", 100, 800) > 5
    assert AlarmBudget().deff("image:file", 100, 800) == 1


@given(pixels=arrays(np.uint8, st.tuples(*[st.integers(1, 5)] * 3, st.sampled_from([1, 3, 4]))))
def test_what_a_cell_holds_is_the_picture(pixels):
    read, lost = read_cells([*to_cells(pixels), None, "no picture"], pixels.shape[1:])
    assert np.array_equal(read[:-2], pixels)
    assert lost.tolist() == [False] * len(pixels) + [True, True]


@given(
    pixels=arrays(np.uint8, st.tuples(st.just(2), *[st.integers(1, 9)] * 2, st.just(1))),
    size=st.tuples(st.integers(1, 9), st.integers(1, 9)),
)
def test_a_resized_picture_is_as_bright(pixels, size):
    found = resized(pixels, *size)
    assert found.shape == (2, *size, 1)
    assert found.mean(axis=(1, 2, 3)) == pytest.approx(pixels.mean(axis=(1, 2, 3)))


def test_pixels_are_numbers_from_0_to_1_and_missing_where_there_is_no_picture():
    frame = pd.DataFrame({"file": [*to_cells(digits()[0][:3, :, :, None]), None]})
    numbers = Pictures((8, 8, 1)).fit(frame).transform(frame)
    assert numbers.shape == (4, 64)
    assert (numbers[:3].min(), numbers[:3].max()) == (0, 1)
    assert np.isnan(numbers[3]).all()


def test_terms_are_bounded_and_fitted():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"review": [*texts(rng, 50), None]})
    terms = Terms(20).fit(frame)
    weights = terms.transform(frame)
    assert weights.shape == (51, 20)
    assert not weights[-1].any()
    assert not terms.transform(pd.DataFrame({"review": ["never seen"]})).any()
    assert Terms(5).fit(frame[-1:]).transform(frame).shape == (51, 1)


def test_new_words_and_lengths_are_counted_per_row():
    counts = WordCounts.of(["a b", "B c", None, ""])
    assert counts.lengths[[0, 1, 3]].tolist() == [2, 2, 0]
    assert counts.alone[[0, 1]].tolist() == [0.5, 0.5]
    assert np.isnan(counts.alone[2:]).all()


@pytest.mark.parametrize("corruption", LADDER)
def test_each_rung_of_the_ladder_is_further_from_the_picture(corruption):
    pixels = digits()[0][:200, :, :, None]
    rng = np.random.default_rng(0)
    apart = []
    for severity in SEVERITIES:
        broken = climbed(pixels, corruption, severity, rng)
        assert broken.shape == pixels.shape
        apart.append(np.abs(broken.astype(float) - pixels).mean())
    assert apart == sorted(apart)
    assert apart[0] > 0


def test_the_least_usual_picture_is_found():
    pixels = digits()[0]
    window = pixels[500:560].copy()
    window[17] = 255 - window[17]
    assert np.argmax(unusual(pictures(pixels[:500]), pictures(window))) == 17


def test_every_kind_is_watched_for_missing_values():
    assert all("missing" in names for names in ALWAYS.values())
    assert {name for kind in ("text", "image") for name in READS[kind]} <= set(DETECTORS)
