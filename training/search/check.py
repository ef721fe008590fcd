"""Refuses, before the first trial, what a backend cannot do."""

from factory.errors import BadConfig
from training.objective import Objective
from training.plan import Plan
from training.search import BACKENDS, PRUNING, SAMPLERS, SHARED
from training.space import Choice


def check_plan(objective: Objective, plan: Plan) -> None:
    """Refuse a plan that its backend, or the space, does not allow.

    Raises:
        BadConfig: with what would do.
    """
    backend, sampler = plan.backend, sampler_of(plan)
    if sampler not in SAMPLERS[backend]:
        able = [name for name in BACKENDS if sampler in SAMPLERS[name]]
        hint = f"search.sampler: one of {', '.join(SAMPLERS[backend])}"
        if able:
            hint = f"search.backend: {able[0]}, or {hint}"
        raise BadConfig(f"search.sampler = {sampler!r}: {backend} has no such sampler.", hint=hint)
    if plan.pruner not in {"auto", "none"} and backend not in PRUNING:
        raise BadConfig(
            f"search.pruner = {plan.pruner!r}: {backend} gives no trial up.",
            hint=f"search.pruner: none, or search.backend: {PRUNING[0]}",
        )
    if plan.study is not None and "://" in plan.study.place and backend not in SHARED:
        raise BadConfig(
            f"search.study: {backend} keeps its trials in a file, not on a server.",
            hint=f"search.study: home, or search.backend: {SHARED[0]}",
        )
    if sampler == "cmaes":
        _check_numbers(objective)


def sampler_of(plan: Plan) -> str:
    """Return what proposes: the plan's sampler, or its backend's usual one."""
    return SAMPLERS[plan.backend][0] if plan.sampler == "auto" else plan.sampler


def _check_numbers(objective: Objective) -> None:
    """Refuse spaces in which a covariance says nothing: several families, choices, conditions."""
    spaces = objective.spaces
    if len(spaces) > 1:
        raise BadConfig(
            f"search.sampler = 'cmaes': it cannot choose among {', '.join(spaces)}.",
            hint="search one family",
        )
    for family, space in spaces.items():
        for name, dimension in space.items():
            several = isinstance(dimension, Choice) and len(dimension.options) > 1
            if several or dimension.when is not None:
                raise BadConfig(
                    f"search.sampler = 'cmaes': {family}.{name} is no plain number.",
                    hint=f"fix it, as search.spaces.{family}.{name}: VALUE",
                )
