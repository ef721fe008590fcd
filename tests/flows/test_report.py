import re
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.report import ReportData, ReportRow, render_report
from flows.report.page import verdict

VOID = {"meta", "link", "br"}
ALL = {"kind": "retrain", "rows": "all"}
KEEP = {"kind": "keep"}
DROP = {"kind": "drop_features", "features": ["distance"], "how": "refit"}
FEED = "distance arrives as zero"
SERVED = [7.8, 7.5, 9.6, 7.9, 6.5, 29.9, 9.1, 8.9, 6.4, 6.7, 7.5, 18.9, 5.9, 5.9, 7.5, 7.6, 8.2]
STATIC = [
    7.8,
    8.2,
    12.1,
    12.3,
    11.7,
    33.3,
    34.8,
    17.2,
    11.5,
    10.6,
    17.2,
    14.9,
    12.7,
    12.8,
    7.2,
    7.5,
]
REMEDIES = [ALL, KEEP, ALL, ALL, KEEP, DROP, KEEP, ALL, KEEP, KEEP, KEEP, None, KEEP, KEEP, None]
FEATURES = ["temp", "distance", "wind_speed", "wind_dir", "pressure", "dest", "carrier", "hour"]


def signal(feature, effect):
    return {
        "feature": feature,
        "kind": "drift",
        "detector": "ks",
        "statistic": effect,
        "p_value": 0.0,
        "effect": effect,
        "alarm": effect > 0.1,
    }


def run(remedy, before, after, score, seed):
    draw = np.random.default_rng(seed)
    versions = [{"kind": "roll_back", "to_version": v} for v in range(1, 9) if v != before]
    tried = [KEEP, *versions, ALL, {"kind": "retrain", "rows": "recent"}, DROP]
    rehearsals = []
    for one in tried:
        better = one == remedy != KEEP
        value = score * (0.8 if better else 1.0 if one == KEEP else draw.uniform(0.98, 1.4))
        rehearsals.append(
            {
                "remedy": one,
                "score": value,
                "low": value * 0.96,
                "high": value * 1.04,
                "gain": 1 - value / score,
                "cost_seconds": draw.uniform(0, 3),
            }
        )
    broken = remedy == DROP
    return {
        "decision": f"{seed:016x}",
        "model": "flights",
        "window": {"rows": 3000 + seed, "sha256": "00", "start": None, "end": None},
        "champion_before": before,
        "champion_after": after,
        "check": {
            "drift": {
                "alarm": True,
                "features": [
                    signal(name, min(1.0, draw.random() ** 2 / (i + 1)))
                    for i, name in enumerate(FEATURES)
                ],
                "joint": None,
            },
            "prediction_drift": signal("prediction", draw.random() * 0.2),
            "label_drift": None,
        },
        "diagnosis": {
            "cause": "data_quality" if broken else "covariate_drift",
            "culprits": ["distance"] if broken else ["temp", "wind_speed"],
            "because": "said the diagnosis",
        },
        "rehearsals": rehearsals,
        "remedy": remedy,
        "verdict": None
        if remedy == KEEP
        else {"passed": True, "because": "14 % better, at least 9 %"},
        "because": f"{remedy['kind']} scored best of {len(tried)} remedies; keeping costs more.",
        "seconds": 3.0,
    }


def year():
    rows, champion = [], 1
    for i in range(20):
        score = SERVED[i] if i < len(SERVED) else 8.4 + i % 3 / 2
        remedy = REMEDIES[i] if i < len(REMEDIES) else KEEP
        after = champion
        if i == 11:
            champion = 8
        if remedy is None:
            after = {11: 6, 14: 2}[i]
            remedy = {"kind": "roll_back", "to_version": after}
        elif remedy != KEEP:
            after = champion + 1
        incident = {5: FEED, 6: FEED, 9: "quiet", 10: "quiet", 11: "bad release by hand"}.get(i)
        rows.append(
            ReportRow(
                name=f"{1 + i} to {2 + i} May",
                start=f"2013-{4 + i * 14 // 31:02d}-{1 + i * 14 % 30:02d}",
                end="",
                incident=incident,
                score=score,
                static_score=STATIC[i] if i < len(STATIC) else 8.3 + i % 2,
                run=run(remedy, champion, after, score, i),
            )
        )
        champion = after
    return ReportData(
        title="A year of flights",
        metric="mean_absolute_error",
        greater_is_better=False,
        rows=tuple(rows),
        notes=("Incidents are marked here; the policy is not told of them.",),
        links=(("Project", "https://example.org/project?a=1&b=2"),),
    )


def empty(**changes):
    values = {"title": "m", "metric": "accuracy", "greater_is_better": True, "rows": ()}
    return ReportData(**{**values, **changes})


def bare(score, static, **changes):
    values = {"name": "w", "start": "", "end": "", "incident": None}
    told = {"remedy": KEEP, "champion_before": 1, "champion_after": 1}
    return ReportRow(**{**values, "score": score, "static_score": static, "run": told, **changes})


class Checked(HTMLParser):
    """Fails on what browsers would have to repair, and collects what is there."""

    def __init__(self, page):
        super().__init__()
        self.open, self.text, self.links, self.loads, self.tags = [], [], [], [], []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names))
        self.tags.append(tag)
        values = dict(attrs)
        if tag == "a":
            self.links.append(values["href"])
        else:
            self.loads += [values[k] for k in ("href", "src", "srcset", "data") if k in values]
        assert not any(name.startswith("on") for name in names)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)

    @property
    def words(self):
        return " ".join(self.text)


@pytest.fixture(scope="module")
def page():
    return render_report(year())


def test_page_is_well_formed_and_asks_nothing_of_the_network(page):
    seen = Checked(page)
    assert seen.links == ["https://example.org/project?a=1&b=2"]
    assert seen.loads == ["data:,"]
    assert "script" not in seen.tags
    assert "@import" not in page
    assert "url(" not in page
    assert re.findall(r"https?://", page) == ["https://"]


def test_every_window_remedy_and_incident_appears(page):
    words = Checked(page).words
    for row in year().rows:
        assert row.name in words
    for remedy in ("retrain on all rows", "drop distance and refit", "roll back to version 6"):
        assert remedy in words
    for incident in (FEED, "bad release by hand", "quiet"):
        assert incident in words
    assert "temp, wind_speed" in words
    assert "7 → 8" in words or "8 → 6" in words


def test_charts_show_both_lines_and_one_mark_for_every_window(page):
    wide = page.split('<div class="wide">')[1].split("</svg>")[0]
    assert wide.count('class="line served"') == 1
    assert wide.count('class="line static"') == 1
    assert wide.count('class="hit"') == 20
    assert wide.count('class="mark roll_back"') == 2
    assert wide.count('class="mark drop_features"') == 1
    assert wide.count('class="band"') == 3


def test_chosen_remedy_stands_out_once_a_decision(page):
    assert page.count('<g class="chosen">') == 20


def test_verdict_compares_with_and_without_the_marked_windows():
    assert verdict(year()) == (
        "Over 20 windows the factory's mean absolute error averaged 9.43, 29% lower than the "
        "13.35 of the model left untouched. Without the 5 marked windows it was 7.76, 25% lower "
        "than the 10.41. It kept the champion 13 times, retrained 4 times, rolled back twice and "
        "dropped features once."
    )


def test_everything_from_outside_is_escaped():
    bad = '<script>alert("1")</script>&'
    told = run({"kind": bad}, bad, bad, 1.0, 0)
    told["diagnosis"] = {"cause": bad, "culprits": [bad], "because": bad}
    told["because"] = bad
    told["verdict"] = {"passed": False, "because": bad}
    told["check"]["drift"]["features"][0]["feature"] = bad
    told["rehearsals"][0]["remedy"] = bad
    row = ReportRow(bad, bad, bad, bad, 1.0, 2.0, told)
    links = ((bad, "javascript:alert(1)"), (bad, f"https://a.b/{bad}"))
    story = ReportData(bad, bad, greater_is_better=True, rows=(row,), notes=(bad,), links=links)
    page = render_report(story)
    seen = Checked(page)
    assert "script" not in seen.tags
    assert seen.links == [f"https://a.b/{bad}"]
    assert bad in seen.words


def test_history_without_windows_says_so():
    seen = Checked(render_report(empty()))
    assert "No window has been checked yet." in seen.words
    assert "svg" not in seen.tags


def test_window_without_labels_shows_a_dash():
    rows = (bare(None, float("nan"), name="first"), bare(0.9, 0.8), bare(float("inf"), 0.7))
    seen = Checked(render_report(empty(rows=rows)))
    assert "\N{EN DASH}" in seen.text
    assert "nan" not in seen.words
    assert "Over 1 window the factory's accuracy averaged" in seen.words
    assert "Nothing was rehearsed." in seen.words
    assert "No window tells of drift." in seen.words


def test_history_without_any_label_still_has_a_page():
    seen = Checked(render_report(empty(rows=(bare(None, None), bare(None, None)))))
    assert "2 windows checked; none has labels for both models yet." in seen.words


def test_higher_scores_count_as_better_where_they_are():
    rows = (bare(0.9, 0.8),)
    assert 'class="value better"' in render_report(empty(rows=rows))
    worse = empty(rows=rows, greater_is_better=False, metric="max_error")
    assert 'class="value worse"' in render_report(worse)


numbers = st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=True, width=32))


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(numbers, numbers), max_size=8), st.booleans())
def test_any_scores_give_a_well_formed_page_without_nan(pairs, greater):
    rows = tuple(bare(a, b) for a, b in pairs)
    page = render_report(empty(rows=rows, greater_is_better=greater))
    Checked(page)
    assert not re.search(r"\b(nan|inf)\b", page)


@settings(deadline=None, max_examples=50)
@given(st.text(max_size=30), st.text(max_size=30))
def test_any_text_comes_through_unchanged(name, incident):
    row = bare(0.5, 0.4, name=name, incident=incident)
    words = "".join(Checked(render_report(empty(rows=(row,)))).text)
    clean = name.replace("\r\n", "\n").replace("\r", "\n")
    assert clean in words.replace("\r\n", "\n").replace("\r", "\n")
