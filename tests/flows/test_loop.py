"""The whole loop through the command line: every remedy is really performed."""

from pathlib import Path

import pandas as pd
import pytest
from small import command, world, write_config

from flows.workplace import open_workplace

LATER = {"start": "2025-03-01", "first": 10_000}
RUN_KEYS = {
    "decision", "model", "window", "champion_before", "champion_after", "check", "diagnosis",
    "rehearsals", "remedy", "verdict", "because", "seconds",
}  # fmt: skip


def test_nothing_moved_so_keep(shop, window, capsys):
    rows = world(600, seed=2, **LATER)
    code, body = command(
        "run", "small", "--window", window(rows), home=shop / "home", capsys=capsys
    )
    assert code == 0
    assert set(body) >= RUN_KEYS
    assert set(body["window"]) >= {"rows", "sha256", "start", "end"}
    assert set(body["diagnosis"]) >= {"cause", "culprits", "because"}
    assert set(body["rehearsals"][0]) >= {"remedy", "score", "low", "high", "cost_seconds"}
    assert body["remedy"] == {"kind": "keep"}
    assert body["champion_before"] == body["champion_after"] == 1
    assert body["verdict"] is None


def test_a_moved_relation_is_retrained(shop, window, capsys):
    rows = world(1500, seed=3, slope=-3.0, **LATER)
    _, body = command("run", "small", "--window", window(rows), home=shop / "home", capsys=capsys)
    assert body["diagnosis"]["cause"] == "concept_drift"
    assert body["remedy"]["kind"] == "retrain"
    assert body["verdict"]["passed"]
    assert body["champion_after"] == 2
    place = open_workplace(shop / "home")
    assert place.models.champion("small") == 2
    assert place.ledger.previous("small") == 1
    after = world(300, seed=4, slope=-3.0, start="2025-06-01", first=50_000)
    _, check = command(
        "check", "small", "--window", window(after), home=shop / "home", capsys=capsys
    )
    assert check["version"] == 2
    assert not check["performance"]["alarm"]


def test_a_bad_release_is_rolled_back(shop, window, capsys):
    bad = world(1200, seed=5, slope=-3.0)
    bad.to_csv(shop / "train.csv", index=False)
    _, told = command("train", str(shop / "small.yaml"), home=shop / "home", capsys=capsys)
    assert told["version"] == 2
    code, _ = command("promote", "small", "2", home=shop / "home", capsys=capsys)
    assert code == 0
    rows = world(600, seed=6, **LATER)
    _, body = command("run", "small", "--window", window(rows), home=shop / "home", capsys=capsys)
    assert body["diagnosis"]["cause"] == "regression"
    assert body["remedy"] == {"kind": "roll_back", "to_version": 1}
    assert body["champion_after"] == 1


def test_a_broken_feature_is_dropped_and_comes_back(shop, window, capsys):
    broken = world(1500, seed=7, **LATER).assign(c="red", a=9999.0)
    broken["c"] = world(1500, seed=7, **LATER)["c"]
    name = window(broken)
    _, body = command("run", "small", "--window", name, home=shop / "home", capsys=capsys)
    assert body["diagnosis"]["cause"] == "data_quality"
    assert body["diagnosis"]["culprits"][0] == "a"
    assert body["remedy"]["kind"] == "drop_features"
    assert body["remedy"]["features"] == ["a"]
    healed = world(600, seed=8, start="2025-06-01", first=50_000)
    _, body = command("run", "small", "--window", window(healed), home=shop / "home", capsys=capsys)
    assert body["remedy"] == {"kind": "roll_back", "to_version": 1}


def test_a_makeshift_serves_at_once_and_the_true_fix_is_decided_after_it(shop, window, capsys):
    rows = window(world(1500, seed=14, **LATER).assign(a=9999.0))
    _, body = command("run", "small", "--window", rows, home=shop / "home", capsys=capsys)
    assert body["phase"] == "at_once"
    assert body["remedy"]["kind"] == "drop_features"
    assert body["remedy"]["how"] in {"hedge", "neutralise"}
    decisions = open_workplace(shop / "home").ledger.decisions("small")
    assert [d.id for d in decisions] == [body["decision"], body["then"]["decision"]]
    assert decisions[1].champion_before == 2
    assert any(r["remedy"]["kind"] == "retrain" for r in body["then"]["rehearsals"])
    _, again = command("run", "small", "--window", rows, home=shop / "home", capsys=capsys)
    assert again["repeated"]
    assert again["then"]["decision"] == body["then"]["decision"]
    for decision in decisions:
        code, told = command("replay", decision.id, "--deep", home=shop / "home", capsys=capsys)
        assert code == 0
        assert told["differences"] == []


@pytest.mark.parametrize("drop", [["y"], []])
def test_a_window_without_labels_asks_for_none_of_the_measured_remedies(shop, window, capsys, drop):
    rows = world(600, seed=9, **LATER).assign(a=lambda f: f["a"] + 3)
    rows["y"] = None
    rows = rows.drop(columns=drop)
    _, body = command("run", "small", "--window", window(rows), home=shop / "home", capsys=capsys)
    assert body["check"]["performance"]["realised"] is None
    assert body["rehearsals"] == []
    assert body["remedy"]["kind"] == "ask_labels"
    wanted = pd.read_csv(body["notes"]["rows_to_label"])
    assert len(wanted) == body["remedy"]["rows"]


def test_broken_rows_without_labels_open_a_ticket_and_are_quarantined(shop, window, capsys):
    rows = world(600, seed=10, **LATER).assign(a=None).drop(columns="y")
    _, body = command("run", "small", "--window", window(rows), home=shop / "home", capsys=capsys)
    assert body["remedy"] == {"kind": "fix_source", "features": ["a"]}
    assert "missing" in Path(body["notes"]["ticket"]).read_text()
    assert open_workplace(shop / "home").ledger.windows("small")[-1].quarantined


def test_the_same_window_is_decided_once(shop, window, capsys):
    rows = window(world(1500, seed=3, slope=-3.0, **LATER))
    _, first = command("run", "small", "--window", rows, home=shop / "home", capsys=capsys)
    _, again = command("run", "small", "--window", rows, home=shop / "home", capsys=capsys)
    assert again["repeated"]
    assert again["decision"] == first["decision"]
    assert len(open_workplace(shop / "home").ledger.history("small")) == 2
    _, told = command("decisions", "small", home=shop / "home", capsys=capsys)
    assert [d["decision"] for d in told["decisions"]] == [first["decision"]]


def test_broken_labels_are_for_the_source_and_teach_nobody(shop, window, capsys):
    rows = world(900, seed=11, **LATER).assign(y=7.25)
    _, body = command("run", "small", "--window", window(rows), home=shop / "home", capsys=capsys)
    assert body["remedy"] == {"kind": "fix_source", "features": ["y"]}
    assert body["check"]["quality"][0]["of_labels"]
    mixed = world(900, seed=12, start="2025-05-01", first=20_000)
    mixed["y"] = mixed["y"].sample(frac=1, random_state=0).to_numpy()
    _, body = command("run", "small", "--window", window(mixed), home=shop / "home", capsys=capsys)
    assert body["remedy"] == {"kind": "fix_source", "features": ["y"]}
    assert "not to be trusted" in body["because"]
    assert body["champion_after"] == 1


def test_a_change_waits_for_a_person_where_the_policy_says_so(shop, window, capsys):
    config = write_config(shop, policy={"approve": "retrain"})
    rows = window(world(1500, seed=3, slope=-3.0, **LATER))
    _, body = command("run", str(config), "--window", rows, home=shop / "home", capsys=capsys)
    assert body["verdict"]["passed"]
    assert body["champion_after"] == 1
    assert body["notes"]["approval"] == "factory promote small 2"
    code, _ = command("promote", "small", "2", home=shop / "home", capsys=capsys)
    assert code == 0
    assert open_workplace(shop / "home").models.champion("small") == 2


def test_another_unit_is_converted_back_and_a_ticket_written(shop, window, capsys):
    rows = world(1500, seed=13, **LATER).assign(a=lambda f: f["a"] * 1000)
    _, body = command("run", "small", "--window", window(rows), home=shop / "home", capsys=capsys)
    assert body["remedy"] == {"kind": "adapt", "how": "unit", "features": ["a"]}
    assert body["champion_after"] == 2
    assert "No model learns from its broken rows" in Path(body["notes"]["ticket"]).read_text()
