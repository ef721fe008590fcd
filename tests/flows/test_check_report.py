"""The page of a check: what it says, and that it holds whatever a check may find."""

import asyncio
import json
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from prefect.client.orchestration import get_client
from small import command, world
from test_report import Checked

from factory.nouns import Column, Damage, Schema
from flows.artifacts import evidence_tables
from flows.evidence import FACTS, OVER_TIME, PAGE
from flows.past_checks import CHECK, KIND
from flows.report.check import CheckReport, Interval, Seen, drawn, seen_of
from flows.report.check_page import render_check
from flows.report.check_shapes import Numeric, Shares, shape, shapes_of
from flows.report.check_words import PROBLEMS, headline
from flows.workplace import open_workplace
from registry.client import connect
from registry.runs import Runs

LATER = {"start": "2025-03-01", "first": 10_000}
AT = "2026-03-01T03:00:00.000000+00:00"
AWKWARD = (
    "<script>alert(1)</script>",
    'a "quoted" & <b>bold</b> name\'s',
    "x" * 200,
    "temperatura \N{GREEK SMALL LETTER ALPHA} \N{HEBREW LETTER ALEF}\N{RIGHT-TO-LEFT OVERRIDE}end",
    "</title></style><style>*{display:none}",
    "{{ braces }} %s \\n",
)


def signal(feature, effect, alarm=None, kind="number", **more):
    alarm = effect > 0.1 if alarm is None else alarm
    told = {"statistic": effect, "p_value": 0.0 if alarm else 0.4, "detectable": 0.05}
    return {"feature": feature, "kind": kind, "detector": "ks", "effect": effect,
            "alarm": alarm, **told, **more}  # fmt: skip


def estimate(value, half, **more):
    return {"value": value, "low": value - half, "high": value + half, **more}


def told(features=(), *, found=None, quality=(), **performance):
    measured = {"metric": "mean_absolute_error", "reference": 10.0, "realised": None,
             "estimated": None, "alarm": False, **performance}  # fmt: skip
    moved = any(s["alarm"] for s in features)
    return {
        "model": "flights",
        "version": 3,
        "window": {
            "rows": 900,
            "sha256": "ab" * 32,
            "start": "2026-02-01T00:00:00",
            "end": "2026-02-28",
        },
        "labelled": 800,
        "quality": list(quality),
        "drift": {"alarm": moved, "features": list(features), "joint": {"detector": None}},
        "prediction_drift": None,
        "label_drift": None,
        "performance": measured,
        "alarm": (moved or measured["alarm"] or bool(quality)) if found is None else found,
    }


def report(found, **more):
    values = {"told": found, "at": AT, "greater_is_better": False, "tolerance": 0.05}
    return CheckReport(**{**values, **more})


def problem(feature, kind, share, **more):
    return {"feature": feature, "problem": kind, "share": share, "handled": False, **more}


def rich():
    """A check with everything in it."""
    found = told(
        [signal("temp", 0.4), signal("wind", 0.02), signal("temp", 0.2, kind="missing")],
        quality=[
            problem("temp", "out_of_range", 0.3, detail="such as 999"),
            problem("*", "duplicate", 0.1),
        ],
        realised=estimate(14.0, 1.0, rows=800),
        estimated=estimate(12.0, 2.0),
        alarm=True,
        value={
            "unit": "EUR",
            "per_row": 1.2,
            "low": 1.0,
            "high": 1.4,
            "rows": 800,
            "total": 960.0,
            "reference_per_row": 2.0,
            "estimated_per_row": 1.1,
        },
        counts={"rows": 800, "mean_error": 3.0},
    )
    found["drift"]["joint"] = {"detector": "domain_classifier", "statistic": 0.8, "p_value": 0.0,
                               "effect": 0.6, "alarm": True, "tells": ["temp"]}  # fmt: skip
    found["prediction_drift"] = signal("*", 0.3)
    found["label_drift"] = signal("y", 0.01)
    nothing = {"reference": None, "realised": None, "estimated": None, "fall": None,
               "p_value": None, "detectable": None, "powered": False, "alarm": None}  # fmt: skip
    blind = {"alarm": None, "powered": False, "detectable": None, "features": []}
    moved = {"alarm": True, "powered": True, "detectable": 0.1, "features": [signal("temp", 0.5)]}
    part = {
        "pooled": False,
        "labelled": 5,
        "share": 0.1,
        "reference_rows": 9,
        "performance": nothing,
    }
    found["segments"] = [
        {
            **part,
            "segment": {"origin": "small"},
            "rows": 7,
            "drift": blind,
            "powered": False,
            "alarm": None,
        },
        {
            **part,
            "segment": {"origin": None},
            "rows": 500,
            "drift": moved,
            "powered": True,
            "alarm": True,
        },
    ]
    group = {
        "pooled": False,
        "rows": 400,
        "labelled": 300,
        "gaps": {},
        "detectable": 0.1,
        "powered": True,
    }
    rate = {"selection_rate": estimate(0.3, 0.05, rows=300)}
    ratio = estimate(0.6, 0.1)
    found["fairness"] = [
        {"by": ["sex"], "favourable": "yes", "alarm": True,
         "groups": [{**group, "group": {"sex": "f"}, "metrics": rate}],
         "gaps": {"demographic_parity_ratio": {**ratio, "reference": 0.9}},
         "impact": {"least": 0.8, "ratio": ratio, "fair": False}},
    ]  # fmt: skip
    return found


def opened(page):
    """Parse a page as HTML and each drawing as XML; fail on anything a browser had to repair."""
    seen = Checked(page)
    page.encode("utf-8")
    for drawing in re.findall(r"<svg .*?</svg>", page, re.DOTALL):
        ET.fromstring(drawing)  # noqa: S314 - our own drawing
    assert "script" not in seen.tags
    assert seen.loads == ["data:,"]
    assert "@import" not in page
    assert "url(" not in page
    return seen


def test_page_shows_all_that_a_check_found():
    rng = np.random.default_rng(0)
    shapes = {"temp": shape("number", rng.normal(size=500), rng.normal(1, 1, size=300))}
    page = render_check(report(rich(), shapes=shapes, predictions=shapes["temp"]))
    words = opened(page).words
    for said in (
        "Performance fell: mean absolute error is 14.0 (13.0 to 15.0), 40% worse than the 10.0",
        "in 30% of the rows temp is out of range, and there is one more problem",
        "such as 999", "whole rows", "What tells them apart most: temp", "origin = missing",
        "too few rows to tell", "a drift of 0.10", "demographic parity ratio", "is not kept to",
        "A prediction is worth 1.20 (1.00 to 1.40) EUR", "What the model says", "What came true",
        "factory run flights --window ...", "ab" * 32,
    ):  # fmt: skip
        assert said in words, said
    assert "nan" not in words
    assert len(page) < 100_000


def test_headline_of_an_estimated_fall_says_that_labels_are_missing():
    found = told(estimated=estimate(25.0, 1.0), alarm=True)
    assert headline(report(found)).sentence == (
        "Performance fell: mean absolute error is 25.0 (24.0 to 26.0), estimated without labels, "
        "2.5 times the 10.0 expected."
    )


def test_headline_of_drift_says_that_performance_holds():
    found = told([signal("temp", 0.4), signal("wind", 0.01)], realised=estimate(9.5, 0.5, rows=800))
    said = headline(report(found))
    assert said.state == "alarm"
    assert said.sentence == (
        "The feature temp moved; performance holds: mean absolute error is 9.5 (9.0 to 10.0), "
        "where 10.0 was expected."
    )
    assert said.command == "factory run flights --window ..."


def test_headline_of_a_calm_window():
    found = told([signal("temp", 0.01)], realised=estimate(9.5, 0.5, rows=800))
    said = headline(report(found))
    assert (said.state, said.command) == ("calm", None)
    assert (
        "none of 1 feature moved further than is accepted, and the data are sound." in said.sentence
    )


def test_headline_never_calls_an_unknown_performance_fine():
    found = told([signal("temp", 0.01)], labels_needed=180)
    said = headline(report({**found, "labelled": 4}))
    assert said.state == "unknown"
    assert said.sentence.startswith(
        "How the model does is not known: only 4 rows can be judged, and without labels it cannot "
        "be estimated (180 labels would tell);"
    )


def test_headline_names_what_only_the_joint_test_sees():
    found = told([signal("temp", 0.01)], found=True)
    found["drift"]["joint"] = {"detector": "mmd", "alarm": True, "tells": ["temp", "wind"]}
    said = headline(report(found)).sentence
    assert said.startswith(
        "The features moved together, though none alone (temp and wind tell most)"
    )


def test_a_broken_feature_that_the_model_does_without_is_no_alarm():
    handled = problem("wind", "missing", 1.0) | {"handled": True}
    found = told(quality=[handled], realised=estimate(9.5, 0.5, rows=800), found=False)
    said = headline(report(found)).sentence
    assert "of the data only wind is broken, which the model does without already" in said


def test_higher_is_better_where_it_is():
    found = told(metric="roc_auc", realised=estimate(0.81, 0.02, rows=9), alarm=True) | {
        "labelled": 9
    }
    found["performance"]["reference"] = 0.9
    said = headline(report(found, greater_is_better=True)).sentence
    assert said.startswith(
        "Performance fell: ROC AUC is 0.810 (0.790 to 0.830), 10% worse than the 0.900"
    )


def test_page_of_a_decision_says_what_was_found_and_done():
    decision = {
        "decision": "0f",
        "diagnosis": {"cause": "concept_drift", "culprits": ["temp"], "because": "why"},
        "remedy": {"kind": "roll_back", "to_version": 2},
        "because": "version 2 is better",
    }
    words = opened(render_check(report(rich(), decision=decision))).words
    assert (
        "Diagnosed: concept drift (temp). The factory decided: roll back to version 2. "
        "Version 2 is better." in words
    )
    assert "--window" not in words


def test_every_kind_of_damage_has_its_words():
    assert set(PROBLEMS) == set(get_args(Damage))


def test_awkward_names_are_shown_and_do_nothing():
    found = rich()
    control = "tab\x00bell\x07 lone \ud800"
    names = [*AWKWARD, control]
    found["drift"]["features"] = [signal(n, 0.9 - i / 50) for i, n in enumerate(names)]
    found["quality"] = [problem(n, n, 0.1, detail=n) for n in names]
    found["segments"][0]["segment"] = {names[0]: names[1]}
    found["fairness"][0]["by"] = [names[0]]
    found["drift"]["joint"]["tells"] = names
    shapes = {
        name: shape("category", np.array(names, dtype=object), np.array([name] * 3, dtype=object))
        for name in names
    }
    many = report(
        found, shapes=shapes, settings=((names[0], names[1]),), links=((names[0], "javascript:x"),)
    )
    seen = opened(render_check(many))
    for name in AWKWARD:
        assert name in seen.words
    assert "\x00" not in seen.words
    assert seen.links == []


@settings(deadline=None, max_examples=40)
@given(st.text(max_size=40), st.text(max_size=40))
def test_any_name_and_value_make_a_page(name, value):
    column = np.array([value, name, None], dtype=object)
    found = told([signal(name, 0.5)], quality=[problem(name, "missing", 0.5, detail=value)])
    opened(render_check(report(found, shapes={name: shape("category", column, column[:1])})))


numbers = st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=True))


@settings(deadline=None, max_examples=60)
@given(numbers, numbers, numbers, numbers, st.booleans())
def test_any_numbers_make_a_page_without_nan(reference, value, low, effect, alarm):
    interval = {"value": value, "low": low, "high": value, "rows": 5}
    found = told(
        [{**signal("a", 0.0, alarm), "effect": effect, "p_value": low, "detectable": effect}],
        reference=reference, realised=interval, estimated=interval, alarm=alarm,
    )  # fmt: skip
    earlier = replace(seen_of(found, "2026-01-01"), sha256="00", start="2026-01-01")
    page = render_check(report(found, seen=(earlier, seen_of(found, AT))))
    opened(page)
    assert not re.search(r"\b(nan|inf)\b", page)


def columns(n):
    return arrays(np.float64, n, elements=st.floats(allow_nan=True, allow_infinity=True, width=64))


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 40).flatmap(columns), st.integers(0, 40).flatmap(columns))
def test_any_two_columns_have_a_shape_that_can_be_drawn(reference, window):
    found = shape("number", reference, window)
    assert isinstance(found, Numeric)
    for side, values in enumerate((reference, window)):
        total = found.shares[side].sum()
        assert total == (pytest.approx(1) if np.isfinite(values).any() else 0)
    assert np.isfinite(found.edges).all()
    opened(render_check(report(told([signal("a", 0.5)]), shapes={"a": found})))


def test_shapes_count_what_numpy_counts():
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=3_000), rng.normal(0.5, 2, size=2_000)
    found = shape("number", a, b)
    inner = np.concatenate([[-np.inf], found.edges[1:-1], [np.inf]])
    assert found.shares[0] == pytest.approx(np.histogram(a, inner)[0] / 3_000)
    assert found.shares[1] == pytest.approx(np.histogram(b, inner)[0] / 2_000)
    assert found.quantiles[1][2] == pytest.approx(np.median(b), abs=0.01)


def test_shapes_of_categories_keep_the_commonest_of_either_side():
    a = np.array(["a"] * 90 + ["b"] * 10 + [None] * 100, dtype=object)
    b = np.array(["c"] * 30 + [f"k{i}" for i in range(10)], dtype=object)
    found = shape("category", a, b)
    assert isinstance(found, Shares)
    assert found.names[:2] == ("a", "c")
    assert found.missing == (0.5, 0.0)
    assert found.shares[:, 1].tolist() == [0.0, 0.75]
    assert found.others == 13 - 8
    assert found.shares.sum(axis=1) + found.other_shares == pytest.approx([1, 1])


@pytest.mark.parametrize("rows", [0, 1])
def test_a_window_of_hardly_any_rows_has_a_page(rows):
    frame = pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": ["x", "y", None]})
    schema = Schema((Column("a", "number"), Column("b", "category")), "y", "regression")
    shapes = shapes_of(frame, frame.head(rows), schema, ["a", "b", "gone"])
    assert set(shapes) == {"a", "b"}
    found = told([signal("a", 0.0, alarm=False), signal("b", 0.0, alarm=False)])
    found["window"] |= {"rows": rows, "start": None, "end": None}
    words = opened(render_check(report(found | {"labelled": 0}, shapes=shapes))).words
    assert "Not known" in words
    assert "too small for a test of all features together" in words


def test_a_check_with_the_promised_keys_alone_has_a_page():
    found = told([signal("a", 0.3)])
    for key in ("labelled", "joint"):
        found.pop(key, None)
    for one in found["drift"]["features"]:
        one.pop("detectable")
    opened(render_check(report(found)))


def test_three_hundred_features_leave_the_page_readable_and_small():
    rng = np.random.default_rng(0)
    names = [f"sensor number {i:03d} of the plant" for i in range(300)]
    found = told([signal(n, float(e)) for n, e in zip(names, rng.random(300) ** 3, strict=True)])
    pair = rng.normal(size=5_000), rng.normal(size=5_000)
    shapes = {name: shape("number", *pair) for name in drawn(found)}
    page = render_check(report(found, shapes=shapes))
    seen = opened(page)
    assert seen.tags.count("figure") == 12
    assert seen.tags.count("details") == 1
    bars, rest = page.split("<details>")
    assert (bars.count('class="name"'), rest.count('class="name"')) == (30 + 3, 270)
    assert all(name in seen.words for name in names)
    assert len(page.encode()) < 300_000


def test_performance_over_time_shows_each_window_once():
    def seen(day, value, **more):
        values = {"sha256": f"{day:02d}", "version": 2, "metric": "mean_absolute_error", "rows": 9,
                  "start": f"2026-01-{day:02d}", "at": f"2026-02-{day:02d}", "reference": 10.0,
                  "realised": Interval(value, value - 1, value + 1), "estimated": None,
                  "alarm": value > 12}  # fmt: skip
        return Seen(**{**values, **more})

    found = told(realised=estimate(14.0, 1.0, rows=800), alarm=True)
    other = seen(9, 0.5, metric="r2")
    blind = seen(8, 0.0, realised=None)
    guess = seen(7, 0.0, realised=None, estimated=Interval(11.0))
    now = seen_of(found, AT)
    page = render_check(
        report(found, seen=(now, other, blind, guess, seen(1, 10.0), seen(2, 13.0)))
    )
    opened(page)
    wide = page.split("Performance over time")[1].split("</svg>")[0]
    assert wide.count('class="hit"') == 3
    assert wide.count('class="hit this"') == 1
    assert wide.count('<g class="bad">') == 2
    assert wide.count("dot now estimated") == 1
    assert "1 Jan" in wide
    alone = render_check(report(found, seen=(now,)))
    assert "Performance over time" not in alone


def test_tables_for_prefect_hold_the_evidence():
    tables = evidence_tables(rich())
    assert [row["feature"] for row in tables["drift"]][:2] == ["temp", "temp"]
    assert tables["quality"][0]["detail"] == "such as 999"
    assert {row["how"]: row["value"] for row in tables["performance"]} == {
        "reference": 10.0, "realised": 14.0, "estimated": 12.0,
    }  # fmt: skip
    assert [row["alarm"] for row in tables["segments"]] == ["cannot tell", "yes"]
    json.dumps(tables)
    assert evidence_tables(told())["quality"] == [{"quality": "nothing was found"}]


def test_a_check_leaves_its_evidence_in_mlflow_once(shop, window, tmp_path, capsys):
    rows = window(world(600, seed=2, **LATER).assign(a=lambda f: f["a"] + 5))
    page = tmp_path / "pages" / "check.html"
    arguments = ("check", "small", "--window", rows)
    _, first = command(*arguments, "--report", str(page), home=shop / "home", capsys=capsys)
    _, again = command(*arguments, home=shop / "home", capsys=capsys)
    assert first["run_id"] == again["run_id"]
    assert (first["report"], again["report"]) == (str(page), None)
    words = opened(page.read_text()).words
    assert "small" in words
    assert "Alarm" in words
    runs = Runs(open_workplace(shop / "home").home)
    (logged,) = runs.tagged("small", KIND, CHECK, 9)
    assert logged.run_id == first["run_id"]
    assert logged.metrics["alarm"] == 1
    assert logged.metrics["realised"] == first["performance"]["realised"]["value"]
    assert logged.metrics["largest_effect"] == max(s["effect"] for s in first["drift"]["features"])
    assert opened(kept(runs, logged, PAGE)).words == words
    facts = json.loads(kept(runs, logged, FACTS))
    assert facts == {name: first[name] for name in facts}
    (series,) = runs.tagged("small", KIND, OVER_TIME, 9)
    assert series.metrics["realised"] == logged.metrics["realised"]
    assert logged.tags["mlflow.parentRunId"] == series.run_id


async def artifacts():
    """The newest Prefect artifact of each key."""
    async with get_client() as client:
        found = await client.read_artifacts()
    return {a.key: a for a in sorted(found, key=lambda a: a.created)}


def kept(runs, logged, file):
    """A file of a run, as text."""
    return Path(connect(runs.home).download_artifacts(logged.run_id, file)).read_text()


def test_decisions_and_checks_are_one_history(shop, window, capsys):
    home = shop / "home"
    early = window(world(400, seed=3, **LATER), "early.csv")
    _, body = command("run", "small", "--window", early, home=home, capsys=capsys)
    runs = Runs(open_workplace(home).home)
    (decided,) = runs.tagged("small", KIND, CHECK, 9)
    assert decided.tags["decision"] == body["decision"]
    assert body["evidence"]["run_id"] == decided.run_id
    assert body["evidence"]["report"] == runs.link(decided.run_id, PAGE)
    assert "The factory decided: keep." in kept(runs, decided, PAGE)
    found = asyncio.run(artifacts())
    for name in ("drift", "quality", "performance"):
        assert json.loads(found[f"small-{name}"].data) == evidence_tables(body["check"])[name]
    assert runs.link(decided.run_id, PAGE) in found["small-check"].data
    assert runs.link(decided.run_id, PAGE) in found["small-decision"].data
    late = window(world(400, seed=4, start="2025-06-01", first=90_000), "late.csv")
    page = shop / "late.html"
    command("check", "small", "--window", late, "--report", str(page), home=home, capsys=capsys)
    drawn_windows = page.read_text().split("Performance over time")[1].split("</svg>")[0]
    assert drawn_windows.count('class="hit') == 2
    assert "remedy: keep" in drawn_windows
    series = runs.tagged("small", KIND, OVER_TIME, 9)
    assert len(series) == 1


def test_a_report_that_cannot_be_written_is_the_users_error(shop, window, capsys):
    rows = window(world(60, seed=2, **LATER))
    arguments = (
        "check",
        "small",
        "--window",
        rows,
        "--report",
        str(shop / "small.yaml" / "x.html"),
    )
    code, told_ = command(*arguments, home=shop / "home", capsys=capsys)
    assert (code, told_) == (2, None)
