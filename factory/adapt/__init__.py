"""Adapt: correct what goes into the champion, or what comes out of it; its weights stay.

One kind a module. Each is a part of the pipeline, so that a version adapts wherever it is served:
``unit`` a first step that converts inputs back, the others a wrapper of the final estimator.
Corrections of the same end are merged, so that adapting again does not grow the pipeline.

An adaptation says how the world moved: the level rose, classes became rarer, a sensor tells another
unit. The reference is moved the same way, so that later checks compare with what is now normal and
do not alarm for what was made up for.
"""

from collections.abc import Sequence
from typing import assert_never

import pandas as pd

from factory.adapt.offset import with_offset
from factory.adapt.priors import with_priors
from factory.adapt.recalibrate import recalibrated
from factory.adapt.unit import with_units
from factory.bundle import Bundle
from factory.nouns import Problem
from factory.remedies import Adapt

__all__ = ["adapted"]


def adapted(
    bundle: Bundle,
    remedy: Adapt,
    *,
    learn: pd.DataFrame,
    window: pd.DataFrame,
    problems: Sequence[Problem],
) -> Bundle | None:
    """Adapt a champion to a window; the bundle is light (see ``factory.bundle.Bundle``).

    Args:
        bundle: the champion.
        remedy: what is corrected.
        learn: canonical labelled rows that it was not trained on; those that are learnt from
            count as seen afterwards.
        window: all canonical rows of the window; labels in it are not looked at.
        problems: what the quality check found in the window.

    Returns:
        None where the remedy does not apply to this model or window, and where it teaches nothing
        that is certain: its gain on rows left out is within what chance does.

    >>> import numpy as np
    >>> from sklearn.dummy import DummyRegressor
    >>> from sklearn.pipeline import Pipeline
    >>> from factory.nouns import Column, Schema
    >>> schema = Schema((Column("a", "number"),), "y", "regression")
    >>> frame = pd.DataFrame({"a": np.arange(100.0), "y": np.tile([1.0, 3.0], 50)})
    >>> pipeline = Pipeline([("model", DummyRegressor())]).fit(frame[["a"]], frame["y"])
    >>> champion = Bundle(
    ...     schema=schema, pipeline=pipeline, family="", params={}, metric="mean_squared_error",
    ...     reference=frame, reference_outputs=np.full(100, 2.0), reference_score=1.0,
    ...     importance={}, neutral={}, seen=np.array([], dtype=np.uint64),
    ... )
    >>> newer = frame.assign(y=frame["y"] + 5)
    >>> better = adapted(champion, Adapt("offset"), learn=newer, window=newer, problems=())
    >>> better.outputs(newer.head(2)).tolist(), better.reference_score
    ([7.0, 7.0], 1.0)
    """
    match remedy.how:
        case "unit":
            return with_units(bundle, problems, remedy.features)
        case "priors":
            return with_priors(bundle, learn, window)
        case "recalibrate":
            return recalibrated(bundle, learn)
        case "offset":
            return with_offset(bundle, learn)
        case _:
            assert_never(remedy.how)
