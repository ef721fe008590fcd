"""Which hyperparameters a search's scores depend on."""

import warnings
from collections.abc import Sequence

import numpy as np
import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from training.objective import TrialRecord
from training.search.optuna import quiet
from training.space import Choice, Dimension, Float, Int, Space

FEWEST = 8
"""Complete trials of a family below which nothing is said."""


def importances(
    records: Sequence[TrialRecord], family: str, space: Space, seed: int
) -> dict[str, float]:
    """Return the share of the scores' variance that each hyperparameter explains, largest first.

    Those that did not vary, or that some trials lack, are left out; empty for few trials.

    Args:
        records: of a search by any backend.
        family: whose trials count.
        space: of the family.
        seed: of the forest that is fitted on them.

    Source:
        Hutter, Hoos and Leyton-Brown, An Efficient Approach for Assessing Hyperparameter
        Importance (2014).
    """
    told = [r for r in records if r.family == family and r.state == "complete"]
    told = [r for r in told if r.score is not None and np.isfinite(r.score)]
    names = [
        name
        for name in space
        if all(name in r.params for r in told) and len({str(r.params[name]) for r in told}) > 1
    ]
    if len(told) < FEWEST or not names or len({r.score for r in told}) == 1:
        return {}
    distributions = {name: _distribution(space[name]) for name in names}
    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=seed)
    with quiet(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
        for record in told:
            params = {name: record.params[name] for name in names}
            study.add_trial(
                optuna.create_trial(params=params, distributions=distributions, value=record.score)
            )
        found = optuna.importance.get_param_importances(study, evaluator=evaluator)
    return {str(name): float(value) for name, value in found.items()}


def _distribution(dimension: Dimension) -> BaseDistribution:
    match dimension:
        case Choice(options=options):
            return CategoricalDistribution(list(options))
        case Int(low=low, high=high, log=log):
            return IntDistribution(low, high, log=log)
        case Float(low=least, high=most, log=log):
            return FloatDistribution(least, most, log=log)
