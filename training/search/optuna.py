"""Search with Optuna: tree-structured Parzen estimators over families and their settings."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import optuna
from optuna.trial import TrialState

from training.objective import Clock, Objective, TrialRecord, run_trial
from training.space import Choice, Float, Int, Space, Value, matters

STATES = {
    "complete": TrialState.COMPLETE,
    "pruned": TrialState.PRUNED,
    "failed": TrialState.FAIL,
}
UNPRUNED_TRIALS = 5
"""Trials before the first may be pruned: a median of fewer says little."""


def search(
    objective: Objective,
    *,
    trials: int,
    seconds: float,
    seed: int,
    clock: Clock,
    on_trial: Callable[[TrialRecord], None],
) -> tuple[TrialRecord, ...]:
    """Search as ``training.objective.Search`` says; the family is one more hyperparameter.

    Source:
        Bergstra et al., Algorithms for Hyper-Parameter Optimization (2011); pruning by the
        median of the earlier trials at the same fold.
    """
    spaces = objective.spaces
    study = _study(objective, seed)
    for family, params in objective.starts:
        prefixed = {f"{family}.{name}": value for name, value in params.items()}
        study.enqueue_trial({"family": family, **prefixed})
    began = clock()
    records: list[TrialRecord] = []
    while len(records) < trials and (not records or clock() - began < seconds):
        trial = study.ask()
        family, params = _propose(trial, spaces)

        def give_up(fold: int, mean: float, trial: optuna.Trial = trial) -> bool:
            trial.report(mean, fold)
            return bool(trial.should_prune())

        record = run_trial(objective, trial.number, family, params, clock=clock, give_up=give_up)
        value = record.score if record.state == "complete" else None
        study.tell(trial, value, state=STATES[record.state])
        records.append(record)
        on_trial(record)
    return tuple(records)


def _study(objective: Objective, seed: int) -> optuna.Study:
    with _quiet():
        return optuna.create_study(
            study_name="search",
            direction="maximize" if objective.metric.greater_is_better else "minimize",
            sampler=optuna.samplers.TPESampler(seed=seed),
            pruner=optuna.pruners.MedianPruner(n_startup_trials=UNPRUNED_TRIALS),
        )


@contextmanager
def _quiet() -> Iterator[None]:
    # Optuna announces a new study; the level is the process's, so it is put back at once.
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(level)


def _propose(trial: optuna.Trial, spaces: Mapping[str, Space]) -> tuple[str, dict[str, Value]]:
    family = str(trial.suggest_categorical("family", list(spaces)))
    params: dict[str, Any] = {}
    for name, dimension in spaces[family].items():
        if not matters(dimension, params):
            continue
        key = f"{family}.{name}"
        match dimension:
            case Choice(options=options):
                params[name] = trial.suggest_categorical(key, list(options))
            case Int(low=low, high=high, log=log):
                params[name] = trial.suggest_int(key, low, high, log=log)
            case Float(low=least, high=most, log=log):
                params[name] = trial.suggest_float(key, least, most, log=log)
    return family, params
