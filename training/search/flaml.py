"""Search with FLAML's cost-frugal optimisation: from cheap models to where dearer ones pay.

This is the slot for AutoML libraries: one that proposes configurations joins as this file does, by
asking it and telling it (``training.plan.Told``) and a line in each table of ``training.search``;
one that brings learners of its own joins as a family, a file and a line in ``training.families``.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flaml import CFO, BlendSearch, tune

from training.objective import Objective, Proposal, TrialRecord
from training.plan import Plan, Told
from training.search.check import sampler_of
from training.space import Choice, Dimension, Float, Int, Value, matters

SAMPLERS = {"cfo": CFO, "blendsearch": BlendSearch}
LOSS = "loss"
MOST_SKIPPED = 50
"""Suggestions in a row that repeat what was tried, after which nothing is left."""


def searcher(objective: Objective, plan: Plan) -> "Frugal":
    """Make what ``training.plan.Searcher`` says.

    Source:
        Wu, Wang and Huang, Frugal Optimization for Cost-related Hyperparameters (2021).
    """
    return Frugal(objective, plan)


class Frugal(Told):
    """FLAML's searcher, asked and told one by one; what does not matter is left out."""

    def __init__(self, objective: Objective, plan: Plan) -> None:
        super().__init__()
        self._spaces = objective.spaces
        self._sign = -1.0 if objective.metric.greater_is_better else 1.0
        self._suggested: dict[str, Any] = {}
        space: dict[str, Any] = {"family": tune.choice(list(self._spaces))}
        usual: dict[str, Value] = {}
        for family, dimensions in self._spaces.items():
            for name, dimension in dimensions.items():
                space[f"{family}.{name}"] = _domain(dimension)
                usual[f"{family}.{name}"] = _told(dimension, dimension.start)
        points = [
            {
                **usual,
                "family": family,
                **{f"{family}.{n}": _told(self._spaces[family][n], v) for n, v in params.items()},
            }
            for family, params in objective.starts
        ]
        with _silent():
            self._searcher = SAMPLERS[sampler_of(plan)](
                metric=LOSS, mode="min", space=space, points_to_evaluate=points, seed=plan.seed
            )
            self._searcher.set_search_properties(setting={})

    def ask(self) -> Proposal | None:
        """Return what FLAML suggests; None where it has nothing new."""
        number = len(self.records)
        with _silent():
            suggested = (self._searcher.suggest(str(number)) for _ in range(MOST_SKIPPED))
            config = next((one for one in suggested if one is not None), None)
        if config is None:
            return None
        # FLAML wants to be told again what it suggested.
        self._suggested = {f"config/{key}": value for key, value in config.items()}
        family = str(config["family"])
        params: dict[str, Value] = {}
        for name, dimension in self._spaces[family].items():
            if matters(dimension, params):
                params[name] = _plain(dimension, config[f"{family}.{name}"])
        return Proposal(number, family, params)

    def tell(self, record: TrialRecord) -> None:
        """Take in how the trial asked for last went."""
        super().tell(record)
        with _silent():
            if record.state != "complete" or record.score is None:
                self._searcher.on_trial_complete(str(record.number), error=True)
                return
            result = {LOSS: self._sign * record.score, **self._suggested}
            self._searcher.on_trial_complete(str(record.number), result)


def _domain(dimension: Dimension) -> Any:
    match dimension:
        case Choice(options=options):
            return tune.choice([str(place) for place in range(len(options))])
        case Int(low=low, high=high, log=log):
            return (tune.lograndint if log else tune.randint)(low, high + 1)
        case Float(low=least, high=most, log=log):
            return (tune.loguniform if log else tune.uniform)(least, most)


def _told(dimension: Dimension, value: Any) -> Value:
    """Return a value as FLAML is to have it: choices by place, as text, which has no order."""
    if not isinstance(dimension, Choice):
        number: Value = value
        return number
    options = enumerate(dimension.options)
    return str(next(i for i, one in options if one == value and type(one) is type(value)))


def _plain(dimension: Dimension, value: Any) -> Value:
    match dimension:
        case Int(low=low, high=high):
            return int(min(high, max(low, round(value))))
        case Float(low=least, high=most):
            return float(min(most, max(least, value)))
        case Choice(options=options):
            return options[int(value)]


@contextmanager
def _silent() -> Iterator[None]:
    # FLAML and its Optuna announce what they do; the level is the process's, so it is put back.
    loggers = [logging.getLogger(name) for name in ("flaml", "optuna")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
