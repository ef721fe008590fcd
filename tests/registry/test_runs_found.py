"""Runs that are found again by a tag, and points over time."""

import pytest

from registry.client import connect
from registry.home import LOCAL_UI
from registry.runs import Runs


@pytest.fixture
def runs(home):
    return Runs(home)


def test_runs_are_found_by_a_tag_newest_first(runs):
    assert runs.tagged("m", "kind", "check", 9) == []
    made = []
    for number in range(3):
        with runs.run("m", "check", {"kind": "check", "window start": ""}) as run_id:
            runs.log(run_id, metrics={"realised": number})
        made.append(run_id)
    with runs.run("m", "train"):
        pass
    found = runs.tagged("m", "kind", "check", 2)
    assert [one.run_id for one in found] == made[:0:-1]
    assert found[0].metrics == {"realised": 2.0}
    assert found[0].tags["window start"] == ""
    assert runs.tagged("other", "kind", "check", 2) == []


def test_points_over_time_stand_in_the_order_of_their_moments(runs, home):
    with runs.run("m", "performance") as run_id:
        for moment in (2_000_000_000, 1_000_000_000):
            runs.log(run_id, metrics={"realised": moment / 2}, moment=moment)
    points = connect(home).get_metric_history(run_id, "realised")
    assert sorted((p.step, p.timestamp, p.value) for p in points) == [
        (1_000_000_000, 1_000_000_000_000, 5e8),
        (2_000_000_000, 2_000_000_000_000, 1e9),
    ]


def test_a_link_leads_to_a_run_or_to_one_of_its_files(runs):
    run_id = runs.start("m", "check")
    assert runs.link(run_id) == f"{LOCAL_UI}/#/experiments/1/runs/{run_id}"
    assert runs.link(run_id, "a b.html").endswith(f"{run_id}/artifacts/a%20b.html")
