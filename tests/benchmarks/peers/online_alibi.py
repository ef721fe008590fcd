"""alibi-detect's online detectors on wine, in its own environment: statistics, thresholds, time.

The splits that its MMD and LSDD draw are handed in, so that ours can be given the same.
"""

import time

import keras
import numpy as np
import tensorflow as tf
from alibi_detect.cd import CVMDriftOnline, FETDriftOnline
from alibi_detect.cd.tensorflow.lsdd_online import LSDDDriftOnlineTF
from alibi_detect.cd.tensorflow.mmd_online import MMDDriftOnlineTF
from script import answer


def compute(asked):
    # Its default of 32 bits would compare our digits with its rounding.
    keras.backend.set_floatx("float64")
    reference, rest = np.array(asked["reference"]), np.array(asked["rest"])
    told = {"ert": asked["ert"], "n_bootstraps": asked["bootstraps"], "verbose": False}
    found = {}
    for name, kind in (("mmd", MMDDriftOnlineTF), ("lsdd", LSDDDriftOnlineTF)):
        shuffles = iter([np.array(each) for each in asked[name]])
        tf.random.shuffle = lambda _, shuffles=shuffles: tf.constant(next(shuffles))
        started = time.process_time()
        detector = kind(reference, window_size=asked["window"], **told)
        fitted = time.process_time() - started
        started = time.process_time()
        statistics = [float(detector.predict(row)["data"]["test_stat"]) for row in rest]
        found[name] = {
            "fit": fitted,
            "row": (time.process_time() - started) / len(rest),
            "thresholds": [float(value) for value in detector.thresholds],
            "statistics": statistics,
        }
    windows = asked["windows"]
    for name, kind, (known, rows) in (
        ("cvm", CVMDriftOnline, (reference, rest)),
        ("fet", FETDriftOnline, (reference > 0, rest > 0)),
    ):
        np.random.seed(0)  # noqa: NPY002 - its only door
        started = time.process_time()
        detector = kind(known, window_sizes=windows, **told)
        fitted = time.process_time() - started
        started = time.process_time()
        scores = [detector.predict(row)["data"]["test_stat"] for row in rows]
        found[name] = {
            "fit": fitted,
            "row": (time.process_time() - started) / len(rest),
            "statistics": np.nan_to_num(scores, nan=-1.0).tolist(),
            "thresholds": np.nan_to_num(detector.thresholds, nan=-1.0).tolist(),
        }
    return found


answer(compute)
