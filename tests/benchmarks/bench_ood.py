"""Every score of strange rows with every way of teaching a network, on images and tables.

One small network is taught per way and set; the autoencoders, which do not look at the network, are
fitted once a set. AUROC stands for each kind of strange rows, the rest is of all kinds together.
"""

import json
import time
from dataclasses import astuple

import numpy as np
import pandas as pd
import pytest
from peers.environment import SCRIPTS, ask
from scipy.special import logsumexp, softmax
from scipy.stats import spearmanr
from sklearn.covariance import EmpiricalCovariance
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from strange_sets import sets

from factory.config import parse_config
from factory.neural import NetworkClassifier
from factory.nouns import Column, Schema
from factory.ood import CODERS, METHODS, PLAIN, SCORES
from factory.ood.config import OodConfig
from factory.ood.measures import separation
from factory.ood.readings import encoded, read
from factory.ood.scores import (
    class_means,
    energy_score,
    knn_score,
    mahalanobis_score,
    softmax_score,
    whiten,
)
from factory.ood.watch import Ood
from training.train import train

LAYERS = [
    {"class_name": "Dense", "config": {"units": units, "activation": "relu"}} for units in (64, 32)
]
OPTIMISER = {"class_name": "Adam", "config": {"learning_rate": 0.003}}
EPOCHS = 15
OWN = tuple(name for name in CODERS if ":" not in name)
SCALERS = {"minmax": MinMaxScaler, "standard": StandardScaler}


def taught(found, method):
    network = NetworkClassifier(
        json.dumps(LAYERS),
        optimiser=json.dumps(OPTIMISER),
        loss="sparse_categorical_crossentropy",
        epochs=EPOCHS,
        method=method,
    )
    pipeline = Pipeline([("scale", SCALERS[found.scale]()), ("model", network)])
    return pipeline.fit(found.learnt[list(found.schema.names)], found.learnt["y"])


def measured(pipeline, found, score):
    """Return AUROC by kind and the whole separation of one score."""
    config = OodConfig(score=score, epochs=EPOCHS)
    ood = Ood.fit(config, pipeline, found.schema, learnt=found.learnt, held=found.held, seed=0)
    names = list(found.schema.names)
    known = ood.scores(pipeline, found.fresh[names])
    right = (pipeline.predict(found.fresh[names]) == found.fresh["y"]).mean()
    strange = {kind: ood.scores(pipeline, rows) for kind, rows in found.kinds.items()}
    kinds = {kind: separation(known, scores).auroc for kind, scores in strange.items()}
    # Each kind counts alike, however many rows it has.
    alike = np.concatenate([np.resize(scores, 500) for scores in strange.values()])
    return kinds, separation(known, alike, accuracy=float(right)), ood


@pytest.fixture(scope="module")
def table():
    rows = []
    for name, found in sets().items():
        plain = None
        for method in METHODS:
            pipeline = taught(found, method)
            plain = plain or pipeline
            names = (*SCORES, "auto")
            rows += [(name, method, one, *measured(pipeline, found, one)) for one in names]
        rows += [(name, "-", one, *measured(plain, found, one)) for one in OWN]
    return rows


KINDS = ("left out", "noise", "shuffled", "other set")


def test_every_score_with_every_way_of_teaching(table, tell):
    head = f"{'set':14}{'taught':10}{'score':14}{'accuracy':>9}{'AUROC':>7}{'in':>7}{'out':>7}"
    lines = [head + f"{'FPR95':>7}  " + "".join(f"{kind:>11}" for kind in KINDS)]
    for name, method, score, kinds, told, ood in table:
        accuracy, auroc, inside, outside, false = astuple(told)
        chosen = f"auto={ood.score[:9]}" if score == "auto" else score
        line = f"{name:14}{method:10}{chosen:14}{accuracy:9.3f}{auroc:7.3f}"
        line += f"{inside:7.3f}{outside:7.3f}{false:7.3f}  "
        cells = [f"{kinds[kind]:11.3f}" if kind in kinds else f"{'-':>11}" for kind in KINDS]
        lines.append(line + "".join(cells))
    tell(*lines)
    auroc = {(name, way, score): told.auroc for name, way, score, _, told, _ in table}
    accuracy = {(name, way): told.accuracy for name, way, _, _, told, _ in table}
    names = {name for name, *_ in table}
    for name in names:
        for method in METHODS:
            assert accuracy[name, method] > accuracy[name, PLAIN] - 0.05
    for name in names:
        assert auroc[name, "exposure", "softmax"] > auroc[name, PLAIN, "softmax"]
        own = sorted(auroc[name, PLAIN, score] for score in SCORES)
        assert auroc[name, PLAIN, "auto"] >= own[len(own) // 2], "auto is no worse than the median"


def test_how_each_autoencoders_loss_was_chosen(table, tell):
    lines = []
    for name, _, score, _, told, ood in table:
        if score in OWN:
            tried = ", ".join(f"{way} {auroc:.3f}" for way, auroc in ood.separations.items())
            kept = f"{ood.rebuilding.loss} {ood.rebuilding.view}"
            lines.append(f"{name} {score}: kept {kept} (AUROC {told.auroc:.3f}) of {tried}")
    tell(*lines)
    assert len(lines) == 2 * len({name for name, *_ in table})


def test_scores_are_those_of_others_on_the_same_logits_and_features(tell):
    found = sets()["digits"]
    pipeline = taught(found, PLAIN)
    names = list(found.schema.names)
    learnt = read(pipeline, encoded(pipeline, found.learnt[names]))
    fresh = read(pipeline, encoded(pipeline, found.fresh[names]))
    codes = pd.factorize(found.learnt["y"])[0]
    np.testing.assert_allclose(
        energy_score(fresh.logits, 2.0), -2 * logsumexp(fresh.logits / 2, axis=1)
    )
    np.testing.assert_allclose(
        softmax_score(fresh.probabilities), 1 - softmax(fresh.logits, axis=1).max(axis=1)
    )
    means = class_means(learnt.features, codes)
    ours = mahalanobis_score(fresh.features, means, whiten(learnt.features, codes))
    shared = EmpiricalCovariance(assume_centered=True).fit(learnt.features - means[codes])
    theirs = np.min([shared.mahalanobis(fresh.features - mean) for mean in means], axis=0)
    np.testing.assert_allclose(ours, theirs, rtol=1e-3)
    question = {"learnt": learnt.features.tolist(), "fresh": fresh.features.tolist()}
    peer = ask("pyod", SCRIPTS / "ood_pyod.py", {**question, "neighbours": 10})
    np.testing.assert_allclose(
        knn_score(fresh.features, learnt.features, 10), peer["knn"], rtol=1e-6
    )
    alone = np.zeros(len(codes), dtype=np.intp)
    single = mahalanobis_score(
        fresh.features, class_means(learnt.features, alone), whiten(learnt.features, alone)
    )
    rank = spearmanr(single, peer["mcd"]).statistic
    tell(f"pyod: KNN to 1e-6; MCD on all rows, rank correlation with ours {rank:.3f}")
    assert rank > 0.9


def test_what_it_costs_to_train_with_it(tell, seconds):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(3_000, 12)), columns=[f"x{i:02}" for i in range(12)])
    target = np.where(frame["x00"] + frame["x01"] ** 2 > 1, "b", "a").astype(object)
    columns = tuple(Column(name, "number") for name in frame.columns)
    schema = Schema(columns, "y", "binary", classes=("a", "b"))
    frame = frame.assign(y=target)

    def run(ood):
        given = {"name": "m", "data": {"path": "m.csv", "target": "y"}, "ood": ood}
        config = parse_config({**given, "search": {"trials": 8}}, source="bench")
        return train(frame, schema, config, clock=time.perf_counter)

    plain = seconds(lambda: run(None), times=1)
    watched = run({})
    part = seconds(
        lambda: Ood.fit(
            OodConfig(), watched.bundle.measured.pipeline, schema,
            learnt=frame[:2_000], held=watched.bundle.reference, seed=0,
        ),
        times=3,
    )  # fmt: skip
    rows = watched.bundle.reference
    scored = seconds(lambda: watched.bundle.strangeness(rows), times=3) / len(rows)
    predicted = seconds(lambda: watched.bundle.outputs(rows), times=3) / len(rows)
    tell(
        f"a training of 8 trials: {plain:.1f} s of processor; fitting {watched.bundle.ood.score} "
        f"by auto: {part:.2f} s, {part / plain:.1%} of it",
        f"a row: {1e6 * scored:.0f} us to score beside, {1e6 * predicted:.0f} us to predict",
    )
    assert part / plain < 0.05
