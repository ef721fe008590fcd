"""Whole backtests of a small world: honest about time, deterministic, told in full."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small import command, world

from factory.config import parse_config
from flows.backtest.names import named
from flows.backtest.run import Plan, backtest, digest
from flows.report.backtest_page import render_backtest

EVERY = "factory,never,always,always:1,periodic:2,psi,kofn:2,adwin,oracle"
ROWS, TRAIN, SIZE, WINDOWS = 1000, 400, 150, 4


def broken_slope(rows=ROWS, at=550):
    """A world whose relation breaks in its second window."""
    before = world(at, seed=1)
    start = before["time"].iloc[-1] + pd.Timedelta(hours=1)
    after = world(rows - at, seed=2, start=start, slope=-3.0, first=at)
    return pd.concat([before, after], ignore_index=True)


def config(**more):
    values = {
        "name": "small",
        "data": {"path": "", "target": "y", "timestamp": "time", "id": "row"},
        "search": {"families": ["linear"], "trials": 1, "folds": 2},
        "check": {"resamples": 100, "corruptions": 0},
        **more,
    }
    return parse_config(values, source="test")


@pytest.fixture(scope="module")
def replay(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stream")

    def run(frame, policies, **more):
        path = folder / f"{len(list(folder.iterdir()))}.parquet"
        frame.to_parquet(path)
        more = {"processes": 1, "train_rows": TRAIN, "window_rows": SIZE, **more}
        return backtest(Plan(config(), str(path), named(policies), **more))

    return run


@pytest.fixture(scope="module")
def told(replay):
    return replay(broken_slope(), EVERY)


def test_every_policy_is_told_in_full(told):
    assert told["windows"] == WINDOWS == len(told["spans"])
    assert list(told["policies"]) == EVERY.split(",")
    for one in told["policies"].values():
        assert len(one["by_window"]) == WINDOWS
        assert [action["window"] for action in one["actions"]] == [0, 1, 2]
        assert one["mean"] == pytest.approx(np.mean(one["by_window"]))
        assert one["trainings"] == sum(action["trained"] for action in one["actions"])
        assert one["fits"] >= one["trainings"]
        assert one["seconds"] > 0
    json.dumps(told, allow_nan=False)


def test_each_policy_does_what_its_name_says(told):
    done = {name: one["trainings"] for name, one in told["policies"].items()}
    assert (done["never"], done["always"], done["always:1"], done["periodic:2"]) == (0, 3, 3, 1)
    rows = [action["rows"] for action in told["policies"]["always"]["actions"]]
    assert rows == [550, 700, 850]
    newest = [action["rows"] for action in told["policies"]["always:1"]["actions"]]
    assert newest == [150, 150, 150]


def test_a_window_is_scored_before_it_is_learnt_from(told):
    scores = {name: one["by_window"] for name, one in told["policies"].items()}
    assert len({tuple(one[:1]) for one in scores.values()}) == 1
    assert scores["never"][1] > 3 * scores["never"][0]
    assert scores["always:1"][1] > 3 * scores["always:1"][0]
    assert scores["always:1"][2] < 0.5 * scores["never"][2]


def test_ours_finds_the_break_and_the_oracle_is_not_beaten_by_it(told):
    ours, oracle = told["policies"]["factory"], told["policies"]["oracle"]
    assert ours["trainings"] >= 1
    assert ours["by_window"][-1] < 0.5 * told["policies"]["never"]["by_window"][-1]
    assert ours["actions"][1]["decisions"][0]["cause"] == "concept_drift"
    assert oracle["regret"] == 0.0
    assert ours["regret"] >= 0


def test_the_same_again_also_in_two_processes(told, replay):
    policies = "oracle,always,factory"
    again = replay(broken_slope(), policies, processes=2)
    one = {**told, "policies": {name: told["policies"][name] for name in policies.split(",")}}
    assert again["digest"] == digest(one)
    assert replay(broken_slope(rows=990), "never")["digest"] != told["digest"]


def differing(frame, after, seed):
    """The same rows, whose labels are others after so many."""
    rng = np.random.default_rng(seed)
    labels = np.r_[frame["y"][:after], rng.normal(size=len(frame) - after)]
    return frame.assign(y=labels)


@settings(max_examples=4)
@given(delay=st.integers(0, 2), number=st.integers(0, 2), seed=st.integers(0, 99))
def test_labels_that_are_not_known_yet_change_no_action(replay, delay, number, seed):
    frame = broken_slope()
    other = differing(frame, TRAIN + SIZE * number, seed)
    check_unmoved(replay, (frame, other), "always,periodic:2:1,adwin", number, delay)


def test_labels_that_are_not_known_yet_do_not_change_ours(replay):
    frame = broken_slope()
    check_unmoved(replay, (frame, differing(frame, TRAIN + SIZE, 0)), "factory", 1, 1)


def check_unmoved(replay, frames, policies, number, delay):
    """Two streams whose labels differ from a window on: all before they are known is the same."""
    one, two = (replay(frame, policies, label_delay=delay)["policies"] for frame in frames)
    for name, policy in one.items():
        assert policy["actions"][: number + delay] == two[name]["actions"][: number + delay]
        assert policy["by_window"][:number] == two[name]["by_window"][:number]


def test_late_labels_are_learnt_from_late(replay):
    late = replay(broken_slope(), "always,factory,adwin", label_delay=1)["policies"]
    assert [action["kind"] for action in late["always"]["actions"]] == [
        "keep",
        "retrain",
        "retrain",
    ]
    assert [action.get("rows") for action in late["always"]["actions"]] == [None, 550, 700]
    judged = [[d["judged"] for d in a["decisions"]] for a in late["factory"]["actions"]]
    assert judged == [[0], [0, 1], [1, 2]]


def test_windows_without_labels_have_no_score(replay):
    frame = broken_slope()
    frame.loc[TRAIN : TRAIN + SIZE - 1, "y"] = np.nan
    told = replay(frame, "never,always")
    for one in told["policies"].values():
        assert one["by_window"][0] is None
        assert one["mean"] == pytest.approx(np.mean(one["by_window"][1:]))
    assert told["policies"]["always"]["actions"][0]["kind"] == "keep"


def test_classes_are_replayed_too(replay, tmp_path):
    frame = broken_slope().assign(y=lambda f: np.where(f["y"] > 0, "high", "low"))
    frame.to_csv(tmp_path / "classes.csv", index=False)
    plan = Plan(config(), str(tmp_path / "classes.csv"), named("never,always,adwin"),
                train_rows=TRAIN, window_rows=SIZE, processes=1)  # fmt: skip
    told = backtest(plan)
    assert told["metric"] == "accuracy"
    assert told["policies"]["always"]["mean"] > told["policies"]["never"]["mean"]


def test_the_page_shows_every_policy_and_asks_for_nothing(told):
    page = render_backtest(told)
    assert page == render_backtest(json.loads(json.dumps(told)))
    for name in told["policies"]:
        assert f">{name}<" in page
    assert "<script" not in page
    assert "http" not in page
    bare = {**told, "policies": {"never": told["policies"]["never"]}, "model": "<b>"}
    assert "<b>" not in render_backtest(bare)


def test_the_command_writes_json_and_page(tmp_path, capsys):
    broken_slope().to_csv(tmp_path / "stream.csv", index=False)
    (tmp_path / "small.yaml").write_text(json.dumps(config().model_dump(mode="json")))
    out = tmp_path / "out"
    code, told = command(
        "backtest", str(tmp_path / "small.yaml"), "--stream", str(tmp_path / "stream.csv"),
        "--policies", "never,always", "--train-rows", "400", "--window-rows", "150",
        "--label-delay", "1", "--processes", "1", "--out", str(out),
        home=tmp_path / "home", capsys=capsys,
    )  # fmt: skip
    assert code == 0
    assert told["label_delay"] == 1
    written = json.loads((out / "backtest.json").read_text())
    assert written == {key: value for key, value in told.items() if key != "page"}
    assert told["page"] == str(out / "backtest.html")
    assert (out / "backtest.html").read_text() == render_backtest(written)


REFUSED = {
    "unknown policy": ["--policies", "nevr"],
    "too few rows": ["--train-rows", "990"],
    "a window of no rows": ["--window-rows", "0"],
    "a delay longer than the stream": ["--label-delay", "50"],
    "no such stream": ["--stream", "absent.csv"],
}


@pytest.mark.parametrize("case", [*REFUSED, "no target", "no timestamp"])
def test_bad_input_is_refused_and_writes_nothing(case, tmp_path, capsys):
    lost = {"no target": ["y"], "no timestamp": ["time"]}.get(case, [])
    broken_slope().drop(columns=lost).to_csv(tmp_path / "stream.csv", index=False)
    (tmp_path / "small.yaml").write_text(json.dumps(config().model_dump(mode="json")))
    usual = ["--stream", str(tmp_path / "stream.csv"), "--policies", "never", "--processes", "1"]
    arguments = [*usual, *REFUSED.get(case, []), "--out", str(tmp_path / "out")]
    try:
        code, _ = command("backtest", str(tmp_path / "small.yaml"), *arguments,
                          home=tmp_path / "home", capsys=None)  # fmt: skip
    except SystemExit as error:
        code = error.code
    said = capsys.readouterr().err
    assert code == 2
    assert said.count("fix:") == 1
    assert not (tmp_path / "out").exists()


def test_what_breaks_is_done_without_at_once_and_then_for_good(replay):
    frame = world(ROWS, seed=1)
    frame.loc[TRAIN + SIZE :, "a"] = 9999.0
    told = replay(frame, "factory")["policies"]["factory"]
    decisions = told["actions"][1]["decisions"]
    assert decisions[0]["cause"] == "data_quality"
    assert [one["phase"] for one in decisions] == ["at_once", "then"]
    assert decisions[0]["passed"]
    assert told["by_window"][2] < 0.1 * told["by_window"][1]
