"""``offset``: a number's predictions are shifted, since its level moved."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd

from factory.adapt.corrected import moved_line
from factory.adapt.teaches import FEWEST, Positions, left_out, teaches
from factory.bundle import Bundle
from factory.nouns import Floats
from factory.scorers import ROW_LOSSES

Line = tuple[float, float]
"""Intercept and slope."""


def with_offset(bundle: Bundle, learn: pd.DataFrame) -> Bundle | None:
    """Shift predictions by the middle of the residuals on labelled rows.

    The middle is the median where the metric is made of absolute errors, else the mean.
    """
    middle = np.median if of_absolute_errors(bundle.metric) else np.mean

    def line(truth: Floats, said: Floats) -> Line:
        return float(middle(truth - said)), 1.0

    return along_a_line(bundle, learn, line)


def along_a_line(
    bundle: Bundle, learn: pd.DataFrame, line: Callable[[Floats, Floats], Line]
) -> Bundle | None:
    """Correct a regressor by a line, if it helps on rows left out.

    The line says how the target moved: the reference's target is moved along it too, and what
    the fallback models say.

    Args:
        bundle: the champion.
        learn: labelled rows.
        line: from true and predicted values, shape (n,), to the correction.
    """
    schema = bundle.schema
    if schema.task != "regression" or len(learn) < FEWEST:
        return None
    truth = learn[schema.target].to_numpy(np.float64)
    learn = learn.loc[np.isfinite(truth)]
    truth = truth[np.isfinite(truth)]
    if len(learn) < FEWEST:
        return None
    said = bundle.outputs(learn)
    if not np.isfinite(said).all():
        return None
    name = bundle.metric if bundle.metric in ROW_LOSSES else "mean_squared_error"
    if of_absolute_errors(bundle.metric):
        name = "mean_absolute_error"
    loss = ROW_LOSSES[name]

    def lost(fit: Positions, held: Positions) -> Floats:
        intercept, slope = line(truth[fit], said[fit])
        return loss(truth[held], intercept + slope * said[held])

    ordered, seed = schema.timestamp is not None, int(bundle.config.get("seed", 0))
    after = left_out(len(truth), lost, ordered=ordered, seed=seed)
    if not teaches(loss(truth, said), after, ordered=ordered):
        return None
    intercept, slope = line(truth, said)
    before = bundle.reference
    moved = before.assign(**{schema.target: intercept + slope * before[schema.target]})
    return replace(bundle, reference=moved).saying(
        lambda pipeline: moved_line(pipeline, intercept, slope),
        seen=np.union1d(bundle.seen, bundle.hashes(learn)),
        hedges={
            names: moved_line(fallback, intercept, slope)
            for names, fallback in bundle.hedges.items()
        },
    )


def of_absolute_errors(metric: str) -> bool:
    """Tell whether a metric is made of absolute errors, which a median makes least."""
    return "absolute" in metric
