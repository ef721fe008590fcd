"""Search with Hyperopt: random draws, Parzen estimators, adaptive ones, and annealing."""

import logging
import random
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from math import log
from typing import Any

import numpy as np
from hyperopt import JOB_STATE_DONE, STATUS_FAIL, STATUS_OK, Trials, anneal, atpe, hp, rand, tpe
from hyperopt import space_eval as evaluated
from hyperopt.base import Domain

from training.objective import Objective, Proposal, TrialRecord
from training.plan import Plan, Told
from training.search.check import sampler_of
from training.space import Choice, Dimension, Float, Int, Params, Space, matters

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ALGORITHMS = {
    "tpe": tpe.suggest,
    "atpe": atpe.suggest,
    "anneal": anneal.suggest,
    "random": rand.suggest,
}


def searcher(objective: Objective, plan: Plan) -> "Hyperopt":
    """Make what ``training.plan.Searcher`` says.

    The loss is the metric where lower is better, else one minus it.

    Source:
        Bergstra et al., Making a Science of Model Search (2013).
    """
    return Hyperopt(objective, plan)


class Hyperopt(Told):
    """Hyperopt's trials, asked for and told one by one."""

    def __init__(self, objective: Objective, plan: Plan) -> None:
        super().__init__()
        self._spaces, self._up = objective.spaces, objective.metric.greater_is_better
        self._starts = list(objective.starts)
        self._suggest = ALGORITHMS[sampler_of(plan)]
        self._rng = np.random.default_rng(plan.seed)
        self._trials = Trials()
        families = [{"family": name, **compiled(name, s)} for name, s in self._spaces.items()]
        self._expression = hp.choice("family", families)
        self._domain = Domain(_never, self._expression)
        self._doc: dict[str, Any] = {}
        self._worst = 1.0

    def ask(self) -> Proposal:
        """Return a starting point while there is one, then what the algorithm suggests."""
        number = len(self.records)
        (tid,) = self._trials.new_trial_ids(1)
        self._trials.refresh()
        seed = int(self._rng.integers(2**31 - 1))
        if number < len(self._starts):
            family, params = self._starts[number]
            values = self._values(family, params)
            misc = {"tid": tid, "cmd": self._domain.cmd, "workdir": self._domain.workdir}
            misc["vals"] = {label: values.get(label, []) for label in self._domain.params}
            misc["idxs"] = {label: [tid] * len(vals) for label, vals in misc["vals"].items()}
            docs = self._trials.new_trial_docs([tid], [None], [self._domain.new_result()], [misc])
        else:
            with _silent(), _seeded(seed):
                docs = self._suggest([tid], self._domain, self._trials, seed)
        self._doc = docs[0]
        chosen = {k: v[0] for k, v in self._doc["misc"]["vals"].items() if v}
        told = _flat(evaluated(self._expression, chosen))
        family = str(told["family"])
        params = {
            name: _plain(dimension, told[name])
            for name, dimension in self._spaces[family].items()
            if name in told
        }
        return Proposal(number, family, params)

    def tell(self, record: TrialRecord) -> None:
        """Take in how the trial asked for last went."""
        super().tell(record)
        self._doc["state"] = JOB_STATE_DONE
        # The adaptive one looks at losses and times whatever the status.
        self._doc["result"] = {"status": STATUS_FAIL, "loss": self._worst}
        self._doc["book_time"] = EPOCH + timedelta(seconds=record.started)
        self._doc["refresh_time"] = EPOCH + timedelta(seconds=record.ended)
        if record.state == "complete" and record.score is not None:
            loss = 1.0 - record.score if self._up else record.score
            self._worst = max(self._worst, loss)
            self._doc["result"] = {"status": STATUS_OK, "loss": loss}
        self._trials.insert_trial_docs([self._doc])
        self._trials.refresh()

    def _values(self, family: str, params: Params) -> dict[str, list[Any]]:
        """Return a point as Hyperopt keeps it: choices by their place."""
        values: dict[str, list[Any]] = {"family": [list(self._spaces).index(family)]}
        for name, dimension in self._spaces[family].items():
            if name in params and not _fixed(dimension):
                value = params[name]
                if isinstance(dimension, Choice):
                    value = next(
                        place
                        for place, option in enumerate(dimension.options)
                        if option == value and type(option) is type(value)
                    )
                values[f"{family}.{name}"] = [value]
        return values


def compiled(family: str, space: Space) -> dict[str, Any]:
    """Return a space as Hyperopt's expressions, by hyperparameter.

    A choice that others depend on holds, per option, what matters then.
    """
    nodes = {name: _node(f"{family}.{name}", one) for name, one in space.items()}

    def under(parent: str, option: object) -> dict[str, Any]:
        return {
            name: whole(name)
            for name, one in space.items()
            if one.when is not None and one.when[0] == parent and matters(one, {parent: option})
        }

    made: dict[str, Any] = {}

    def whole(name: str) -> Any:
        dimension = space[name]
        parents = {one.when[0] for one in space.values() if one.when is not None}
        if name not in parents or not isinstance(dimension, Choice):
            return nodes[name]
        if name not in made:
            options = [{name: option, **under(name, option)} for option in dimension.options]
            made[name] = options[0] if _fixed(dimension) else hp.choice(f"{family}.{name}", options)
        return made[name]

    return {name: whole(name) for name, one in space.items() if one.when is None}


def _node(label: str, dimension: Dimension) -> Any:
    match dimension:
        case _ if _fixed(dimension):
            return dimension.start
        case Choice(options=options):
            return hp.choice(label, list(options))
        case Int(low=low, high=high, log=in_log):
            if in_log:
                return hp.qloguniform(label, log(low), log(high), 1)
            return hp.quniform(label, low, high, 1)
        case Float(low=least, high=most, log=in_log):
            if in_log:
                return hp.loguniform(label, log(least), log(most))
            return hp.uniform(label, least, most)


def _fixed(dimension: Dimension) -> bool:
    if isinstance(dimension, Choice):
        return len(dimension.options) == 1
    return dimension.low == dimension.high


def _flat(told: Mapping[str, Any]) -> dict[str, Any]:
    """Lay out a choice's own hyperparameters beside it."""
    flat: dict[str, Any] = {}
    for name, value in told.items():
        if isinstance(value, Mapping):
            flat |= _flat(value)
        else:
            flat[name] = value
    return flat


def _plain(dimension: Dimension, value: Any) -> Any:
    match dimension:
        case Int(low=low, high=high):
            return int(min(high, max(low, round(value))))
        case Float(low=least, high=most):
            return float(min(most, max(least, value)))
        case _:
            return value


def _never(_: object) -> None:
    """Stand in for the function that Hyperopt would call itself."""


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    # The adaptive algorithm takes no seed but draws from the process's generators: they are lent.
    plain, array = random.getstate(), np.random.get_state()  # noqa: NPY002 - as above
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - as above
    try:
        yield
    finally:
        random.setstate(plain)
        np.random.set_state(array)  # noqa: NPY002 - as above


@contextmanager
def _silent() -> Iterator[None]:
    # Hyperopt announces each suggestion; the level is the process's, so it is put back at once.
    loggers = [logging.getLogger(name) for name in ("hyperopt", "hyperopt.tpe", "hyperopt.atpe")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.WARNING)
    try:
        with warnings.catch_warnings():
            # The adaptive one correlates scores that may all be the same.
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
