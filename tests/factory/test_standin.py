import numpy as np
import pandas as pd
import pytest
from test_gate import bundle, rows

from factory.nouns import DataVersion, Problem, Schema, Window
from factory.quality.labels import inspect_labels
from factory.standin import stand_in


def test_rows_come_as_often_as_their_like_does_in_the_window():
    champion = bundle(rows(2000))
    window = rows(500, seed=1).query("a > 0.5")
    drawn = stand_in(champion, window, (), {}, seed=0)
    assert len(drawn) < 1500
    assert drawn["a"].mean() > 0.6
    assert set(map(tuple, drawn[["a", "y"]].to_numpy())) <= set(
        map(tuple, champion.reference[["a", "y"]].to_numpy())
    )


def test_a_change_of_unit_converts_the_rows_own_values():
    champion = bundle(rows(500))
    window = rows(300, seed=1).assign(a=lambda f: f["a"] * 1.8 + 32)
    problem = Problem("a", "unit", 1.0, unit=(1.8, 32.0))
    drawn = stand_in(champion, window, (problem,), {"a": np.ones(300, dtype=bool)}, seed=0)
    back = ((drawn["a"] - 32) / 1.8).round(9)
    assert set(back) <= set(champion.reference["a"].round(9))


@pytest.mark.parametrize("share", [0.2, 1.0])
def test_damage_comes_in_the_windows_share_and_with_its_values(share):
    champion = bundle(rows(1000))
    window = rows(400, seed=1)
    hit = np.arange(400) < share * 400
    window.loc[hit, "a"] = 9999.0
    drawn = stand_in(champion, window, (Problem("a", "out_of_range", share),), {"a": hit}, seed=0)
    assert np.mean(drawn["a"] == 9999.0) == pytest.approx(share, abs=0.06)
    assert set(drawn["y"]) <= set(champion.reference["y"])


CLASSES = Schema((), "y", "binary", classes=("no", "yes"))
NUMBERS = Schema((), "y", "regression")


def window_of(values):
    return Window(pd.DataFrame({"y": values}), DataVersion("0", len(values)))


def test_labels_that_stand_still_are_broken_and_those_that_are_missing_are_not():
    rng = np.random.default_rng(0)
    known = pd.DataFrame({"y": rng.choice(["no", "yes"], size=500).astype(object)})
    values = np.full(200, "no", dtype=object)
    values[150:] = None
    problems, broken = inspect_labels(known, window_of(values), CLASSES)
    assert [(p.feature, p.problem, p.of_labels) for p in problems] == [("y", "constant", True)]
    assert broken.sum() == 150
    none = np.full(200, None, dtype=object)
    assert inspect_labels(known, window_of(none), CLASSES)[0] == ()


def test_labels_in_another_unit_are_broken_and_those_that_grew_are_not():
    rng = np.random.default_rng(0)
    known = pd.DataFrame({"y": rng.gamma(3.0, 10.0, size=800).round(1)})
    again = rng.gamma(3.0, 10.0, size=400).round(1)
    problems, broken = inspect_labels(known, window_of(1000 * again), NUMBERS)
    assert problems[0].problem == "unit"
    assert broken.all()
    for usual in (again, again * rng.uniform(1.0, 1.3, size=400)):
        problems, broken = inspect_labels(known, window_of(usual), NUMBERS)
        assert not broken.any()
        assert problems == ()
