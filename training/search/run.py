"""Runs a search: one loop for all backends, so that a budget and a trial mean the same in each."""

from collections.abc import Callable
from contextlib import closing

from training.objective import Objective, TrialRecord, run_trial
from training.plan import Plan, Searcher
from training.plugins import plugin
from training.search import BACKENDS, EXTRAS, SHARED
from training.search.check import check_plan
from training.search.kept import kept_trials


def search(objective: Objective, plan: Plan) -> tuple[TrialRecord, ...]:
    """Try models until the plan's trials have run or its budget is spent.

    The first trials are ``objective.starts``. No trial but the first begins after ``seconds``, or
    while the process holds more than ``megabytes``; one that has begun ends. With the same seed
    and number of trials the result is the same. Where the plan names a study, trials that it
    holds already count, and are not run again.

    Args:
        objective: what is tried, and where.
        plan: how, and how long.

    Returns:
        All trials of the search that are over, in order.

    Raises:
        BadConfig: the backend cannot do what the plan or the space asks.
        Unavailable: the study's store, or the backend's package, is not there.
    """
    check_plan(objective, plan)
    made: Searcher = plugin(BACKENDS, plan.backend, extras=EXTRAS)(objective, plan)
    if plan.study is None or plan.backend in SHARED:
        with closing(made):
            _run(objective, plan, made)
        return tuple(made.records)
    with kept_trials(plan.study, objective.metric.name) as kept, closing(made):
        # The searcher is brought to where it was: the same proposals, told the same scores.
        for record in kept.trials:
            kept.check(record, made.ask())
            made.tell(record)
        _run(objective, plan, made, kept.append)
    return tuple(made.records)


def _run(
    objective: Objective,
    plan: Plan,
    made: Searcher,
    keep: Callable[[TrialRecord], None] = lambda _: None,
) -> None:
    began = plan.clock()
    while not made.records or not _spent(plan, made, began):
        proposal = made.ask()
        if proposal is None:
            return
        record = run_trial(objective, proposal, clock=plan.clock, give_up=made.give_up)
        keep(record)
        made.tell(record)
        plan.on_trial(record)


def _spent(plan: Plan, made: Searcher, began: float) -> bool:
    return (
        len(made.records) >= plan.trials
        or plan.clock() - began >= plan.seconds
        or plan.memory() > plan.megabytes
    )
