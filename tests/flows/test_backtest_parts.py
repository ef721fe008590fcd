"""The parts of a backtest that need no model: cuts, streams, names, triggers, digests, drawings."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ks_2samp
from small import world

from factory.columns import DataConfig
from factory.errors import BadConfig, BadData
from factory.nouns import Column, DataVersion, Schema, Window
from flows.backtest.cut import cuts
from flows.backtest.fits import Fits, fit_key
from flows.backtest.names import KINDS, Named, named, player_of
from flows.backtest.replay import Labelled, Moment
from flows.backtest.run import digest
from flows.backtest.stream import cut_stream, without_labels
from flows.backtest.triggers import TRIGGERS
from flows.report.backtest import frontier
from registry.streams import read_in_order

DATA = DataConfig(path="", target="y", timestamp="time", id="row")
SCHEMA = Schema((Column("a", "number"), Column("c", "category")), "y", "regression")


@given(st.integers(20, 100_000), st.integers(10, 50_000), st.integers(10, 5_000))
def test_windows_follow_the_training_rows_and_leave_none_out(rows, train, size):
    try:
        first, borders = cuts(rows, train, size)
    except BadData:
        assert rows - train < 1.5 * size
        return
    assert first == train
    assert borders[0][0] == train
    assert borders[-1][1] == rows
    assert all(end == start for (_, end), (start, _) in pairwise(borders))
    assert all(end - start == size for start, end in borders[:-1])
    assert size / 2 <= borders[-1][1] - borders[-1][0] < 1.5 * size


def test_the_usual_cut_is_a_quarter_and_twenty_windows():
    train, borders = cuts(1000, None, None)
    assert (train, len(borders)) == (250, 20)


@pytest.mark.parametrize(
    ("train", "size", "error"),
    [(990, 20, BadData), (2000, 20, BadData), (5, 20, BadConfig), (500, 5, BadConfig)],
)
def test_too_few_rows_are_refused(train, size, error):
    with pytest.raises(error, match="fix:"):
        cuts(1000, train, size)


def test_a_stream_is_put_in_order_and_undated_rows_are_left_out(put):
    frame = world(200, seed=0).sample(frac=1, random_state=0)
    frame["time"] = frame["time"].astype(object).where(np.arange(200) != 7, None)
    raw, undated = read_in_order(put(frame), DATA)
    assert undated == 1
    moments = pd.to_datetime(raw["time"])
    assert moments.is_monotonic_increasing


def test_the_schema_comes_from_the_training_rows_alone(put, tmp_path):
    frame = world(300, seed=0)
    frame.loc[200:, "c"] = "violet"
    frame["late"] = np.where(np.arange(300) < 150, np.nan, 1.0)
    folder = tmp_path / "windows"
    folder.mkdir()
    stream = cut_stream(DATA, put(frame), folder, train_rows=100, window_rows=50)
    assert stream.schema.names == ("a", "b", "c")
    assert [span.rows for span in stream.spans] == [50, 50, 50, 50]
    assert stream.window(2).frame["c"].tolist() == ["violet"] * 50
    assert stream.window(0).version == stream.spans[0]


def test_a_stream_without_a_later_label_is_refused(put, tmp_path):
    frame = world(300, seed=0)
    frame.loc[100:, "y"] = np.nan
    with pytest.raises(BadData, match="has a label"):
        cut_stream(DATA, put(frame), tmp_path, train_rows=100, window_rows=50)


def test_a_window_whose_labels_are_to_come_shows_none():
    window = Window(pd.DataFrame({"a": [1.0], "c": ["x"], "y": [3.0]}), DataVersion("0", 1))
    shown = without_labels(window, SCHEMA)
    assert shown.frame["y"].isna().all()
    assert shown.version.sha256 != window.version.sha256
    assert window.frame["y"].tolist() == [3.0]


@pytest.mark.parametrize(
    "text",
    ["", " , ", "alway", "periodic", "periodic:0", "periodic:2.5", "periodic:2:3:4", "never:1",
     "factory:1", "oracle:2", "psi:x", "psi:-1", "psi:nan", "kofn:0", "adwin:1.5", "always:0"],
)  # fmt: skip
def test_policies_that_make_no_sense_are_refused(text):
    with pytest.raises(BadConfig, match="fix:"):
        named(text)


def test_names_carry_a_parameter_and_newest_windows():
    assert named("always:3,periodic:4,psi:0.1:2,kofn,kofn:2,adwin:0.01,always:3") == (
        Named("always:3", "always", None, 3),
        Named("periodic:4", "periodic", 4, None),
        Named("psi:0.1:2", "psi", 0.1, 2),
        Named("kofn", "kofn"),
        Named("kofn:2", "kofn", 2),
        Named("adwin:0.01", "adwin", 0.01),
    )


@pytest.mark.parametrize("kind", KINDS)
def test_every_policy_has_a_player(kind):
    assert callable(player_of(Named(kind, kind)))


def moment(number, frame, outputs=None):
    window = Window(frame, DataVersion(str(number), len(frame)))
    came = None if outputs is None else Labelled(number, window, outputs)
    return Moment(number, without_labels(window, SCHEMA), came)


def rows(n, seed, shift=0.0):
    rng = np.random.default_rng(seed)
    a = rng.normal(size=n) + shift
    return pd.DataFrame({"a": a, "c": rng.choice(["x", "y"], size=n), "y": a + rng.normal(size=n)})


def trigger(kind, value=None):
    return TRIGGERS[kind](SCHEMA, rows(2000, 0), value, 0)


def test_the_calendar_knows_when():
    looks = [bool(trigger("periodic", 3).look(moment(i, rows(20, i)))) for i in range(7)]
    assert looks == [False, False, True, False, False, True, False]
    assert trigger("never").look(moment(0, rows(20, 0))) is None
    assert trigger("always").look(moment(0, rows(20, 0)))


@pytest.mark.parametrize(("shift", "said"), [(0.0, None), (1.0, "a moved")])
def test_psi_alarms_where_a_feature_moved(shift, said):
    watch = trigger("psi", 0.2)
    assert watch.look(moment(0, rows(2000, 1, shift))) == said
    watch.restart(rows(2000, 2, shift))
    assert watch.look(moment(1, rows(2000, 3, shift))) is None


def test_kofn_counts_features_that_alarm_at_five_percent():
    before, now = rows(2000, 0), rows(2000, 1, 0.2)
    assert ks_2samp(before["a"], now["a"]).pvalue < 0.05
    assert trigger("kofn", 1).look(moment(0, now)) == "a moved"
    assert trigger("kofn").look(moment(0, now)) == "a moved"
    assert trigger("kofn", 2).look(moment(0, now)) is None


def test_adwin_alarms_when_the_loss_rises_and_not_when_it_falls():
    pytest.importorskip("river")
    quiet, worse = rows(1500, 1), rows(1500, 2)
    for first, second, rose in ((0.0, 3.0, True), (3.0, 0.0, False)):
        watch = trigger("adwin")
        assert watch.look(moment(0, quiet, quiet["a"].to_numpy() + first)) is None
        found = watch.look(moment(1, worse, worse["a"].to_numpy() + second))
        assert (found is not None) == rose


def test_a_fit_is_made_once_and_charged_to_whoever_asks(tmp_path):
    made = []
    one, other = Fits(tmp_path), Fits(tmp_path)
    key = fit_key(rows(30, 0), ["recipe"])
    assert one.get(key, lambda: made.append(1) or sum(range(2_000_000)))
    assert other.get(key, lambda: made.append(1)) == one.get(key, lambda: made.append(1))
    assert made == [1]
    assert (one.count, other.count) == (1, 1)
    assert one.owed == 0.0 < other.owed


def test_a_fit_is_named_by_its_rows_and_its_recipe():
    first = rows(30, 0)
    names = {fit_key(first, ["a"]), fit_key(first, ["b"]), fit_key(first.tail(29), ["a"])}
    assert len(names) == 3
    assert fit_key(first.copy(), ["a"]) in names


def test_the_digest_covers_everything_but_seconds():
    told = {"policies": {"never": {"mean": 1.0, "by_window": [1.0], "seconds": 2.0}}}
    same = {"policies": {"never": {"seconds": 9.0, "by_window": [1.0], "mean": 1.0}}, "digest": ""}
    other = {"policies": {"never": {"mean": 1.0, "by_window": [1.1], "seconds": 2.0}}}
    assert digest(told) == digest(same) != digest(other)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1), st.booleans())
def test_nothing_beats_what_is_on_the_frontier(points, greater):
    sign = -1 if greater else 1
    kept = frontier(points, greater=greater)

    def beaten(one):
        return any(
            other[0] <= one[0] and sign * other[1] <= sign * one[1] and other != one
            for other in points
        )

    assert {points[i] for i in kept} == {one for one in points if not beaten(one)}
