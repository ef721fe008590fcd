"""The dashboards that Grafana is given, against the metrics that a service has."""

import json
import re
from pathlib import Path

import pytest

from serving.metrics import Metrics

FOLDER = Path(__file__).parents[2] / "docker" / "grafana" / "dashboards"


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.json")), ids=lambda file: file.stem)
def test_every_panel_asks_for_a_metric_that_is_told(file):
    board = json.loads(file.read_text())
    told = {
        sample.name for family in Metrics(("m",)).registry.collect() for sample in family.samples
    } | {family.name for family in Metrics(("m",)).registry.collect()}
    told |= {f"{name}_total" for name in told}
    asked = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    assert len(asked) >= 5
    for expression in asked:
        names = set(re.findall(r"factory_\w+", expression))
        assert names, expression
        assert names <= told | {"factory_log_waiting_rows"}, expression
    places = [tuple(panel["gridPos"][k] for k in "xy") for panel in board["panels"]]
    assert len(set(places)) == len(places)
