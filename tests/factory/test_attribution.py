"""Where a fall comes from, on worlds in which that is known."""

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pandas as pd
import pytest
from drifting import BINARY, REGRESSION, champion, rows

from factory.diagnosis.attribution import attribute
from factory.diagnosis.relation import residuals
from factory.diagnosis.target import Target, black_box_weights, rows_of_targets_stayed, thinned
from factory.diagnosis.tilted import carried
from factory.nouns import Column, Schema
from factory.reweight import Coder, shares, tilts

SCHEMAS = {"regression": REGRESSION, "binary": BINARY}
CASES = {
    "covariates": {"shift": 1.5},
    "labels": {"share": 0.8},
    "relation": {"concept": 1.2},
}


@lru_cache
def model(task):
    return champion(SCHEMAS[task], np.random.default_rng(7))


def window(task, seed, n=2000, **moved):
    return rows(SCHEMAS[task], np.random.default_rng([seed, 1]), n, **moved)


def attributed(task, frame, *, moved=True, sound=None, bundle=None):
    bundle = bundle or model(task)
    return attribute(
        bundle,
        frame,
        bundle.outputs(frame),
        sound=np.ones(len(frame), dtype=bool) if sound is None else sound,
        target_moved=moved,
        confidence=0.95,
        resamples=200,
        seed=0,
    )


def share(found, source):
    return next(s for s in found.shares if s.source == source)


@pytest.mark.parametrize("task", SCHEMAS)
@pytest.mark.parametrize("source", CASES)
def test_the_cause_is_named_at_2000_rows(task, source):
    for seed in range(3):
        found = attributed(task, window(task, seed, **CASES[source]))
        assert found.named == source
        assert found.needed is None
        assert share(found, source).low > 0.5
        assert sum(s.value for s in found.shares) == pytest.approx(1.0)


@pytest.mark.parametrize("task", SCHEMAS)
def test_shares_of_a_mixture(task):
    """What is known: the losses of the same features under the old relation, and all the rest."""
    found = attributed(task, window(task, 0, shift=1.2, concept=2.0))
    bundle = model(task)
    rng = np.random.default_rng(5)
    losses = [
        np.mean(np.abs(f["y"] - bundle.outputs(f)))
        if task == "regression"
        else np.mean(np.where(f["y"] == "yes", 1, 0) != bundle.outputs(f).argmax(axis=1))
        for f in (rows(SCHEMAS[task], rng, 40_000, **kw)
                  for kw in ({}, {"shift": 1.2}, {"shift": 1.2, "concept": 2.0}))
    ]  # fmt: skip
    true = (losses[1] - losses[0]) / (losses[2] - losses[0])
    told = share(found, "covariates")
    assert true == pytest.approx(told.value, abs=0.15)
    assert 0.05 < true < 0.6


def test_the_label_world_is_not_believed_where_rows_of_equal_targets_moved():
    frame = window("binary", 0, concept=3.0)
    assert attributed("binary", frame).named == "relation"


def test_which_feature_carries_the_loss():
    found = attributed("regression", window("regression", 0, shift=1.5).assign(n1=3.0))
    covariates = share(found, "covariates").value
    assert sum(found.by_feature.values()) == pytest.approx(max(covariates, 0.0))
    assert max(found.by_feature, key=found.by_feature.get) == "a"
    assert found.by_feature["n2"] < 0.1


def test_broken_rows_are_taken_off_first():
    frame = window("regression", 0)
    broken = np.random.default_rng(0).random(len(frame)) < 0.3
    frame.loc[broken, "b"] = 40.0
    found = attributed("regression", frame, sound=~broken)
    assert found.named == "broken"
    assert share(found, "broken").low > 0.8
    whole = attributed("regression", frame, sound=np.zeros(len(frame), dtype=bool))
    assert (whole.named, len(whole.shares)) == ("broken", 1)


def test_nothing_is_named_on_a_whim():
    """Two sources of one size stay open, and so does a fall that is noise."""
    halves = [
        attributed("binary", window("binary", seed, n=150, shift=1.0, concept=1.6))
        for seed in range(6)
    ]
    named = [found.needed for found in halves if found.named is None]
    assert len(named) >= 4
    assert min(named) > 150
    named = [
        attributed("regression", window("regression", seed, n=500), moved=False)
        for seed in range(10)
    ]
    assert sum(one is not None and one.named is not None for one in named) <= 1


def test_rows_in_time_order_widen_intervals():
    bundle = model("regression")
    stamped = replace(
        bundle,
        schema=replace(REGRESSION, timestamp="t"),
        reference=bundle.reference.assign(t=np.arange(len(bundle.reference))),
    )
    rng = np.random.default_rng(3)
    frame = window("regression", 0, n=2000, shift=1.0).assign(t=np.arange(2000))
    frame["y"] += np.repeat(rng.normal(scale=3, size=40), 50)
    plain = share(attributed("regression", frame), "relation")
    blocks = share(attributed("regression", frame, bundle=stamped), "relation")
    assert blocks.high - blocks.low > 1.3 * (plain.high - plain.low)


def test_edges():
    few = window("regression", 0, n=39, shift=1.5)
    assert attributed("regression", few) is None
    frame = window("regression", 0, shift=1.5).assign(n1=np.nan, n2=np.inf, c=None)
    found = attributed("regression", frame)
    assert found.named in {"covariates", None}
    better = window("regression", 0)
    better["y"] = model("regression").outputs(better)
    assert attributed("regression", better) is None


def test_rows_without_like_leave_the_cause_open():
    """Far away from all rows before, nobody can tell a moved relation from moved features."""
    frame = window("regression", 0, shift=1.5, concept=1.0).assign(n1=99.0)
    bundle = replace(model("regression"), importance={"a": 0.1, "b": 1.0, "n1": 0.5})
    found = attributed("regression", frame, bundle=bundle)
    assert found.overlap < 0.05
    assert (found.named, found.needed) == (None, None)


@pytest.mark.parametrize("source", ["covariates", "relation"])
def test_a_counter_that_the_champion_hardly_reads_hides_no_cause(source):
    frame = window("regression", 0, **CASES[source]).assign(n1=99.0)
    assert attributed("regression", frame).named == source


def test_it_repeats_itself():
    frame = window("binary", 0, shift=1.5)
    assert attributed("binary", frame) == attributed("binary", frame)


def test_residuals_against_the_difference_of_paired_means():
    """Without drift the moved relation is the difference of means, whatever features say."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(6000, 3))
    side = rng.permutation(np.repeat([0, 1], 3000))
    losses = X[:, 0] ** 2 + 0.3 * side + rng.normal(size=6000)
    found = residuals(X, side, losses, seed=0)
    plain = losses[side == 1].mean() - losses[side == 0].mean()
    assert float(found.moved()) == pytest.approx(0.3, abs=0.06)
    assert float(found.moved()) == pytest.approx(plain, abs=0.15)


def test_parts_of_features_add_up_to_what_the_weights_do():
    rng = np.random.default_rng(1)
    schema = Schema((Column("a", "number"), Column("c", "category")), "y", "regression")
    before = pd.DataFrame({"a": rng.normal(size=3000), "c": rng.choice(["u", "v"], size=3000)})
    now = before[rng.random(3000) < 1 / (1 + np.exp(-2 * before["a"] - (before["c"] == "u")))]
    losses = before["a"].to_numpy() ** 2 + (before["c"] == "u")
    added = carried(schema, before, now, losses.to_numpy())
    blank = np.empty((3000, 0))
    coder = Coder.fit(schema, before, blank)
    cells = coder.cells(before, blank)
    wanted = shares(coder.cells(now, blank[: len(now)]), coder.width)
    weights = np.exp(tilts(cells, wanted)[cells].sum(axis=1))
    whole = np.average(losses, weights=weights) - losses.mean()
    assert sum(added.values()) == pytest.approx(whole, abs=1e-6)


def test_black_box_weights_recover_a_moved_mix():
    rng = np.random.default_rng(0)
    confusion = np.array([[0.8, 0.1, 0.1], [0.15, 0.7, 0.2], [0.05, 0.2, 0.7]])

    def draw(truth):
        return np.array([rng.choice(3, p=confusion[:, t]) for t in truth])

    truth, moved = rng.choice(3, 6000, p=[0.6, 0.3, 0.1]), rng.choice(3, 6000, p=[0.2, 0.3, 0.5])
    weights = black_box_weights(truth, draw(truth), draw(moved), 3)
    assert weights * [0.6, 0.3, 0.1] == pytest.approx([0.2, 0.3, 0.5], abs=0.05)
    table = np.array([np.bincount(draw(truth)[truth == k], minlength=3) for k in range(3)])
    assert np.linalg.matrix_rank(table) == 3
    assert black_box_weights(truth, rng.choice(3, 6000), draw(moved), 3) is None


def test_rows_of_equal_targets():
    bundle = model("binary")
    reference = bundle.reference
    for moved, stayed in (
        ({"share": 0.6}, True),
        ({"concept": 3.0}, False),
        ({"shift": 1.5}, False),
    ):
        frame = window("binary", 0, **moved)
        target = Target.of(BINARY, reference["y"].to_numpy(), frame["y"].to_numpy())
        like = reference.iloc[thinned(target.weights(), target.before, seed=0)]
        mine, theirs = (np.mean(side["y"] == "yes") for side in (like, frame))
        assert mine == pytest.approx(theirs, abs=0.04)
        assert rows_of_targets_stayed(BINARY, like, frame, 0, labelled=True) is stayed
