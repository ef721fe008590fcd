"""Challengers on traffic, by what they really said in the log: advanced, stopped, or waited for."""

import json
import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from small import command, world

from factory.bundle import pipeline_outputs
from factory.config import ServeConfig, parse_config
from flows.challenger import judge_challenger
from flows.workplace import open_workplace
from registry.inference.labels import add_labels
from registry.inference.writer import Writer
from registry.runs import Runs
from serving.answer import answer
from serving.shelf import Shelf

NOW = world(1_500, seed=8, start="2025-03-01", slope=-3.0, first=20_000)
"""What the traffic is like: the champion has not learnt it."""
LIKE_THE_PAST = world(1_500, seed=9, start="2025-01-01", first=40_000)


@pytest.fixture
def place(shop):
    return open_workplace(shop / "home")


def challenge(place, rows):
    """Register a challenger that was fitted on other rows than the champion."""
    champion = place.models.load("small", 1)
    names, target = list(champion.schema.names), champion.schema.target
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        pipeline = clone(champion.pipeline).fit(rows[names].astype({"c": object}), rows[target])
    reference = champion.reference
    made = replace(
        champion, pipeline=pipeline, twins=None, probe=None, hedges={},
        reference_outputs=pipeline_outputs(pipeline, champion.schema, reference),
    )  # fmt: skip
    with Runs(place.home).run("small", "train") as run_id:
        version = place.models.save(made, "small", run_id, data_sha256="f" * 64)
    place.models.challenge("small", version)
    return version


def traffic(place, rows, *, mode="shadow", labelled=1.0):
    """Answer requests as the predictor does, with its log; then labels come."""
    shelf = Shelf(place.models, {"small": ServeConfig(challenger=mode, share=0.999)})
    shelf.open()
    log, ids = Writer(place.home), []
    for start in range(0, len(rows), 50):
        body = rows.iloc[start : start + 50].drop(columns="y").to_csv(index=False).encode()
        made = answer(shelf.line("small"), body, "text/csv", "", v2=False)
        ids += json.loads(made.body)["ids"]
        assert len(made.batches) in {1, 2}
        assert all(log.append(batch) for batch in made.batches)
    log.close()
    known = int(len(rows) * labelled)
    labels = pd.DataFrame({"prediction_id": ids, "y": rows["y"].to_numpy()}).head(known)
    schema = shelf.line("small").champion.bundle.schema
    add_labels(place.home, "small", schema, labels, at=1)


def judged(place, config=None):
    return judge_challenger.fn("small", config, place)


@pytest.mark.parametrize("mode", ["shadow", "canary"])
def test_one_that_is_better_on_traffic_advances_by_the_gate_and_the_ledger(place, mode):
    version = challenge(place, NOW)
    rows = world(300, seed=3, start="2025-06-01", slope=-3.0, first=60_000)
    traffic(place, rows, mode=mode)
    told = judged(place)
    assert (told["outcome"], told["look"]["number"]) == ("advanced", 1)
    assert told["verdict"]["passed"]
    assert told["look"]["level"] == 0.025
    assert place.ledger.champion("small") == version
    promotion = place.ledger.history("small")[-1]
    assert (promotion.who, promotion.why) == ("factory", told["verdict"]["because"])
    look, last = place.ledger.chain("small")[-2:]
    assert (look.kind, last.kind) == ("look", "promotion")
    assert place.models.challenger("small") is None
    assert judged(place) is None


def test_a_bad_one_is_stopped_early_and_gets_no_more_traffic(place, shop, capsys):
    version = challenge(place, NOW)
    before = place.ledger.history("small")
    rows = world(120, seed=4, start="2025-06-01", first=60_000)
    traffic(place, rows, labelled=0.3)
    assert judged(place) is None
    assert place.models.challenger("small") == version
    traffic(place, rows.assign(row=[f"s{i}" for i in range(120)]), labelled=0.5)
    code, body = command("run", "small", "--window", "log", home=shop / "home", capsys=capsys)
    assert code == 2
    assert body is None
    (look,) = place.ledger.looks("small")
    assert (look.outcome, look.challenger) == ("stopped", version)
    assert look.rows < 120
    assert place.ledger.history("small") == before
    shelf = Shelf(place.models, {"small": ServeConfig(challenger="shadow", share=0.5)})
    shelf.open()
    assert shelf.line("small").challenger is None


def test_a_run_on_the_log_tells_what_became_of_it(place, shop, capsys):
    version = challenge(place, NOW)
    traffic(place, world(1_000, seed=4, start="2025-06-01", first=60_000))
    config = shop / "small.yaml"
    config.write_text(
        json.dumps(json.loads(config.read_text()) | {"log": {"rows": 500, "wait": 0}})
    )
    code, body = command("run", str(config), "--window", "log", home=shop / "home", capsys=capsys)
    assert code == 0
    assert (body["challenge"]["outcome"], body["challenge"]["challenger"]) == ("stopped", version)
    assert body["champion_before"] == 1


def test_one_that_is_no_better_does_not_pass_however_often_it_is_looked_at(place):
    challenge(place, LIKE_THE_PAST)
    outcomes = []
    for part in range(5):
        rows = world(80 * 2**part, seed=30 + part, start=f"2025-0{part + 4}-01",
                     first=60_000 + 10_000 * part)  # fmt: skip
        traffic(place, rows)
        told = judged(place)
        outcomes.append(told and told["outcome"])
    assert "advanced" not in outcomes
    assert place.ledger.champion("small") == 1
    looks = [json.loads(entry.body)["look"] for entry in place.ledger.looks("small")]
    assert [look["number"] for look in looks] == list(range(1, len(looks) + 1))
    assert np.allclose([k["level"] * k["number"] * (k["number"] + 1) for k in looks], 0.05)


def test_where_a_person_has_to_agree_it_waits(place, shop):
    version = challenge(place, NOW)
    traffic(place, world(300, seed=3, start="2025-06-01", slope=-3.0, first=60_000))
    values = json.loads((shop / "small.yaml").read_text()) | {"policy": {"approve": "retrain"}}
    config = parse_config(values, source="small.yaml")
    told = judged(place, config)
    assert told["outcome"] == "waits"
    assert told["notes"] == {"approval": f"factory promote small {version}"}
    assert place.ledger.champion("small") == 1
    assert judged(place, config) == told
    assert len(place.ledger.looks("small")) == 1
    assert place.models.challenger("small") == version


def test_rows_that_are_broken_judge_neither(place):
    challenge(place, LIKE_THE_PAST)
    rows = world(200, seed=5, start="2025-06-01", first=60_000)
    # What breaks would cost the two differently, and is no fault of either.
    rows.loc[rows.index % 4 == 0, "a"] = 1e9
    traffic(place, rows)
    told = judged(place)
    assert told["rows"] == told["look"]["rows"] == 150
    assert abs(told["look"]["gain"]) < 1
