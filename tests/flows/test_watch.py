"""``factory watch`` as a user calls it: rows in time order, carried on call by call."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small import command, world, write_config

from factory.config import ModelConfig
from flows.cli import main
from flows.report.trace import TraceLine, TraceReport, render_trace, trace_plot
from flows.workplace import open_workplace
from registry.bundles import fetched_bundle
from training.judge import completed

ASKED = {"detector": "mmd", "one_false_alarm_per": 300, "windows": [10, 20]}
LATER = {"start": "2025-06-01", "first": 10_000}
VOID = {"meta", "link", "br"}
KEYS = {"model", "version", "rows", "seen", "alarms", "statistic", "threshold", "trace"}


@pytest.fixture(scope="module")
def watched(tmp_path_factory, prefect_api):
    """A folder with a model that is watched, trained once; its stream is not begun."""
    folder = tmp_path_factory.mktemp("watched")
    world(1200, seed=1).to_csv(folder / "train.csv", index=False)
    config = write_config(folder, check={"online": ASKED})
    assert main(["train", str(config), "--home", str(folder / "home"), "--json"]) == 0
    return folder


@pytest.fixture
def stream(watched):
    """The home folder, with the stream at its start."""
    home = watched / "home"
    for path in (home / "online").rglob("*.npz"):
        path.unlink()
    return home


def moved(rows, by):
    """The same world with one feature out of its usual range."""
    return rows.assign(a=rows["a"] + by)


def watch(name, home, capsys, *more):
    return command("watch", "small", "--input", name, *more, home=home, capsys=capsys)


def test_rows_are_counted_and_drift_is_found(stream, window, capsys):
    rows = world(400, seed=2, **LATER)
    rows.loc[200:, "a"] += 4.0
    code, told = watch(window(rows), stream, capsys)
    assert code == 0
    assert set(told) >= KEYS
    assert (told["model"], told["version"], told["rows"], told["seen"]) == ("small", 1, 400, 400)
    before = [alarm for alarm in told["alarms"] if alarm["row"] <= 200]
    assert len(before) <= 5
    after = next(alarm for alarm in told["alarms"] if alarm["row"] > 200)
    assert after["row"] <= 215
    assert after["statistic"] > after["threshold"]
    assert after["detector"] == "mmd"
    assert after["id"] == rows["row"].iloc[after["row"] - 1]
    assert after["time"] == str(rows["time"].iloc[after["row"] - 1])


def test_the_next_call_goes_on_where_the_last_one_ended(stream, window, capsys):
    rows = world(300, seed=3, **LATER)
    rows.loc[150:, "a"] += 2.0
    _, whole = watch(window(rows), stream, capsys)
    for path in (stream / "online").rglob("*.npz"):
        path.unlink()
    # Out of order in the file: they are fed by their time.
    parts = [rows[:131].sample(frac=1, random_state=0), rows[131:]]
    told = [watch(window(part, f"{i}.csv"), stream, capsys)[1] for i, part in enumerate(parts)]
    assert [each["seen"] for each in told] == [131, 300]
    found = [alarm["seen"] for each in told for alarm in each["alarms"]]
    assert found == [alarm["seen"] for alarm in whole["alarms"]]
    assert told[1]["statistic"] == whole["statistic"]
    assert told[1]["threshold"] == whole["threshold"]
    assert told[1]["detectors"] == whole["detectors"]


def test_an_alarm_exits_with_1_only_when_asked(stream, window, capsys):
    name = window(moved(world(100, seed=4, **LATER), 6.0))
    assert watch(name, stream, capsys)[0] == 0
    assert watch(name, stream, capsys, "--exit-code")[0] == 1


def test_a_version_that_is_loaded_again_has_the_same_thresholds(stream, window, capsys):
    models = open_workplace(stream).models
    online = models.load("small", 1).online
    found = models._read("small", 1, fetched_bundle)  # noqa: SLF001 - past what is kept in memory
    again = found.online
    for one, other in zip(online.fitted, again.fitted, strict=True):
        assert np.array_equal(one["thresholds"], other["thresholds"])
        assert one["width"] == other["width"]


def test_a_model_without_online_detectors_is_told_how_to_get_them(shop, window, capsys):
    name = window(world(10, seed=5, **LATER))
    code, told = watch(name, shop / "home", capsys)
    assert (code, told) == (2, None)


def test_no_labels_are_no_error_but_no_rows_are(stream, window, capsys):
    rows = world(20, seed=6, **LATER).drop(columns="y")
    assert watch(window(rows), stream, capsys)[1]["seen"] == 20
    code, told = watch(window(rows[:0]), stream, capsys)
    assert (code, told) == (2, None)


def test_people_read_the_same(stream, window, capsys):
    name = window(moved(world(60, seed=7, **LATER), 6.0))
    assert main(["watch", "small", "--input", name, "--home", str(stream)]) == 0
    said = capsys.readouterr().out
    assert "alarms" in said
    assert "one per 300 rows" in " ".join(said.split())


class Links(HTMLParser):
    """Collects what a page would fetch or run, and checks that its tags close."""

    def __init__(self):
        super().__init__()
        self.open, self.addresses, self.scripts = [], [], 0

    def handle_starttag(self, tag, attrs):
        self.scripts += tag == "script"
        self.addresses += [value for key, value in attrs if key in {"src", "href"}]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def read_page(text):
    page = Links()
    page.feed(text)
    assert page.open == []
    assert page.scripts == 0
    assert page.addresses == ["data:,"]
    return page


def test_the_trace_is_one_page_that_asks_for_nothing(stream, window, capsys):
    rows = world(200, seed=8, **LATER)
    rows.loc[100:, "a"] += 4.0
    _, told = watch(window(rows), stream, capsys)
    text = Path(told["trace"]).read_text()
    read_page(text)
    assert "mmd, window of 10" in text
    assert "mmd, window of 20" in text
    assert text.count('class="alarm"') > 2
    assert f"{told['alarms'][0]['statistic']:.4g}" in text
    assert "NaN" not in text


def test_what_comes_from_outside_is_escaped():
    line = TraceLine("<b>", [1.0], [2.0], [1.0], [1])
    page = render_trace(TraceReport("<i>", "<u>", [line], ("<s>",), [("<em>",)]))
    read_page(page)
    assert not re.search(r"<(b|i|u|s|em)>", page.split("</style>")[1].replace("<i class", ""))


NUMBERS = st.floats(allow_nan=True, allow_infinity=True)
PIECE = st.tuples(NUMBERS, NUMBERS, st.integers(0, 3))


@given(st.lists(PIECE, max_size=20))
def test_any_trace_can_be_drawn(pieces):
    pieces = [(s, t, a) for s, t, a in pieces if not (abs(s) > 1e300 or abs(t) > 1e300)]
    places = [1.0 + 4 * i for i in range(len(pieces))]
    columns = list(zip(*pieces, strict=True)) or [(), (), ()]
    drawn = trace_plot(TraceLine("x", places, *columns), width=400, height=200)
    assert "nan" not in drawn.replace("name", "")
    assert "inf" not in drawn


def test_training_without_the_section_fits_nothing(shop):
    bundle = open_workplace(shop / "home").models.load("small", 1)
    assert bundle.online is None
    assert json.loads(json.dumps(bundle.config))["check"]["online"] is None


def test_neutralised_features_are_no_longer_watched(stream):
    bundle = open_workplace(stream).models.load("small", 1)
    config = ModelConfig.model_validate(bundle.config)
    without = completed(bundle.neutralise(("a",)), config)
    labels = [label for label, _ in without.online.encoder.labels()]
    assert not any(label.startswith("a") for label in labels)
    rows, _ = without.online.rows(without.schema, bundle.reference, np.zeros(len(bundle.reference)))
    assert rows.shape == (len(bundle.reference), len(labels))
