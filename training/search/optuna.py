"""Search with Optuna: samplers over families and their settings, pruned, alone or by workers."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from zlib import crc32

import numpy as np
import optuna
from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial, TrialState

from training.objective import Objective, Proposal, TrialRecord
from training.plan import Plan
from training.search.check import sampler_of
from training.search.kept import as_line
from training.search.studies import GIVEN, RECORD, Shared
from training.space import Choice, Float, Int, Params, Space, Value, grid, matters

STATES = {
    "complete": TrialState.COMPLETE,
    "pruned": TrialState.PRUNED,
    "failed": TrialState.FAIL,
}
UNPRUNED_TRIALS = 5
"""Trials before the first may be pruned: a median of fewer says little."""
REDUCTION = 3
"""Of so many trials a halving pruner lets one go on."""


def searcher(objective: Objective, plan: Plan) -> "Alone":
    """Make what ``training.plan.Searcher`` says; the family is one more hyperparameter.

    Source:
        Bergstra et al., Algorithms for Hyper-Parameter Optimization (2011), for ``tpe``; Hansen,
        The CMA Evolution Strategy (2016), for ``cmaes``; Li et al., Hyperband (2018) and Jamieson
        and Talwalkar, Non-stochastic Best Arm Identification (2016), for two of the pruners.
    """
    return Alone(objective, plan) if plan.study is None else Joined(objective, plan)


class Alone:
    """A search in this process's memory."""

    def __init__(self, objective: Objective, plan: Plan) -> None:
        self.objective, self.plan = objective, plan
        self._told: list[TrialRecord] = []
        self._trial: optuna.Trial | None = None
        with quiet():
            self._study = self._opened()
        self._grid: list[tuple[str, Params]] | None = None
        if sampler_of(plan) == "grid":
            points = [
                (family, point)
                for family, space in objective.spaces.items()
                for point in grid(space, plan.levels)
            ]
            order = np.random.default_rng(plan.seed).permutation(len(points))
            self._grid = [points[i] for i in order]

    @property
    def records(self) -> Sequence[TrialRecord]:
        """Return the trials that are over, in order."""
        return self._told

    def ask(self) -> Proposal | None:
        """Return what to try next; None where a grid is exhausted."""
        trial = self._study.ask()
        return self._proposed(trial)

    def give_up(self, step: int, value: float) -> bool:
        """Say whether the pruner gives the trial up."""
        trial = self._running
        trial.report(value, step)
        return bool(trial.should_prune())

    def tell(self, record: TrialRecord) -> None:
        """Take in how the trial asked for last went."""
        value = record.score if record.state == "complete" else None
        self._study.tell(self._running, value, state=STATES[record.state])
        self._told.append(record)

    def close(self) -> None:
        """Let go of nothing: the study is in memory."""

    @property
    def _running(self) -> optuna.Trial:
        if self._trial is None:
            message = "no trial was asked for"
            raise RuntimeError(message)
        return self._trial

    def _opened(self) -> optuna.Study:
        study = optuna.create_study(study_name="search", **self._settings(self.plan.seed))
        _enqueue(study, self.objective)
        return study

    def _settings(self, seed: int) -> dict[str, Any]:
        up = self.objective.metric.greater_is_better
        steps = max(self.objective.steps(family) for family in self.objective.spaces)
        return {
            "direction": "maximize" if up else "minimize",
            "sampler": _sampler(sampler_of(self.plan), seed),
            "pruner": _pruner(self.plan.pruner, steps),
        }

    def _proposed(self, trial: optuna.Trial) -> Proposal | None:
        self._trial = trial
        if self._grid is not None and GIVEN not in trial.user_attrs:
            before = self._study.get_trials(deepcopy=False)[: trial.number]
            place = sum(GIVEN not in one.user_attrs for one in before)
            if place >= len(self._grid):
                self._study.tell(trial, state=TrialState.FAIL)
                return None
            self._study.sampler = _Given(*self._grid[place])
        family, params = _suggested(trial, self.objective.spaces)
        return Proposal(trial.number, family, params)


class Joined(Alone):
    """A search that a storage keeps, and that any number of workers take part in.

    Each finished trial carries its record; one without was lost with its worker, does not count,
    and is tried again. No more trials than the plan's count, whoever runs them: of those that
    begin, the ones with the highest numbers yield.
    """

    def __init__(self, objective: Objective, plan: Plan) -> None:
        if plan.study is None:
            message = "a joined search needs a study"
            raise ValueError(message)
        self._shared = Shared(plan.study)
        super().__init__(objective, plan)

    @property
    def records(self) -> Sequence[TrialRecord]:
        """Return the trials that are over, by all workers, in order."""
        return self._shared.records(self._study)

    def ask(self) -> Proposal | None:
        """Return what to try next; None where the trials are used up.

        While others still run the last trials, it waits: what they lose has to be tried again.
        """
        began = self.plan.clock()
        while True:
            self._shared.bury(self._study, self.plan.clock())
            trials = self._study.get_trials(deepcopy=False)
            running = [t for t in trials if t.state == TrialState.RUNNING]
            done = sum(_counts(t) for t in trials)
            if done + len(running) < self.plan.trials:
                trial = self._study.ask()
                self._shared.claim(trial)
                if self._within(trial):
                    return self._proposed(trial)
                self._study.tell(trial, state=TrialState.FAIL)
            elif done >= self.plan.trials or self.plan.clock() - began >= self.plan.seconds:
                return None
            self._shared.pause()

    def tell(self, record: TrialRecord) -> None:
        """Take in how the trial asked for last went, unless it was given to another meanwhile."""
        trial = self._running
        value = record.score if record.state == "complete" else None
        try:
            trial.set_user_attr(RECORD, as_line(record))
            self._study.tell(trial, value, state=STATES[record.state])
        except (ValueError, RuntimeError):
            # This process was silent for so long that it was taken for dead.
            return

    def close(self) -> None:
        """Leave the study to the other workers."""
        self._shared.close()

    def _within(self, trial: optuna.Trial) -> bool:
        trials = self._study.get_trials(deepcopy=False)[: trial.number]
        before: int = sum(_counts(t) or t.state == TrialState.RUNNING for t in trials)
        return before < self.plan.trials

    def _opened(self) -> optuna.Study:
        study, begun = self._shared.open(self._settings(self.plan.seed))
        trials = study.get_trials(deepcopy=False)
        if not begun:
            _enqueue(study, self.objective)
            self._shared.ready(study)
        else:
            # Another worker must not propose what the first one did.
            worker = crc32(self._shared.study.worker.encode())
            salt = np.random.SeedSequence([self.plan.seed, len(trials), worker])
            study.sampler = _sampler(sampler_of(self.plan), int(salt.generate_state(1)[0]))
        return study


class _Given(optuna.samplers.BaseSampler):  # type: ignore[misc]
    """Suggests one point."""

    def __init__(self, family: str, params: Params) -> None:
        self._values = {"family": family, **{f"{family}.{k}": v for k, v in params.items()}}

    def infer_relative_search_space(
        self, study: optuna.Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        del study, trial
        return {}

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        del study, trial, search_space
        return {}

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, _: BaseDistribution
    ) -> Any:
        del study, trial
        return self._values[param_name]


def _counts(trial: FrozenTrial) -> bool:
    over = bool(trial.state.is_finished())
    return over and RECORD in trial.user_attrs


def _enqueue(study: optuna.Study, objective: Objective) -> None:
    for family, params in objective.starts:
        prefixed = {f"{family}.{name}": value for name, value in params.items()}
        study.enqueue_trial({"family": family, **prefixed}, user_attrs={GIVEN: True})


def _sampler(name: str, seed: int) -> optuna.samplers.BaseSampler:
    match name:
        case "cmaes":
            return optuna.samplers.CmaEsSampler(seed=seed, warn_independent_sampling=False)
        case "tpe":
            return optuna.samplers.TPESampler(seed=seed)
        case _:
            return optuna.samplers.RandomSampler(seed=seed)


def _pruner(name: str, steps: int) -> optuna.pruners.BasePruner:
    match name:
        case "none":
            return optuna.pruners.NopPruner()
        case "halving":
            return optuna.pruners.SuccessiveHalvingPruner(
                min_resource=1, reduction_factor=REDUCTION
            )
        case "hyperband":
            return optuna.pruners.HyperbandPruner(
                min_resource=1, max_resource=steps, reduction_factor=REDUCTION
            )
        case _:
            return optuna.pruners.MedianPruner(n_startup_trials=UNPRUNED_TRIALS)


@contextmanager
def quiet() -> Iterator[None]:
    """Keep Optuna from announcing studies while the block runs."""
    # The level is the process's, so it is put back at once.
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(level)


def _suggested(trial: optuna.Trial, spaces: Mapping[str, Space]) -> tuple[str, dict[str, Value]]:
    family = str(trial.suggest_categorical("family", list(spaces)))
    params: dict[str, Any] = {}
    for name, dimension in spaces[family].items():
        if not matters(dimension, params):
            continue
        key = f"{family}.{name}"
        match dimension:
            case Choice(options=(only,)):
                # Not a dimension to Optuna: some samplers refuse those that cannot vary.
                params[name] = only
            case Choice(options=options):
                params[name] = trial.suggest_categorical(key, list(options))
            case Int(low=low, high=high, log=log):
                params[name] = trial.suggest_int(key, low, high, log=log)
            case Float(low=least, high=most, log=log):
                params[name] = trial.suggest_float(key, least, most, log=log)
    return family, params
