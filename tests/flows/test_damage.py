"""Damaged windows go through the whole loop: columns gone, other units, rows that came twice."""

from pathlib import Path

import pandas as pd
from small import command, world

from flows.workplace import open_workplace
from registry.frames import load_frame

LATER = {"start": "2025-03-01", "first": 10_000}


def told(body):
    return {(q["feature"], q["problem"]): q for q in body["check"]["quality"]}


def newest_frame(shop):
    place = open_workplace(shop / "home")
    entry = place.ledger.windows("small")[-1]
    return load_frame(place.home, entry.sha256, entry.broken)


def test_a_renamed_column_is_dropped_and_named(shop, window, capsys):
    rows = world(1500, seed=7, **LATER).rename(columns={"a": "A"})
    _, body = command("run", "small", "--window", window(rows), home=shop / "home", capsys=capsys)
    found = told(body)
    assert set(found) == {("a", "schema")}
    assert found["a", "schema"]["detail"] == "column is gone; 'A' is new: renamed?"
    assert body["diagnosis"]["cause"] == "data_quality"
    assert body["diagnosis"]["culprits"] == ["a"]
    assert body["remedy"]["kind"] in {"drop_features", "fix_source"}
    frame, broken = newest_frame(shop)
    assert frame["a"].isna().all()
    assert broken["a"].all()


def test_the_window_is_decided_anew_once_the_column_is_back(shop, window, capsys):
    rows = world(600, seed=7, **LATER)
    gone, empty = window(rows.drop(columns="a"), "gone.csv"), window(rows.assign(a=None), "no.csv")
    _, one = command("run", "small", "--window", gone, home=shop / "home", capsys=capsys)
    _, other = command("run", "small", "--window", empty, home=shop / "home", capsys=capsys)
    assert one["window"]["sha256"] != other["window"]["sha256"]
    assert not other["repeated"]
    assert set(told(other)) == {("a", "missing")}


def test_text_in_a_column_of_numbers_is_a_type(shop, window, capsys):
    rows = world(600, seed=7, **LATER).assign(a="n/k").drop(columns="y")
    _, body = command("run", "small", "--window", window(rows), home=shop / "home", capsys=capsys)
    assert told(body)["a", "type"]["detail"] == "'n/k' is no number"
    assert body["remedy"] == {"kind": "fix_source", "features": ["a"]}
    assert "'n/k' is no number" in Path(body["notes"]["ticket"]).read_text()


def test_another_unit_is_told_with_its_factor(shop, window, capsys):
    rows = world(1500, seed=8, **LATER).assign(a=lambda f: 1000 * f["a"])
    name = window(rows)
    _, check = command("check", "small", "--window", name, home=shop / "home", capsys=capsys)
    [problem] = [q for q in check["quality"] if q["feature"] == "a"]
    assert (problem["problem"], problem["unit"]) == ("unit", [1000.0, 0.0])
    assert problem["detail"].startswith("values are 1000 times the reference's (")
    _, body = command("run", "small", "--window", name, home=shop / "home", capsys=capsys)
    assert body["diagnosis"]["culprits"] == ["a"]
    assert body["remedy"] == {"kind": "adapt", "how": "unit", "features": ["a"]}


def test_rows_that_came_twice_and_moments_from_the_future_blame_no_feature(shop, window, capsys):
    rows = world(1000, seed=9, **LATER)
    twice = pd.concat([rows, rows.head(200)])
    twice.loc[twice["row"] == "r10999", "time"] = pd.Timestamp(2099, 1, 1)
    _, body = command("run", "small", "--window", window(twice), home=shop / "home", capsys=capsys)
    assert set(told(body)) == {("*", "duplicate"), ("time", "future")}
    assert body["diagnosis"]["cause"] == "data_quality"
    assert body["diagnosis"]["culprits"] == []
    assert "repeat an earlier one" in body["diagnosis"]["because"]
    assert all(r["remedy"]["kind"] != "drop_features" for r in body["rehearsals"])
    _, broken = newest_frame(shop)
    assert broken["*"].sum() == 201


def test_damage_without_labels_goes_to_the_source_of_the_rows(shop, window, capsys):
    rows = world(600, seed=10, **LATER).drop(columns="y")
    twice = window(pd.concat([rows, rows]))
    _, body = command("run", "small", "--window", twice, home=shop / "home", capsys=capsys)
    assert body["remedy"] == {"kind": "fix_source", "features": []}
    assert "| * | duplicate | 50.0% |" in Path(body["notes"]["ticket"]).read_text()
