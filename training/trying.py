"""What a config's search tries, and how: its objective and its plan."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import inf
from typing import Any

import pandas as pd

from factory.config import ModelConfig
from factory.metrics import Metric
from factory.nouns import Floats, Schema
from training.family import family_named
from training.fit import sampled
from training.objective import Clock, Objective, TrialRecord
from training.plan import Plan, Study
from training.space import Params, nearest_point, starting_point
from training.split import folds
from training.written import point_of, space_of

SEARCH_ROWS = 20_000
"""A search tries models on at most this many training rows; the winner is fitted on all."""

FEW_ROWS = 5_000
"""With no more, a model is tried on five folds."""


@dataclass(frozen=True)
class Keeping:
    """What a search needs of the process that runs it.

    Attributes:
        study: where its trials are kept; None for in memory alone.
        memory: what the process holds, in megabytes.
    """

    study: Study | None = None
    memory: Clock = float


IN_MEMORY = Keeping()


def objective_of(
    learn: pd.DataFrame,
    schema: Schema,
    config: ModelConfig,
    metric: Metric,
    losses: Mapping[str, str],
    *,
    first: tuple[tuple[str, Params], ...] = (),
    weights: Floats | None = None,
) -> Objective:
    """Return what a search tries on the training rows, at most 20,000 of them.

    It starts from ``first``, then from the config's own points, then from each family's usual one.

    Args:
        learn: labelled rows.
        schema: their columns.
        config: spaces, points, folds and seed.
        metric: what is optimised.
        losses: loss per family searched.
        first: families and hyperparameters to try first; what the spaces lack now is left.
        weights: how much each row counts in a fit, shape (rows,).

    Raises:
        BadConfig: a space or a point that cannot be.
    """
    some = sampled(len(learn), SEARCH_ROWS, config.seed)
    few = learn.iloc[some].reset_index(drop=True)
    told = config.search
    written: Mapping[str, Mapping[str, Any]] = {str(f): space for f, space in told.spaces.items()}
    spaces = {
        name: space_of(
            family_named(name),
            schema.task,
            loss,
            written.get(name, {}),
            config.seed,
        )
        for name, loss in losses.items()
    }
    known = [(name, params) for name, params in first if name in spaces]
    starts = [(name, nearest_point(spaces[name], params)) for name, params in known]
    starts += [point_of(spaces, point) for point in told.points]
    starts += [(name, starting_point(space)) for name, space in spaces.items()]
    return Objective(
        frame=few,
        schema=schema,
        features=config.features,
        losses=losses,
        spaces=spaces,
        starts=tuple(one for i, one in enumerate(starts) if one not in starts[:i]),
        folds=folds(few, schema, told.folds or _usual_folds(few, schema), config.seed),
        metric=metric,
        seed=config.seed,
        weights=None if weights is None else weights[some],
        stages=told.stages,
    )


def _usual_folds(rows: pd.DataFrame, schema: Schema) -> int:
    """Return 5 where a third of the rows is missed.

    What learns slowly but far looks worse than it is where few rows are left to it. In time,
    each fold is predicted from half of the rows or more, however many folds there are.
    """
    return 5 if schema.timestamp is None and len(rows) <= FEW_ROWS else 3


def plan_of(
    config: ModelConfig,
    clock: Clock,
    on_trial: Callable[[TrialRecord], None] | None,
    keeping: Keeping,
) -> Plan:
    """Return how the configured search goes about it.

    Args:
        config: backend, budget and seed.
        clock: seconds.
        on_trial: told of each trial as it ends.
        keeping: where trials are kept, and what memory the process holds.
    """
    told = config.search
    return Plan(
        trials=told.trials,
        seconds=told.seconds,
        seed=config.seed,
        clock=clock,
        backend=told.backend,
        sampler=told.sampler,
        pruner=told.pruner,
        levels=told.levels,
        megabytes=inf if told.memory_mb is None else told.memory_mb,
        memory=keeping.memory,
        on_trial=on_trial or (lambda _: None),
        study=keeping.study,
    )
