"""``recalibrate``: what the champion says is made to agree with the newest labels."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

from factory.adapt.corrected import bent, scaled, told, uncorrected
from factory.adapt.offset import Line, along_a_line
from factory.adapt.scaling import Scaling
from factory.adapt.teaches import FEWEST, Positions, left_out, teaches
from factory.bundle import Bundle
from factory.calibrate import Calibrator
from factory.nouns import Floats, Outputs
from factory.scorers import ROW_LOSSES

PER_BIAS, PER_CURVE = 20, 200
"""Labelled rows per class from which biases, and curves, are worth trying."""
PRIOR = 0.5
"""Rows of unknown class at either end of a curve."""
BEND, WIDTH = 1.345, 1.4826
"""Huber's bend in standard deviations, and a normal's deviation per median absolute deviation."""
STEPS = 50


def recalibrated(bundle: Bundle, learn: pd.DataFrame) -> Bundle | None:
    """Correct probabilities, or a number's predictions by a line.

    Of temperature, biases and curves those are tried that the labelled rows suffice for, and the
    one is taken that loses least on rows left out; its loss is the log loss.
    """
    if bundle.schema.task == "regression":
        return along_a_line(bundle, learn, huber_line)
    said, codes, at = told(bundle, learn)
    said, learn = said[at], learn.iloc[at]
    if len(learn) < FEWEST:
        return None
    plain = told(uncorrected(bundle), learn)[0]
    schema, classes = bundle.schema, said.shape[1]
    ordered, seed = schema.timestamp is not None, int(bundle.config.get("seed", 0))
    found: dict[str, Floats] = {}
    for how in _affordable(len(learn), classes):

        def lost(fit: Positions, held: Positions, how: str = how) -> Floats:
            given = plain if how == "curves" else said
            return _log_loss(codes[held], _fit(how, given[fit], codes[fit], given[held]))

        found[how] = left_out(len(codes), lost, ordered=ordered, seed=seed)
    best = min(found, key=lambda how: float(found[how].mean()))
    if not teaches(_log_loss(codes, said), found[best], ordered=ordered):
        return None
    change = _correction(best, plain if best == "curves" else said, codes)
    seen = np.union1d(bundle.seen, bundle.hashes(learn))
    return replace(bundle, seen=seen).saying(change)


def huber_line(truth: Floats, said: Floats) -> Line:
    """Return the line from predictions to true values that few odd rows do not bend.

    Args:
        truth: shape (n,).
        said: shape (n,).

    Returns:
        Intercept and slope; the slope is 1 where predictions do not vary, and never below 0.

    Source:
        Huber, Robust Estimation of a Location Parameter (1964), by reweighted least squares.

    >>> said = np.arange(50.0)
    >>> truth = np.where(said == 7, 900, 3 + 2 * said)
    >>> [round(each, 3) for each in huber_line(truth, said)]
    [3.0, 2.0]
    """
    weights = np.ones(len(truth))
    intercept, slope = float(np.median(truth - said)), 1.0
    for _ in range(STEPS):
        centre, middle = np.average(said, weights=weights), np.average(truth, weights=weights)
        spread = float(np.average((said - centre) ** 2, weights=weights))
        if spread <= 1e-12 * (1 + centre**2):
            return intercept, 1.0
        together = float(np.average((said - centre) * (truth - middle), weights=weights))
        before, slope = (intercept, slope), max(together / spread, 0.0)
        intercept = float(middle - slope * centre)
        off = np.abs(truth - intercept - slope * said)
        limit = BEND * WIDTH * float(np.median(off))
        weights = np.minimum(1.0, limit / np.maximum(off, max(limit, 1e-300)))
        if limit == 0 or np.allclose(before, (intercept, slope), rtol=1e-9, atol=0):
            break
    return intercept, slope


def _affordable(rows: int, classes: int) -> list[str]:
    able = ["temperature"]
    if rows >= PER_BIAS * classes:
        able.append("biases")
    if rows >= PER_CURVE * classes:
        able.append("curves")
    return able


def _fit(how: str, said: Outputs, codes: NDArray[np.intp], asked: Outputs) -> Floats:
    if how == "curves":
        return _curves(said, codes).probabilities(asked)
    return Scaling.fit(said, codes, biased=how == "biases").probabilities(asked)


def _curves(said: Outputs, codes: NDArray[np.intp]) -> Calibrator:
    return Calibrator.refits(said, codes, [np.ones(len(codes))], PRIOR)[0]


def _correction(how: str, said: Outputs, codes: NDArray[np.intp]) -> Callable[[Pipeline], Pipeline]:
    if how == "curves":
        curves = _curves(said, codes)
        return lambda pipeline: bent(pipeline, curves, said.shape[1])
    scaling = Scaling.fit(said, codes, biased=how == "biases")
    return lambda pipeline: scaled(pipeline, scaling)


def _log_loss(codes: NDArray[np.intp], said: Outputs) -> Floats:
    return ROW_LOSSES["log_loss"](codes, said)
