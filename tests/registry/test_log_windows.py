from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from logged import SECOND, START, predictions
from made import make_bundle, make_schema

from factory.config import parse_config
from factory.errors import BadConfig, BadData
from factory.logs import LogConfig
from registry.inference.columns import to_table
from registry.inference.commit import with_day
from registry.inference.labels import add_labels
from registry.inference.table import address, append
from registry.inference.windows import HOUR, Judged, LogWindow, latest, newest, read_log

SCHEMA = make_schema()
HOURS = START // HOUR * HOUR


@pytest.fixture
def place(home):
    """Four rows an hour for six hours, and a shadow's answers beside them."""
    for hour in range(6):
        at = HOURS + hour * HOUR
        for role, version in (("champion", 1), ("shadow", 2)):
            batch = predictions(4, at=at, first=4 * hour, role=role, version=version)
            append(address(home, "predictions", "m"), with_day(to_table([batch])))
    return home


def keys(home, window):
    return sorted(read_log(home, window, SCHEMA).frame["row"])


def rows(first, last):
    return [f"r{row:04}" for row in range(first, last)]


def test_windows_by_time_tumble_or_slide(place):
    now = HOURS + 5 * HOUR + 100 * SECOND
    two = latest(place, "m", LogConfig(hours=2), now=now)
    begin = int(two.low, 16) // HOUR - HOURS // HOUR
    assert int(two.high, 16) - int(two.low, 16) == 2 * HOUR
    assert keys(place, two) == rows(4 * begin, 4 * begin + 8)
    slides = latest(place, "m", LogConfig(hours=3, step=1), now=now)
    assert keys(place, slides) == rows(8, 20)
    waits = latest(place, "m", LogConfig(hours=3, step=1, wait=200), now=now)
    assert keys(place, waits) == rows(4, 16)
    assert latest(place, "m", LogConfig(hours=1), now=now + 10**6 * HOUR) is None
    assert latest(place, "none", LogConfig(hours=1), now=now) is None


def test_windows_by_rows_go_on_where_the_last_judged_one_ended(place):
    now = HOURS + 6 * HOUR
    first = latest(place, "m", LogConfig(rows=10), now=now)
    assert keys(place, first) == rows(10, 20)
    assert latest(place, "m", LogConfig(rows=10), now=now, after=first.high) is None
    slides = latest(place, "m", LogConfig(rows=10, step=2), now=now, after=first.high)
    assert keys(place, slides) == rows(14, 24)
    assert latest(place, "m", LogConfig(rows=25), now=now) is None
    assert keys(place, latest(place, "m", LogConfig(rows=24), now=now)) == rows(0, 24)


def test_a_window_is_the_same_by_its_name_whatever_comes_later(place):
    now = HOURS + 6 * HOUR
    told = pd.DataFrame({"row": rows(14, 18), "y": [1.0, 2.0, 3.0, 4.0]})
    add_labels(place, "m", SCHEMA, told, at=now)
    window = latest(place, "m", LogConfig(rows=10), now=now)
    before = read_log(place, LogWindow.of(window.name), SCHEMA)
    assert before.frame["y"].notna().sum() == 4
    add_labels(place, "m", SCHEMA, told.assign(y=9.0), at=now + SECOND)
    append(address(place, "predictions", "m"), with_day(to_table([predictions(4, at=now)])))
    after = read_log(place, LogWindow.of(window.name), SCHEMA)
    assert after.version == before.version
    later = read_log(place, replace(window, known=now + SECOND), SCHEMA)
    assert later.frame["y"].dropna().tolist() == [9.0] * 4
    assert later.version != before.version


def test_the_newest_is_judged_once_and_an_older_one_again_when_labels_came(place):
    now, cut = HOURS + 6 * HOUR + 100 * SECOND, LogConfig(hours=1)
    window = newest(place, "m", SCHEMA, cut, now=now)
    old = LogWindow("m", f"{HOURS:016x}", f"{HOURS + HOUR:016x}", now)
    past = [Judged(old, 4, 1), Judged(window, 4, 0)]
    assert newest(place, "m", SCHEMA, cut, now=now, judged=past[:1]) == window
    assert newest(place, "m", SCHEMA, cut, now=now, judged=past) is None
    told = pd.DataFrame({"row": rows(0, 4), "y": [1.0, 2.0, 3.0, 4.0]})
    add_labels(place, "m", SCHEMA, told.head(1), at=now)
    assert newest(place, "m", SCHEMA, cut, now=now, judged=past) is None
    add_labels(place, "m", SCHEMA, told, at=now + SECOND)
    again = newest(place, "m", SCHEMA, cut, now=now + SECOND, judged=past)
    assert again.same(old)
    assert newest(place, "m", SCHEMA, cut, now=now, judged=[*past, Judged(again, 4, 4)]) is None


def test_what_a_request_did_not_tell_is_filled_and_a_row_sent_again_counts_last(home):
    where = address(home, "predictions", "m")
    nameless = predictions(2, keys=False)
    append(where, with_day(to_table([nameless])))
    for second in (1, 2):
        batch = predictions(2, at=START + second * SECOND, seed=second)
        append(where, with_day(to_table([batch])))
    window = latest(home, "m", LogConfig(rows=6), now=START + HOUR)
    frame = read_log(home, window, SCHEMA).frame.set_index("row")
    assert sorted(frame.index) == sorted([*nameless.ids, "r0000", "r0001"])
    assert frame.loc[nameless.ids[0], "time"] == pd.Timestamp(START // 1000 * 1000)
    np.testing.assert_allclose(frame.loc[["r0000", "r0001"], "a"], batch.rows.numbers[:, 0])


def test_every_version_and_dropped_features_are_read(home):
    append(address(home, "predictions", "m"), with_day(to_table([predictions()])))
    bundle = make_bundle()
    narrow = bundle.schema.without({"b"})
    window = latest(home, "m", LogConfig(rows=3), now=START + HOUR)
    found = read_log(home, window, narrow, bundle.schema)
    assert "b" in found.frame
    assert found.absent == ()


def test_names_and_configs_that_are_none(home):
    for name in ("log:m", "log:m/a..b", "log:m/a..b@x", "log:/a..b@1"):
        with pytest.raises(BadData, match="names no window"):
            LogWindow.of(name)
    with pytest.raises(BadData, match="has no rows"):
        read_log(home, LogWindow("m", "0", "1", 2), SCHEMA)
    for bad in ({"rows": 5, "hours": 1}, {"rows": 5, "step": 6}, {"rows": 5, "step": 1.5}):
        told = {"name": "m", "data": {"path": "a", "target": "y"}, "log": bad}
        with pytest.raises(BadConfig):
            parse_config(told, source="m")
