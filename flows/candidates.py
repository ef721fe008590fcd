"""Makes the model that a remedy would serve, to be rehearsed."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import pandas as pd

from factory.adapt import adapted
from factory.bundle import Bundle
from factory.errors import BadData
from factory.nouns import ROWS, Bools, Floats, Schema
from factory.rehearse import Prepare
from factory.remedies import Adapt, DropFeatures, Remedy, Retrain, RollBack
from flows.case import Case, Examined
from training.again import refit, research
from training.weights import by_covariates, by_recency


def plans_for(remedies: Sequence[Remedy], case: Case, examined: Examined) -> dict[Remedy, Prepare]:
    """Return what makes the model that each remedy would serve."""
    return {remedy: _prepare(remedy, case, examined) for remedy in remedies}


def _prepare(remedy: Remedy, case: Case, examined: Examined) -> Prepare:
    match remedy:
        case RollBack(to_version=version):
            judged = examined.pool.frame.loc[examined.judged]
            return partial(earlier, case, version, judged)
        case Adapt():
            return partial(_adapted, remedy, case, examined)
        case DropFeatures(features=names, how="neutralise"):
            return partial(case.champion.neutralise, names)
        case DropFeatures(features=names, how="hedge"):
            return partial(case.champion.hedge, names)
        case DropFeatures() | Retrain():
            return partial(_retrained, remedy, case, examined)
        case _:
            return lambda: case.champion


def earlier(case: Case, version: int, judged: pd.DataFrame) -> Bundle | None:
    """Return an earlier version, None where it cannot be compared with the champion.

    Args:
        case: the window, and the champion.
        version: that served before.
        judged: rows to compare on; a version that was trained on any of them is not judged.
    """
    bundle = case.memory.load(version)
    readable = set(bundle.schema.names) <= set(case.window.frame.columns)
    if not readable or bundle.schema.classes != case.champion.schema.classes:
        return None
    return bundle if not bundle.schema.identifiable or bundle.unseen(judged).all() else None


def _adapted(remedy: Adapt, case: Case, examined: Examined) -> Bundle | None:
    return adapted(
        case.champion,
        remedy,
        learn=examined.pool.frame.loc[examined.learn].reset_index(drop=True),
        window=case.window.frame,
        problems=examined.checked.evidence.quality,
    )


@dataclass(frozen=True)
class Lesson:
    """What a remedy's model is fitted on.

    Attributes:
        remedy: that it is, where a refit without features counts as one on all rows.
        without: features that it does not read.
        rows: canonical labelled rows.
        weights: how much each counts, shape (rows,); None for alike.
    """

    remedy: Retrain
    without: tuple[str, ...]
    rows: pd.DataFrame
    weights: Floats | None


def lesson(remedy: Remedy, case: Case, examined: Examined) -> Lesson | None:
    """Return what a remedy's model learns from.

    Returns:
        None where it learns from nothing, from too few rows, or from those of another remedy.
    """
    match remedy:
        case Retrain():
            retrain, without = remedy, _still_unusable(case, examined)
        case DropFeatures(features=names, how="refit"):
            retrain, without = Retrain("all"), (*names, *_still_unusable(case, examined))
        case _:
            return None
    schema = case.champion.whole.without(without)
    newest = _newest(retrain, case, examined)
    if newest is None and retrain.rows != "all":
        return None
    rows = examined.rows.sound(schema, newest)
    if rows is None or len(rows) < case.config.policy.minimum_rows:
        return None
    return Lesson(retrain, without, rows, _weights(retrain, case, schema, rows))


def _retrained(remedy: Remedy, case: Case, examined: Examined) -> Bundle | None:
    learnt = lesson(remedy, case, examined)
    if learnt is None:
        return None
    names = case.champion.whole.without(learnt.without).names
    sound = sound_rows(examined, names) & examined.measure
    reference = examined.pool.frame.loc[sound].reset_index(drop=True)
    given = (case.champion, learnt.rows, reference, case.config)
    how: dict[str, Any] = {"without": learnt.without, "weights": learnt.weights}
    try:
        if learnt.remedy.search:
            return research(*given, clock=case.memory.clock, **how)
        return refit(*given, **how)
    except BadData:
        # One class left, or no feature: such rows teach nothing, so the remedy does not apply.
        return None


def _newest(remedy: Retrain, case: Case, examined: Examined) -> int | None:
    match remedy.rows:
        case "all":
            return None
        case "recent":
            earlier_ones = (remedy.windows or 1) - 1
            size = case.window.version.rows
            return min(int(examined.learn.sum()), size) + earlier_ones * size
        case "since_change":
            return examined.since_change


def _weights(remedy: Retrain, case: Case, schema: Schema, rows: pd.DataFrame) -> Floats | None:
    match remedy.weights:
        case "even":
            return None
        case "recency":
            half_life = case.config.policy.half_life * case.window.version.rows
            return by_recency(len(rows), half_life)
        case "covariates":
            return by_covariates(schema, rows, case.window.frame, seed=case.config.seed)


def _still_unusable(case: Case, examined: Examined) -> tuple[str, ...]:
    """Name the features that the champion does without and that have not come back sound."""
    dropped = set(case.champion.whole.names) - set(case.champion.schema.names)
    given_up = sorted(dropped | set(case.champion.neutralised))
    broken, present = examined.checked.broken, case.window.frame.columns
    return tuple(name for name in given_up if name in broken or name not in present)


def sound_rows(examined: Examined, names: tuple[str, ...]) -> Bools:
    """Mark rows to judge a refit on: broken values must not become what is normal.

    Args:
        examined: the window, and which of its rows are judged on.
        names: features of the refit.

    Returns:
        Shape (rows,); those that are broken as well where too few were left without them.
    """
    judged = examined.judged
    sound = judged.copy()
    for name in (*names, ROWS):
        if name in examined.pool.broken:
            sound &= ~examined.pool.broken[name]
    return sound if sound.sum() >= examined.case.config.policy.minimum_rows else judged
