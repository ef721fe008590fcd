import numpy as np
import pytest

from factory.gate import Bar
from factory.looks import due, look, spent
from factory.metrics import metric_named
from factory.nouns import Schema
from factory.paired import Paired
from factory.policy import GateConfig

METRIC = metric_named("mean_absolute_error", Schema((), "y", "regression"))
STREAMS, ROWS = 120, 1_000


def tried(seed, *, worse, bar):
    """Look whenever a look is due at a stream of labels, until it is decided or they end."""
    rng = np.random.default_rng(seed)
    y = np.zeros(ROWS)
    shared = rng.normal(size=ROWS)
    champion, challenger = (shared + rng.normal(size=ROWS) for _ in range(2))
    challenger *= 1 + worse
    before = number = 0
    for rows in range(50, ROWS + 1, 10):
        if not due(rows, before, 50):
            continue
        before, number = rows, number + 1
        found = look(Paired.of(METRIC, y[:rows], champion[:rows], challenger[:rows]), bar, number)
        if found.finding != "open":
            return found
    return found


def test_a_challenger_that_is_no_better_passes_no_more_often_than_the_level_says():
    found = [tried(seed, worse=0.0, bar=Bar(level=0.1)) for seed in range(STREAMS)]
    passed = sum(one.finding == "better" for one in found)
    assert passed <= 0.1 * STREAMS
    assert max(one.number for one in found) <= 10


def test_one_that_gains_what_is_asked_is_stopped_no_more_often_than_the_level_says():
    bar = Bar(level=0.1, gain=0.1)
    found = [tried(1_000 + seed, worse=-0.12, bar=bar) for seed in range(STREAMS // 3)]
    assert sum(one.finding == "hopeless" for one in found) <= 0.1 * STREAMS // 3


@pytest.mark.parametrize(("worse", "finding"), [(1.0, "hopeless"), (-0.5, "better")])
def test_what_is_clear_is_decided_early(worse, finding):
    found = [tried(seed, worse=worse, bar=Bar()) for seed in range(20)]
    assert {one.finding for one in found} == {finding}
    assert max(one.rows for one in found) <= 200


def test_where_no_gain_is_asked_a_twin_passes_and_a_loss_beyond_the_margin_stops():
    bar = Bar(asks="non_inferiority", config=GateConfig(margin=0.1))
    assert tried(0, worse=0.0, bar=bar).finding == "better"
    assert tried(0, worse=0.5, bar=bar).finding == "hopeless"


def test_all_looks_together_spend_the_level():
    assert sum(spent(number, 0.05) for number in range(1, 100_000)) == pytest.approx(0.05, rel=1e-4)
