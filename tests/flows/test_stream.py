import hashlib
import importlib.util

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder

from factory.errors import BadConfig, Unavailable
from flows.demo.stream import (
    BAD_RELEASE,
    BROKEN_FEED,
    FEATURES,
    ID,
    QUIET,
    TARGET,
    TIMESTAMP,
    bad_release,
    break_distance,
    flights,
    windows,
    write_stream,
)

CATEGORIES = ["carrier", "origin", "dest"]


@pytest.fixture(scope="module")
def year():
    return flights(0.1)


@pytest.fixture(scope="module")
def stretches(year):
    return windows(year)


def test_all_flights_that_arrived_are_there():
    assert len(flights(1.0)) == 327_346


def test_rows_are_sorted_named_once_and_complete_where_they_must_be(year):
    assert list(year.columns) == [ID, TIMESTAMP, *FEATURES, TARGET]
    assert year[ID].is_unique
    assert year[TIMESTAMP].is_monotonic_increasing
    assert year[TIMESTAMP].dtype == "datetime64[ns]"
    assert year[[ID, TIMESTAMP, TARGET, "distance", "hour", *CATEGORIES]].notna().all(axis=None)
    assert year.drop(columns=[ID, TIMESTAMP, *CATEGORIES]).dtypes.eq("float64").all()
    assert year["temp"].notna().mean() > 0.99


def test_weather_is_that_of_the_airport_and_hour_of_departure(year):
    row = year[(year["origin"] == "EWR") & (year["time"].dt.strftime("%m-%d %H") == "01-01 06")]
    assert row["temp"].eq(37.94).all()
    assert len(row)


def test_draw_is_a_share_and_depends_on_the_seed_alone(year):
    assert len(year) == round(327_346 * 0.1)
    pd.testing.assert_frame_equal(year, flights(0.1))
    assert not flights(0.1, seed=1)[ID].equals(year[ID])


@pytest.mark.parametrize("share", [0, -0.5, 1.01, float("nan")])
def test_share_out_of_range_is_refused(share):
    with pytest.raises(BadConfig, match="fix: give one in"):
        flights(share)


def test_missing_package_is_named_with_its_remedy(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(Unavailable, match=r"pip install 'drift-factory\[demo\]'"):
        flights()


def test_windows_cut_the_year_without_loss_or_overlap(year, stretches):
    training, *later = windows(year, incidents=False)
    whole = pd.concat([training.frame, *(w.frame for w in later)], ignore_index=True)
    pd.testing.assert_frame_equal(whole, year)
    assert len(later) == 20
    assert [w.incident for w in later] == [None] * 20
    for stretch in stretches:
        days = stretch.frame[TIMESTAMP].dt.strftime("%Y-%m-%d")
        assert stretch.start <= days.min() <= days.max() <= stretch.end
        assert stretch.start in stretch.path.stem or stretch.path.stem == "training"
    assert training.end == "2013-03-31"
    assert [later[0].name, later[2].name] == ["1 to 14 Apr", "29 Apr to 12 May"]


def test_incidents_change_only_the_distance_of_the_broken_feed(year, stretches):
    calm = windows(year, incidents=False)
    marks = [stretch.incident for stretch in stretches]
    assert [i for i, mark in enumerate(marks) if mark == BROKEN_FEED] == [6, 7]
    assert [i for i, mark in enumerate(marks) if mark == QUIET] == [18, 19]
    assert [i for i, mark in enumerate(marks) if mark == BAD_RELEASE] == [11]
    for told, plain in zip(stretches, calm, strict=True):
        if told.incident == BROKEN_FEED:
            lost = told.frame["origin"] == "LGA"
            assert told.frame["distance"].isna().equals(lost)
            assert 0.2 < lost.mean() < 0.4
            kept = told.frame.assign(distance=plain.frame["distance"])
            pd.testing.assert_frame_equal(kept, plain.frame)
        else:
            pd.testing.assert_frame_equal(told.frame, plain.frame)


def test_breaking_leaves_its_argument_alone(stretches):
    before = stretches[1].frame.copy()
    break_distance(stretches[1].frame)
    pd.testing.assert_frame_equal(stretches[1].frame, before)


def test_bad_release_learns_from_january_alone(stretches):
    rows = bad_release(stretches[0].frame)
    assert set(rows[TIMESTAMP].dt.month) == {1}
    assert rows.index.equals(pd.RangeIndex(len(rows)))


def test_files_are_ordinary_and_their_names_say_nothing_of_incidents(tmp_path):
    told = write_stream(tmp_path / "new", share=0.01)
    plain = write_stream(tmp_path / "plain", share=0.01, incidents=False)
    assert [w.path.name for w in told] == [w.path.name for w in plain]
    names = sorted(path.name for path in (tmp_path / "new").iterdir())
    assert names == sorted([*(w.path.name for w in told), "training.parquet", "january.parquet"])
    for window in told:
        pd.testing.assert_frame_equal(pd.read_parquet(window.path), window.frame)
    by_hand = [w for w in told if w.bad_training is not None]
    assert [w.incident for w in by_hand] == [BAD_RELEASE]
    assert len(pd.read_parquet(by_hand[0].bad_training))


def test_writing_twice_writes_the_same_bytes(tmp_path):
    first, second = (write_stream(tmp_path / name, share=0.01) for name in ("a", "b"))
    for one, other in zip(first, second, strict=True):
        digests = [hashlib.sha256(w.path.read_bytes()).hexdigest() for w in (one, other)]
        assert digests[0] == digests[1]


def test_folder_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "taken").write_text("")
    with pytest.raises(Unavailable, match="taken"):
        write_stream(tmp_path / "taken", share=0.01)


def fit(rows, features=FEATURES):
    categories = [name for name in CATEGORIES if name in features]
    numbers = [name for name in features if name not in CATEGORIES]
    encode = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    columns = make_column_transformer((encode, categories), ("passthrough", numbers))
    model = HistGradientBoostingRegressor(loss="absolute_error", max_iter=60, random_state=0)
    return make_pipeline(columns, model).fit(rows[list(features)], rows[TARGET])


def error(model, rows, features=FEATURES):
    return float(np.abs(model.predict(rows[list(features)]) - rows[TARGET]).mean())


def test_story_is_in_the_data(stretches):
    static = fit(stretches[0].frame)
    spring = pd.concat([stretch.frame for stretch in stretches[:6]])
    recent = fit(spring)
    assert error(static, stretches[1].frame) * 1.25 < error(static, stretches[8].frame)
    assert error(static, stretches[17].frame) < error(static, stretches[8].frame) * 0.8

    broken = stretches[6].frame
    without = [name for name in FEATURES if name != "distance"]
    assert error(fit(spring, without), broken, without) < 0.5 * error(recent, broken)

    january = fit(bad_release(stretches[0].frame))
    assert error(january, stretches[11].frame) > 1.5 * error(recent, stretches[11].frame)

    autumn = fit(pd.concat([stretch.frame for stretch in stretches[14:18]]))
    for quiet in stretches[18:20]:
        assert error(autumn, quiet.frame) > 0.97 * error(static, quiet.frame)
