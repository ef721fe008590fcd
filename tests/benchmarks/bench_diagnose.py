"""What a diagnosis adds to the check that it explains, on 100,000 rows x 50 columns."""

from time import process_time

import numpy as np
import pandas as pd
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline

from factory.bundle import Bundle
from factory.check import check
from factory.config import CheckConfig
from factory.diagnosis.diagnose import diagnose_window
from factory.diagnosis.tilted import carried
from factory.nouns import Column, DataVersion, Schema, Window

ROWS, NUMBERS, CATEGORIES, REFERENCE = 100_000, 40, 10, 20_000


def table(seed, rows, shift=0.0, slope=2.0):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({f"n{i}": rng.normal(size=rows) for i in range(NUMBERS)})
    names = np.array([f"c{i}" for i in range(20)], dtype=object)
    for i in range(CATEGORIES):
        frame[f"c{i}"] = rng.choice(names, rows)
    frame["n0"] += shift
    noise = rng.normal(size=rows) * np.exp(0.5 * frame["n0"])
    return frame.assign(y=slope * frame["n1"] + frame["n2"] + noise)


class Numbers(Ridge):
    def predict(self, X):
        return super().predict(X[[f"n{i}" for i in range(NUMBERS)]].to_numpy())


def champion():
    kinds = [("number", f"n{i}") for i in range(NUMBERS)]
    kinds += [("category", f"c{i}") for i in range(CATEGORIES)]
    schema = Schema(tuple(Column(name, kind) for kind, name in kinds), "y", "regression")
    learn, held = table(0, 5_000), table(1, REFERENCE)
    model = Numbers().fit(learn[[f"n{i}" for i in range(NUMBERS)]].to_numpy(), learn["y"])
    outputs = model.predict(held)
    return Bundle(
        schema=schema, pipeline=make_pipeline(model), family="", params={},
        metric="mean_absolute_error", reference=held, reference_outputs=outputs,
        reference_score=float(np.mean(np.abs(held["y"] - outputs))),
        importance={name: 0.1 for _, name in kinds}, neutral={},
        seen=np.empty(0, dtype=np.uint64),
    )  # fmt: skip


def test_a_diagnosis_costs_no_more_than_the_check_it_explains(seconds, show, tell):
    bundle, config = champion(), CheckConfig()
    frame = table(2, ROWS, shift=1.0)
    window, everything = Window(frame, DataVersion("0", ROWS)), np.ones(ROWS, dtype=bool)

    def measure():
        return check(bundle, window, config, model="m", version=1, seed=0)

    checked = measure()

    def diagnose():
        return diagnose_window(
            bundle, window, checked, everything, config, better=None, enough=True, seed=0
        )

    found = diagnose()
    assert (found.cause, found.culprits) == ("covariate_drift", ("n0",))
    ours, checks = seconds(diagnose, times=3), seconds(measure, times=3)
    began = process_time()
    some = slice(0, REFERENCE)
    losses = np.abs(bundle.reference["y"] - bundle.reference_outputs).to_numpy()
    carried(bundle.schema, bundle.reference, frame[some], losses)
    features = process_time() - began
    tell(f"check {checks:.2f} s, diagnosis {ours:.2f} s, features' part {features:.2f} s")
    show("diagnosis / check", ours / checks, "at most 1")
    show("features' part of a fall on 20,000 rows x 50 / check", features / checks, "at most 0.5")
    assert ours <= checks
    assert features <= checks / 2
