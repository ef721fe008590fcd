"""The monitor of a version and the stream it watches: encoded row by row, traced, carried on."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.errors import BadConfig
from factory.nouns import Column, Schema
from factory.online.config import OnlineConfig
from factory.online.encoder import Encoder
from factory.online.monitor import Monitor, watched
from factory.online.stream import Stream, fingerprint
from factory.online.trace import PIECES, Trace
from registry.states import read_values, write_values

FEATURES = (Column("a", "number"), Column("b", "number"), Column("c", "category"),
            Column("d", "date"))  # fmt: skip
CLASSES = Schema(FEATURES, "y", "multiclass", classes=("u", "v", "w"))
NUMBERS = Schema(FEATURES, "y", "regression")


def table(rng, rows, schema=NUMBERS):
    a = rng.normal(5.0, 2.0, rows)
    a[rng.random(rows) < 0.1] = np.nan
    names = rng.choice(np.array(["x", "y", "z", None], dtype=object), rows)
    labels = rng.choice(np.array(schema.classes, dtype=object), rows) if schema.classes else a
    return pd.DataFrame(
        {
            "a": a,
            "b": rng.choice([3.0, 7.0], rows),
            "c": names,
            "d": pd.date_range("2025-01-01", periods=rows, freq="h"),
            "y": np.where(np.isnan(a), 0.0, labels) if not schema.classes else labels,
        }
    )


def outputs_for(rng, rows, schema):
    if schema.classes:
        return rng.dirichlet([2.0, 1.0, 1.0], size=rows)
    return rng.normal(5.0, 2.0, rows)


def monitor(on="features", detector="mmd", schema=NUMBERS, rows=200, **more):
    rng = np.random.default_rng(0)
    asked = {"one_false_alarm_per": 100, "windows": (5, 10), **more}
    config = OnlineConfig(detector=detector, on=on, **asked)
    frame = table(rng, rows, schema)
    return Monitor.fit(config, schema, frame, outputs_for(rng, rows, schema), seed=0)


VALUES = st.one_of(st.floats(), st.sampled_from([3.0, 7.0, np.inf, -np.inf, 1e308, -1e308, 5e-324]))


@given(st.lists(st.tuples(VALUES, VALUES, st.sampled_from(["x", "z", "new", None])), min_size=1))
def test_a_row_is_encoded_by_itself_and_finite(rows):
    encoder = Encoder.fit(table(np.random.default_rng(1), 100), FEATURES)
    frame = pd.DataFrame(rows, columns=["a", "b", "c"]).astype({"a": float, "b": float})
    frame["c"] = frame["c"].astype(object).where(frame["c"].notna(), None)
    together = encoder.rows(frame)
    alone = [encoder.rows(frame.iloc[[row]])[0] for row in range(len(frame))]
    assert np.array_equal(together, np.array(alone))
    assert np.isfinite(together).all()


@given(st.lists(VALUES, max_size=30))
def test_any_reference_can_be_encoded(values):
    column = (Column("a", "number"),)
    frame = pd.DataFrame({"a": np.array(values, dtype=np.float64)})
    encoder = Encoder.fit(frame, column)
    assert np.isfinite(encoder.rows(frame)).all()
    assert Encoder.of(encoder.to_values()) == encoder


def test_two_values_become_zero_and_one():
    encoder = Encoder.fit(table(np.random.default_rng(2), 100), FEATURES)
    named = dict(encoder.labels())
    assert named["b"]
    assert not named["a"]
    found = encoder.rows(pd.DataFrame({"a": [1.0, 1.0], "b": [3.0, 7.0], "c": ["x", "y"]}))
    assert found[:, 2].tolist() == [0.0, 1.0]
    assert "d" not in named


@pytest.mark.parametrize("on", ["features", "predictions", "loss"])
@pytest.mark.parametrize("schema", [NUMBERS, CLASSES], ids=["regression", "classes"])
@pytest.mark.parametrize("detector", ["mmd", "cvm", "fet", "page_hinkley"])
def test_everything_can_be_watched_or_says_why_not(on, schema, detector, tmp_path):
    made = monitor(on, detector, schema)
    if detector == "fet" and on != "features" and not schema.classes:
        assert f"cannot watch the {on}" in made.missing
        with pytest.raises(BadConfig, match="cannot be watched: fet cannot watch"):
            made.detectors()
        return
    rng = np.random.default_rng(3)
    frame, said = table(rng, 40, schema), outputs_for(rng, 40, schema)
    frame.loc[10:19, "y"] = None
    rows, kept = made.rows(schema, frame, said)
    assert len(rows) == len(kept) == (30 if on == "loss" else 40)
    write_values(tmp_path / "m.npz", made.to_values())
    loaded = Monitor.of(read_values(tmp_path / "m.npz"))
    assert fingerprint(loaded.to_values()) == fingerprint(made.to_values())
    one, other = Stream(made), Stream(loaded)
    assert one.feed(rows) == other.feed(rows)
    assert fingerprint(one.to_state()) == fingerprint(other.to_state())


def test_the_watched_loss_is_the_champions():
    frame = pd.DataFrame({"y": ["u", "v"]})
    said = np.array([[0.5, 0.25, 0.25], [0.5, 0.25, 0.25]])
    losses, _ = watched("loss", "mmd", CLASSES, frame, said)
    assert losses["loss"].tolist() == pytest.approx([np.log(2), np.log(4)])
    wrong, _ = watched("loss", "fet", CLASSES, frame, said)
    assert wrong["wrong"].tolist() == [0.0, 1.0]


def test_windows_that_do_not_fit_are_left_out_and_named():
    made = monitor(windows=(5, 90), rows=60)
    assert [detector.window for detector in made.detectors()] == [5]
    assert made.missing == "The reference has 60 rows, too few for windows of 90."
    nothing = monitor(windows=(90,), rows=60)
    with pytest.raises(BadConfig, match="too few for windows of 90"):
        nothing.detectors()


def test_a_schema_of_dates_cannot_be_watched():
    only = NUMBERS.reading((Column("d", "date"),))
    made = Monitor.fit(
        OnlineConfig(), only, table(np.random.default_rng(0), 50), np.zeros(50), seed=0
    )
    assert made.missing == "There is no column to watch."


def test_a_stream_is_carried_on_with_its_traces(tmp_path):
    made = monitor(detector="cvm")
    rng = np.random.default_rng(4)
    rows, _ = made.rows(NUMBERS, table(rng, 300), np.zeros(300))
    rows[200:, 0] += 3.0
    whole, parted = Stream(made), Stream(made)
    expected, found = whole.feed(rows), []
    for start in range(0, 300, 90):
        fed = parted.feed(rows[start : start + 90])
        found += [(start + alarm.row, alarm.seen, alarm.column) for alarm in fed]
        write_values(tmp_path / "state.npz", parted.to_state())
        parted = Stream(made, read_values(tmp_path / "state.npz"))
    assert found == [(alarm.row, alarm.seen, alarm.column) for alarm in expected]
    assert any(row > 200 and column == "a" for row, _, column in found)
    assert parted.seen == 300
    assert [t.to_state().keys() for t in parted.traces] == [
        t.to_state().keys() for t in whole.traces
    ]
    assert fingerprint(parted.to_state()) == fingerprint(whole.to_state())


def test_another_monitor_starts_anew():
    one, other = monitor(), monitor(one_false_alarm_per=200)
    stream = Stream(one)
    stream.feed(
        np.zeros((5, stream.monitor.encoder.rows(table(np.random.default_rng(0), 1)).shape[1]))
    )
    assert Stream(one, stream.to_state()).seen == 5
    assert Stream(other, stream.to_state()).seen == 0


@given(st.integers(1, 5_000), st.integers(0, 10))
def test_a_trace_stays_small_and_keeps_every_alarm(rows, alarms):
    rng = np.random.default_rng(rows)
    trace, at = Trace(), set(rng.integers(rows, size=alarms).tolist())
    statistics = rng.normal(size=rows)
    for row, value in enumerate(statistics):
        trace.add(float(value), 2.0, alarm=row in at)
    assert len(trace.highest) <= PIECES
    assert trace.rows == rows
    assert sum(trace.alarms) == len(at)
    assert len(trace.places()) == len(trace.highest)
    if not at:
        assert max(trace.highest) == pytest.approx(statistics.max())


def test_a_trace_without_a_statistic_is_empty():
    trace = Trace()
    for _ in range(3):
        trace.add(np.nan, np.inf, alarm=False)
    assert np.isnan(trace.highest).all()
    trace.add(1.0, 2.0, alarm=False)
    assert trace.highest[-1] == 1.0
