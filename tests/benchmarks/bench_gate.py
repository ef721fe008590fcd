"""How often the gate lets a challenger through that is no better, and how often one that is.

Null challengers are drawn so that the true gain is exactly 0, or exactly at the margin of what
counts as no worse: the errors of both models follow one law, and share a part. The rows are
independent, in time order with neighbours that resemble each other, or in days of 20 rows with a
mood of their own; heavy-tailed, and skewed, where a model mostly does better and rarely much
worse. Beside it stands the percentile bootstrap of the gain. Then the whole gate is asked about
1,000 refits of a champion's recipe on real data, and about models that are worse in one segment
or have forgotten what the newest rows lack. ``FACTORY_BENCH_NULLS`` sets how many challengers
there are of a kind.
"""

import os
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.signal import lfilter
from scipy.special import ndtr
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from factory.bootstrap import ends
from factory.bundle import Bundle, row_hashes
from factory.gate import Bar, gate
from factory.labels import labels_needed
from factory.metrics import Metric, metric_draws
from factory.nouns import Column, Schema
from factory.paired import Paired

NULLS = int(os.environ.get("FACTORY_BENCH_NULLS", "1000"))
RANKED = NULLS // 4
"""Challengers of a kind for the area under the curve, which takes longer."""
LEVEL, MARGIN, GAIN = 0.05, 0.05, 0.05
SIZES = (100, 300, 1_000, 5_000)
CLASSES = ("no", "yes")
DAY = 20
SHARED = 1.5
PILOTS = 60
KINDS = ("independent", "in order", "in days", "heavy tails", "skewed")
MAE = Metric("mean_absolute_error", greater_is_better=False, task="regression", classes=())
ACCURACY = Metric("accuracy", greater_is_better=True, task="binary", classes=CLASSES)
METRICS = {
    "mae": MAE,
    "rmse": replace(MAE, name="root_mean_squared_error"),
    "accuracy": ACCURACY,
    "log_loss": replace(ACCURACY, name="log_loss", greater_is_better=False),
    "auc": replace(ACCURACY, name="roc_auc"),
}
KNOWN_FROM = {"in days": 1_000, "skewed": 5_000}
"""Rows from which on there are enough days, or rare rows, for a test to know of them."""


def noise(rng, rows, kind):
    """Three columns of one law and variance: what models share, and what each has of its own."""
    if kind == "in order":
        return lfilter([0.6], [1, -0.8], rng.normal(size=(rows + 50, 3)), axis=0)[50:]
    if kind == "in days":
        days = np.repeat(rng.normal(size=(-(-rows // DAY), 3)), DAY, axis=0)[:rows]
        return (days + rng.normal(size=(rows, 3))) / np.sqrt(2)
    if kind == "heavy tails":
        return rng.standard_t(4, size=(rows, 3)) / np.sqrt(2)
    return rng.normal(size=(rows, 3))


def pair_of(name, rng, rows, kind, gain=0.0):
    """Truth and outputs of two models whose true gain is as given, exactly; auc's is less.

    Their errors correlate by 0.7, as those of two models on the same rows do.
    """
    shared, own, other = noise(rng, rows, kind).T
    if name in {"mae", "rmse"}:
        power = 1 if name == "mae" else 2
        errors = own + SHARED * shared, other + SHARED * shared
        if kind == "skewed":
            errors = errors[0], _rarely_far_off(rng, errors[1], power)
        return np.zeros(rows), errors[0], (1 - gain) * errors[1]
    if name == "accuracy":
        likely = 0.8, 0.8 * (1 + gain)
        ranks = [_rank(own + SHARED * shared), _rank(other + SHARED * shared)]
        right = [rank < p for rank, p in zip(ranks, likely, strict=True)]
        return _said(np.ones(rows, dtype=bool), *(np.where(r, 0.9, 0.1) for r in right))
    if name == "log_loss":
        losses = [0.1 + np.log1p(np.exp(e + SHARED * shared)) for e in (own, other)]
        return _said(np.ones(rows, dtype=bool), np.exp(-losses[0]), np.exp(-(1 - gain) * losses[1]))
    yes = rng.random(rows) < 0.3
    scores = [2 * yes + e + SHARED * shared for e in (own, other)]
    scores[1] += 5 * gain * yes
    return _said(yes, *(1 / (1 + np.exp(-s)) for s in scores))


def _rarely_far_off(rng, errors, power):
    """Four times as wrong in one row of 50, less in the others, and alike on average."""
    far = rng.random(len(errors)) < 0.02
    rest = ((1 - 0.02 * 4**power) / 0.98) ** (1 / power)
    return np.where(far, 4.0, rest) * errors


def _rank(values):
    """The chance that an error of both parts' law is less, so that a share of them is exact."""
    return ndtr(values / np.sqrt(1 + SHARED**2))


def _said(yes, first, second):
    y = np.where(yes, "yes", "no").astype(object)
    return y, *(np.stack([1 - p, p], axis=1) for p in (first, second))


def metric_of(name, kind):
    return replace(METRICS[name], ordered=kind in {"in order", "in days"})


def kinds_of(name):
    return [k for k in KINDS if name in {"mae", "rmse"} or k in {"independent", "in order"}]


def rate(name, kind, rows, *, gain=0.0, border=0.0):
    """Share in percent that is found better than the border, and of how many."""
    runs = RANKED if name == "auc" else NULLS if rows < SIZES[-1] else NULLS // 2
    metric = metric_of(name, kind)
    found = 0
    for run in range(runs):
        rng = np.random.default_rng([run, rows, KINDS.index(kind), [*METRICS].index(name)])
        found += Paired.of(metric, *pair_of(name, rng, rows, kind, gain)).p_value(border) <= LEVEL
    return 100 * found / runs, runs


def most(runs):
    """What a rate of 5 % stays under but for chance: three standard errors."""
    return 100 * (LEVEL + 3 * np.sqrt(LEVEL * (1 - LEVEL) / runs))


@pytest.mark.parametrize("border", [0.0, -MARGIN])
def test_null_challengers_pass_at_most_at_the_stated_rate(border, tell, show):
    lines, all_found = [], []
    for name in METRICS:
        if border and name == "auc":
            continue  # Its gain cannot be set exactly.
        for kind in kinds_of(name):
            sizes = SIZES[:3] if border else SIZES
            cells = [rate(name, kind, rows, gain=border, border=border) for rows in sizes]
            lines.append(f"{name:9} {kind:12}" + "".join(f"{share:7.1f}" for share, _ in cells))
            all_found += [
                (*cell, name, kind, rows)
                for rows, cell in zip(sizes, cells, strict=True)
                if rows >= KNOWN_FROM.get(kind, 0)
            ]
    shares, runs = np.array([cell[:2] for cell in all_found]).T
    pooled = float((shares * runs).sum() / runs.sum())
    tell(
        f"Null challengers that pass, per 100 at a stated 5; true gain and border {border:+.0%}; "
        f"{NULLS} of each, {RANKED} for auc",
        f"{'':22}" + "".join(f"{rows:7,}" for rows in SIZES),
        *lines,
    )
    show("all cells that are asked", pooled, f"at most {most(runs.sum()):.2f}")
    assert pooled <= most(runs.sum())
    for share, times, *cell in all_found:
        assert share <= most(times), cell


def percentile_bound(metric, y, champion, challenger, *, seed):
    draws = metric_draws(metric, y, (champion, challenger), 400, seed)
    return ends(metric.gains(draws[0], draws[1]), 1 - 2 * LEVEL)[0]


def test_the_percentile_bootstrap_beside_it(tell):
    runs = min(NULLS, 200)
    lines = []
    for name in ("mae", "rmse", "log_loss"):
        for kind in kinds_of(name):
            metric = metric_of(name, kind)
            cells = []
            for rows in (50, 100, 300):
                found = np.zeros(2)
                for run in range(runs):
                    rng = np.random.default_rng([run, rows, 99])
                    drawn = pair_of(name, rng, rows, kind)
                    low = percentile_bound(metric, *drawn, seed=run)
                    found += low > 0, Paired.of(metric, *drawn).p_value() <= LEVEL
                cells.append(100 * found / runs)
            lines.append(f"{name:9} {kind:12}" + "".join(f"{b:8.1f} {o:5.1f}" for b, o in cells))
    tell(
        f"False passes per 100 null challengers, {runs} of each: percentile bootstrap, ours",
        f"{'':22}" + "".join(f"{rows:>14}" for rows in (50, 100, 300)),
        *lines,
    )


def test_the_rows_that_are_needed_show_the_declared_gain(tell):
    lines, powers = [], []
    runs = min(NULLS, 200)
    for name in METRICS:
        for kind in ("independent", "in order"):
            metric = metric_of(name, kind)
            pilots = [
                pair_of(name, np.random.default_rng(n), 4_000, kind, GAIN) for n in range(PILOTS)
            ]
            found = [Paired.of(metric, *pilot) for pilot in pilots]
            gain = GAIN if name != "auc" else float(np.mean([one.gain for one in found]))
            # One pilot of rows in order knows their dependence to within a quarter only.
            needed = int(np.mean([one.rows_needed(gain, LEVEL) for one in found]))
            long = pair_of(name, np.random.default_rng(99), 100_000, kind, GAIN)
            unpaired = labels_needed(metric, *long[:2], tolerance=gain, level=LEVEL)
            power = []
            for rows in (needed, unpaired):
                passed = 0
                for run in range(runs if rows else 0):
                    rng = np.random.default_rng([run, 7])
                    one = Paired.of(metric, *pair_of(name, rng, rows, kind, GAIN))
                    passed += one.p_value() <= LEVEL and one.bound(LEVEL, upper=True) >= gain
                power.append(100 * passed / runs)
            lines.append(f"{name:9} {kind:12} {gain:6.1%} {needed:7,} {power[0]:6.1f} "
                         f"{unpaired or 0:9,} {power[1]:6.1f}")  # fmt: skip
            powers.append(power[0])
            powers += [power[1]] if unpaired and unpaired >= needed else []
    tell(
        f"Challengers of the declared gain that pass, per 100 of {runs}",
        f"{'':23} gain  needed  power  by labels  power",
        *lines,
    )
    # Three standard errors, of one cell and of all.
    assert min(powers) >= 100 * (0.8 - 3 * 0.4 / np.sqrt(runs))
    assert np.mean(powers) >= 100 * (0.8 - 3 * 0.4 / np.sqrt(runs * len(powers)))


DATA = {
    "diabetes": (load_diabetes, LinearRegression(), "mean_absolute_error"),
    "diabetes forest": (load_diabetes, RandomForestRegressor(10), "root_mean_squared_error"),
    "breast cancer": (load_breast_cancer, LogisticRegression(), "log_loss"),
    "wine": (load_wine, DecisionTreeClassifier(), "accuracy"),
    "digits": (load_digits, LogisticRegression(max_iter=100), "accuracy"),
}


def bundled(model, frame, schema, metric, names):
    pipeline = make_pipeline(StandardScaler(), model).fit(frame[list(schema.names)], frame["y"])
    return Bundle(
        schema=schema, pipeline=pipeline, family="", params={}, metric=metric, reference=frame,
        reference_outputs=np.zeros(len(frame)), reference_score=1.0,
        importance=dict.fromkeys(names, 1.0), neutral={}, seen=np.sort(row_hashes(frame, schema)),
    )  # fmt: skip


def refits(name, runs):
    """Passes of refits on a bootstrap of the champion's own rows, through the whole gate."""
    load, recipe, metric = DATA[name]
    found = load(as_frame=True)
    names = [str(n) for n in found.data.columns]
    whole = found.data.astype(np.float64)
    regression = name.startswith("diabetes")
    y = found.target.astype(np.float64) if regression else found.target.astype(str).astype(object)
    whole = whole.assign(y=y, id=np.arange(len(y)).astype(str).astype(object))
    classes = () if regression else tuple(sorted(set(y)))
    task = "regression" if regression else "binary" if len(classes) == 2 else "multiclass"
    schema = Schema(tuple(Column(n, "number") for n in names), "y", task, id="id", classes=classes)
    spread = whole[names].std()
    parts = [str(n) for n in spread.sort_values().index[-3:]]
    passed, certain = 0, 0
    for run in range(runs):
        rng = np.random.default_rng(run)
        order = rng.permutation(len(whole))
        train, held = whole.iloc[order[: len(order) // 2]], whole.iloc[order[len(order) // 2 :]]
        drawn = train.sample(len(train), replace=True, random_state=run)
        models = [clone(recipe), clone(recipe)]
        for number, model in enumerate(models):
            if "random_state" in model.get_params():
                model.set_params(random_state=2 * run + number)
        pair = [bundled(m, f, schema, metric, parts)
                for m, f in zip(models, (train, drawn), strict=True)]  # fmt: skip
        verdict = gate(*pair, held.reset_index(drop=True), Bar(minimum_rows=30))
        passed += verdict.passed
        certain += next((t.figures["p_value"] <= LEVEL for t in verdict.tests
                         if t.name == "improvement"), False)  # fmt: skip
    return passed, certain


def test_refits_of_the_same_recipe_pass_at_most_at_the_stated_rate(tell):
    each = NULLS // len(DATA)
    found = {name: refits(name, each) for name in DATA}
    total = sum(passed for passed, _ in found.values())
    tell(
        f"Refits on a bootstrap of the champion's rows, {each} of each, whole gate",
        f"{'':18} passed  certain of a gain above 0",
        *(f"{name:18} {passed:6} {certain:6}" for name, (passed, certain) in found.items()),
        f"{'all':18} {total:6}",
    )
    assert total <= most(each * len(DATA)) / 100 * each * len(DATA)


class Says:
    """Says what a column holds."""

    def __init__(self, column):
        self.column = column

    def predict(self, X):
        return X[self.column].to_numpy()


SPOKEN = Schema(
    (Column("s", "category"), Column("champion", "number"), Column("challenger", "number")),
    "y", "regression", id="id",
)  # fmt: skip


def spoken(column, reference):
    return Bundle(
        schema=SPOKEN, pipeline=Says(column), family="", params={}, metric=MAE.name,
        reference=reference, reference_outputs=np.zeros(len(reference)), reference_score=1.0,
        importance={"s": 1.0}, neutral={}, seen=np.array([], dtype=np.uint64),
    )  # fmt: skip


def numbers(rng, rows, before, after, share=0.25, first=0):
    """Rows of four segments, the last of which is a share; sizes of errors are one a segment."""
    s = rng.choice(4, size=rows, p=[(1 - share) / 3] * 3 + [share])
    y = rng.normal(scale=5, size=rows)
    sizes = [np.broadcast_to(np.asarray(size, dtype=float), 4)[s] for size in (before, after)]
    said = [y + size * rng.normal(size=rows) for size in sizes]
    names = np.array(list("abcd"), dtype=object)[s]
    ids = np.arange(first, first + rows).astype(str).astype(object)
    return pd.DataFrame({"s": names, "champion": said[0], "challenger": said[1], "y": y, "id": ids})


STORIES = {
    "better everywhere": ((1, 0.8), None, True),
    "worse in d": ((1, (0.7, 0.7, 0.7, 1.4)), None, False),
    "better, old slices too": ((1, 0.8), (1, 0.8), True),
    "better, old d equal": ((1, 0.8), (1, (0.8, 0.8, 0.8, 1)), True),
    "old d forgotten": ((1, 0.8), (1, (0.8, 0.8, 0.8, 1.5)), False),
    "after a concept drift": ((1.5, 0.8), (1, 1.6), True),
}


def test_regressions_in_parts_are_refused_and_nothing_else_is(tell):
    runs = min(NULLS, 100)
    reference = numbers(np.random.default_rng(99), 2_000, 1, 1)
    pair = spoken("champion", reference), spoken("challenger", reference)
    lines = []
    for story, (now, then, right) in STORIES.items():
        passed = 0
        for run in range(runs):
            rng = np.random.default_rng(run)
            rows = numbers(rng, 1_000, *now, share=0.25 if then is None else 0.005)
            older = None if then is None else numbers(rng, 1_000, *then, first=10_000)
            passed += gate(*pair, rows, Bar(), older=older).passed
        lines.append(f"{story:24} {passed / runs:6.0%}  should {'pass' if right else 'not'}")
        if right:
            assert passed >= 0.9 * runs, story
        else:
            assert passed <= 0.1 * runs, story
    tell(f"Challengers that pass on 1,000 rows, of {runs}", *lines)
