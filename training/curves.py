"""What a search leaves to look at: how scores move with rows and with capacity."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

from factory.bundle import pipeline_outputs
from factory.errors import FactoryError
from training.family import family_named
from training.fit import fit_pipeline, sampled
from training.objective import Objective, TrialRecord
from training.search.importance import importances
from training.space import levels

SHARES = (0.1, 0.25, 0.5, 1.0)
LEVELS = 5


@dataclass(frozen=True, slots=True)
class Point:
    """The metric on the rows fitted on and on the rows held out, at one place of a curve."""

    at: float
    train: float
    validation: float


@dataclass(frozen=True)
class Curves:
    """What one looks at after a search.

    Attributes:
        importance: share of the variance of the best family's scores, by hyperparameter.
        learning: by rows fitted on.
        capacity: by the hyperparameter that says how much the model can learn.
        dial: that hyperparameter's name; empty where the family has none.
    """

    importance: Mapping[str, float] = field(default_factory=dict)
    learning: tuple[Point, ...] = ()
    capacity: tuple[Point, ...] = ()
    dial: str = ""


def curves_of(objective: Objective, best: TrialRecord, trials: Sequence[TrialRecord]) -> Curves:
    """Fit the best recipe on parts of the rows, and with less and more capacity.

    The first fold scores. A family that searches within a fit is not fitted again.

    Args:
        objective: of the search.
        best: its best trial.
        trials: all of them.
    """
    family = family_named(best.family)
    space = objective.spaces[best.family]
    weights = importances(trials, best.family, space, objective.seed)
    if family.served is not None:
        return Curves(weights)
    dial = next((name for name in family.capacity if name in best.params), "")
    learning = [_at(objective, best, best.params, share) for share in SHARES]
    values = levels(space[dial], LEVELS) if dial in best.params else ()
    capacity = [
        _at(objective, best, {**best.params, dial: value}, 1.0, value)
        for value in values
        if isinstance(value, int | float)
    ]
    return Curves(
        importance=weights,
        learning=tuple(point for point in learning if point is not None),
        capacity=tuple(point for point in capacity if point is not None),
        dial=dial,
    )


def _at(
    objective: Objective,
    best: TrialRecord,
    params: Mapping[str, Any],
    share: float,
    value: float | None = None,
) -> Point | None:
    """Score one recipe on both sides of the first fold; None where it cannot be fitted."""
    fit, held = objective.folds[0]
    fit = fit[sampled(len(fit), max(1, round(share * len(fit))), objective.seed)]
    loss = objective.losses[best.family]
    recipe = (objective.features, best.family, params, loss, objective.seed)
    weights = None if objective.weights is None else objective.weights[fit]
    try:
        pipeline = fit_pipeline(objective.frame.iloc[fit], objective.schema, *recipe, weights)
        scores = list(_scores(objective, pipeline, (fit, held)))
    except FactoryError:
        raise
    except Exception:  # noqa: BLE001 - as in a trial, a learner may refuse its data in any way
        return None
    if not all(map(isfinite, scores)):
        return None
    return Point(float(len(fit)) if value is None else float(value), *scores)


def _scores(objective: Objective, pipeline: Any, sides: tuple[Any, Any]) -> Iterator[float]:
    for side in sides:
        rows = objective.frame.iloc[side]
        outputs = pipeline_outputs(pipeline, objective.schema, rows)
        yield objective.metric.value(rows[objective.schema.target].to_numpy(), outputs)
