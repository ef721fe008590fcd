"""Whether our policy keeps up with refitting always, at what price, and how long a backtest takes.

Streams of real rows in their own order, digits whose mix of classes turns, and a million made rows
whose relation breaks, drifts and comes back. What is asked: a mean score at least that of
``always`` less 1 %, with at most 30 % of its trainings; and a million rows under six policies in
minutes on two processors. For every stream all policies are told, and for ours window by window
what was chosen. ``FACTORY_BENCH_ROWS`` sets the rows of the made stream.
"""

import os

import numpy as np
import pandas as pd
import pytest
from peers.estimate_sets import table

from factory.config import parse_config
from factory.metrics import metric_named
from factory.nouns import Schema
from flows.backtest.names import named
from flows.backtest.run import Plan, backtest
from flows.demo.stream import flights
from flows.report.history import remedy_words

EVERY = "never,always,periodic:4,psi:0.2,kofn,adwin,factory,oracle"
SIX = "never,always,periodic:4,psi:0.2,kofn,factory"
ROWS = int(os.environ.get("FACTORY_BENCH_ROWS", "1000000"))


def dated(frame):
    """Give rows without a moment one, a minute apart."""
    minutes = pd.to_timedelta(np.arange(len(frame)), unit="min")
    return frame.assign(moment=pd.Timestamp("2024-01-01") + minutes)


def turning_digits():
    """Draw digits whose classes take turns in being frequent, one turn in all."""
    rows = table("digits").frame
    rng = np.random.default_rng(0)
    rows = rows.iloc[rng.permutation(len(rows))].reset_index(drop=True)
    labels = rows["y"].astype(int).to_numpy()
    angle = 2 * np.pi * labels / 10
    order, left = [], np.ones(len(rows), dtype=bool)
    for number in range(len(rows)):
        chance = np.where(left, np.exp(1.5 * np.cos(2 * np.pi * number / len(rows) - angle)), 0)
        order.append(int(rng.choice(len(rows), p=chance / chance.sum())))
        left[order[-1]] = False
    return dated(rows.iloc[order].reset_index(drop=True))


def made(rows, seed=0):
    """Make rows whose relation breaks at 40 %, drifts from 60 to 75 %, and comes back at 90 %."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(rows, 8))
    group = rng.choice(["a", "b", "c"], size=rows)
    first, second, third = rng.normal(size=(3, 8))
    at = np.arange(rows) / rows
    share = np.clip((at - 0.6) / 0.15, 0, 1)[:, None]
    weights = np.where(at[:, None] < 0.4, first, (1 - share) * second + share * third)
    weights = np.where(at[:, None] >= 0.9, first, weights)
    offset = pd.Series(group).map({"a": 0.0, "b": 1.0, "c": -1.0}).to_numpy()
    y = (X * weights).sum(axis=1) + np.sin(2 * X[:, 0]) + offset + rng.normal(size=rows)
    frame = pd.DataFrame(X, columns=[f"x{i}" for i in range(8)])
    return dated(frame.assign(group=group, y=y))


def replayed(frame, folder, policies, *, config=None, **more):
    path = folder / "stream.parquet"
    frame.to_parquet(path)
    values = {
        "name": "stream",
        "data": {"path": str(path), "target": "y", "timestamp": "moment"},
        "search": {"families": ["boosting"], "trials": 4},
        **(config or {}),
    }
    return backtest(Plan(parse_config(values, source="bench"), str(path), named(policies), **more))


def lines_of(told):
    """Tell every policy, and what ours did after each window and why."""
    yield f"{told['metric']}, {told['windows']} windows, {told['seconds']:.0f} s in all"
    for name, one in told["policies"].items():
        lost = "" if one["regret"] is None else f", regret {one['regret']:.5g}"
        costs = f"{one['trainings']} trainings, {one['fits']} fits, {one['seconds']:.1f} s"
        yield f"{name:11} {one['mean']:.5g}: {costs}{lost}"
    ours, always = told["policies"]["factory"], told["policies"]["always"]
    oracle = told["policies"].get("oracle", always)
    for action in ours["actions"]:
        number, decision = action["window"], action["decisions"][-1]
        scores = " ".join(f"{one['by_window'][number]:.4g}" for one in (ours, always, oracle))
        gate = {None: "", True: ", passed", False: ", refused"}[decision["passed"]]
        remedy = remedy_words(decision["remedy"])
        yield f"  {number:2} {scores} {remedy}{gate}: {decision['cause']}"


def compared(told):
    """Return the gain of ours over always, relative, and its share of the trainings."""
    schema = Schema((), "y", "regression" if not told["greater_is_better"] else "multiclass")
    metric = metric_named(told["metric"], schema)
    ours, always = told["policies"]["factory"], told["policies"]["always"]
    return metric.gain(always["mean"], ours["mean"]), ours["trainings"] / always["trainings"]


STREAMS = {
    "flights": lambda: flights().rename(columns={"time": "moment", "air_time": "y"}),
    "wind": lambda: dated(table("weather: wind").frame),
    "employed": lambda: dated(table("census: employed").frame.head(60_000)),
    "digits": turning_digits,
}
SETTINGS = {
    "flights": {"metric": "mean_absolute_error", "data": {"id": "id"}},
    "digits": {"search": {"families": ["linear"], "trials": 2}},
}


@pytest.mark.parametrize("name", STREAMS)
def test_ours_keeps_up_with_refitting_always(name, tmp_path, tell):
    frame, config = STREAMS[name](), dict(SETTINGS.get(name, {}))
    data = {"path": "", "target": "y", "timestamp": "moment", **config.pop("data", {})}
    told = replayed(frame, tmp_path, EVERY, config={**config, "data": data})
    gain, share = compared(told)
    tell(
        f"{name}: {gain:+.1%} against always (asked: -1%) with {share:.0%} of its trainings "
        "(asked: 30%)",
        *lines_of(told),
    )
    assert gain >= -0.01
    assert share <= 0.3


@pytest.mark.parametrize("family", ["linear", "boosting"])
def test_a_million_rows_take_minutes(family, tmp_path, tell):
    config = {"search": {"families": [family], "trials": 2, "loss": "squared_error"}}
    told = replayed(made(ROWS), tmp_path, SIX, config=config, window_rows=ROWS // 25)
    gain, share = compared(told)
    tell(
        f"{ROWS:,} rows, {family}: {told['seconds'] / 60:.1f} minutes (asked: minutes); "
        f"{gain:+.1%} against always with {share:.0%} of its trainings",
        *lines_of(told),
    )
