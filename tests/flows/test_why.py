"""``factory diagnose`` as a user calls it, and the part of the page that says why."""

import re
import xml.etree.ElementTree as ET

import pytest
from small import command, world
from test_check_report import AWKWARD, estimate, report, signal, told

from flows.report.check_page import render_check
from flows.report.check_why import SHOWN, priorities, waterfall

LATER = {"start": "2025-03-01", "first": 10_000}


def share(source, value, half=0.1):
    return {"source": source, "share": value, "low": value - half, "high": value + half}


def feature(name, priority=0.1, **more):
    return {"feature": name, "drift": 0.5, "alarm": True, "importance": 0.2, "priority": priority,
            "loss": None, **more}  # fmt: skip


def fallen(*shares, features=(), because="it fell"):
    found = told([signal("a", 0.5)], realised=estimate(14.0, 1.0, rows=800), alarm=True)
    diagnosis = {"because": because, "shares": list(shares), "features": list(features)}
    return report(found, diagnosis=diagnosis)


def read(drawing):
    return ET.fromstring(drawing)  # noqa: S314 - our own page


def widths(drawing, kind):
    return [
        float(r.get("width"))
        for r in read(drawing).iter("rect")
        if kind in r.get("class", "").split()
    ]


def test_the_command_says_why_and_changes_nothing(shop, window, capsys, tmp_path):
    rows = window(world(1200, seed=3, slope=-3.0, **LATER))
    page = tmp_path / "why.html"
    home = shop / "home"
    code, body = command(
        "diagnose", "small", "--window", rows, "--report", str(page), home=home, capsys=capsys
    )
    assert code == 0
    assert body["diagnosis"]["cause"] == "concept_drift"
    (relation,) = (s for s in body["diagnosis"]["shares"] if s["source"] == "relation")
    assert relation["low"] > 0.9
    assert {f["feature"] for f in body["diagnosis"]["features"]} == {"a", "b", "c"}
    kinds = {found["kind"]: found for found in body["importance"]}
    assert (
        max(kinds["permutation"]["by_feature"], key=kinds["permutation"]["by_feature"].get) == "a"
    )
    assert max(kinds["shapley"]["by_feature"], key=kinds["shapley"]["by_feature"].get) == "a"
    assert kinds["impurity"]["by_feature"] == {}
    assert body["report"] == str(page)
    assert "Where the fall comes from" in page.read_text()
    _, decisions = command("decisions", "small", home=home, capsys=capsys)
    assert decisions["decisions"] == []


def test_the_command_without_labels(shop, window, capsys):
    rows = window(world(600, seed=4, **LATER).drop(columns="y").assign(a=lambda f: f["a"] + 2))
    code, body = command("diagnose", "small", "--window", rows, home=shop / "home", capsys=capsys)
    assert code == 0
    assert body["diagnosis"]["cause"] == "covariate_drift"
    assert body["diagnosis"]["culprits"] == ["a"]
    assert body["diagnosis"]["shares"] == []


def test_people_read_a_table(shop, window, capsys):
    from flows.cli import main  # noqa: PLC0415 - as the other commands do

    rows = window(world(1200, seed=3, slope=-3.0, **LATER))
    capsys.readouterr()
    assert main(["diagnose", "small", "--window", rows, "--home", str(shop / "home")]) == 0
    printed = capsys.readouterr().out
    assert "concept drift" in printed
    assert "relation moved" in printed
    assert "drift x importance" in printed


def test_a_check_shows_what_to_look_at_first():
    page = render_check(report(told([signal("a", 0.5)]), diagnosis={"features": [feature("a")]}))
    assert "Which features to look at first" in page
    assert "Where the fall comes from" not in page
    assert "Why" not in render_check(report(told()))


def test_steps_add_up_from_what_was_expected_to_the_window():
    found = fallen(share("broken", 0.25), share("covariates", 1.0), share("relation", -0.25))
    drawing = waterfall(found, width=700)
    broken, covariates = widths(drawing, "adds")
    (relation,) = widths(drawing, "takes")
    assert covariates == pytest.approx(4 * broken, rel=0.01)
    assert relation == pytest.approx(broken, rel=0.01)
    circles = [float(c.get("cx")) for c in read(drawing).iter("circle")]
    assert circles[1] - circles[0] == pytest.approx(covariates, rel=0.01)


def test_bars_are_as_long_as_drift_times_importance():
    features = [feature("a", 0.4, loss=0.9), feature("b", 0.1, loss=0.1), feature("c", 0.0)]
    drawing = priorities(fallen(features=features), width=700)
    first, second = widths(drawing, "worth")
    assert first == pytest.approx(4 * second, rel=0.01)
    assert len(widths(drawing, "cost")) == 2
    many = [feature(f"f{i}", 0.1) for i in range(50)]
    assert len(widths(priorities(fallen(features=many), width=700), "worth")) == SHOWN


@pytest.mark.parametrize(
    "shares",
    [
        [{"source": "covariates", "share": None, "low": None, "high": None}],
        [share("covariates", 1.0) | {"low": None}, share("relation", 0.0)],
        [share("covariates", 40.0, 1e9), share("relation", -39.0, 1e9)],
        [share("release", 0.5)],
    ],
)
def test_whatever_shares_there_are_they_are_drawn_or_left_out(shares):
    page = render_check(fallen(*shares))
    for drawing in re.findall(r"<svg.*?</svg>", page):
        for rect in read(drawing).iter("rect"):
            assert 0 <= float(rect.get("width")) < 800
    assert "nan" not in page


@pytest.mark.parametrize("name", AWKWARD)
def test_names_are_only_names(name):
    page = render_check(fallen(share("relation", 1.0), features=[feature(name)], because=name))
    assert "<script>alert" not in page
    assert page.count("</style>") == 1
