"""Search with scikit-learn's grids and random draws, whole or by successive halving."""

from collections.abc import Iterator
from itertools import chain, islice
from math import floor, log
from typing import Any

import numpy as np
from scipy.stats import loguniform, randint, uniform
from sklearn.model_selection import ParameterGrid, ParameterSampler

from training.objective import Objective, Proposal, TrialRecord
from training.plan import Plan, Told
from training.search.check import sampler_of
from training.space import Choice, Dimension, Float, Int, Params, Space, branches, levels

REDUCTION = 3
"""Of so many candidates one goes on to so many times the rows: scikit-learn's default."""
FEWEST_ROWS = 50
"""A heat is fitted on at least so many rows of a fold."""

Candidate = tuple[str, Params]


def searcher(objective: Objective, plan: Plan) -> Told:
    """Make what ``training.plan.Searcher`` says.

    A family is drawn with the same chance as any other, and so is a combination of choices that
    others depend on.

    Source:
        Jamieson and Talwalkar, Non-stochastic Best Arm Identification (2016), for the halving.
    """
    name = sampler_of(plan)
    proposed = _grid(objective, plan) if name.endswith("grid") else _drawn(objective, plan)
    candidates = chain(objective.starts, proposed)
    if name.startswith("halving"):
        return Halving(objective, plan, candidates)
    return InTurn(candidates)


class InTurn(Told):
    """Proposes candidates one after the other."""

    def __init__(self, candidates: Iterator[Candidate]) -> None:
        super().__init__()
        self._candidates = candidates

    def ask(self) -> Proposal | None:
        """Return the next one; None where there is none."""
        following = next(self._candidates, None)
        return None if following is None else Proposal(len(self.records), *following)


class Halving(Told):
    """Fits many candidates on few rows, the best third on three times as many, and so on.

    The number of candidates is the largest whose heats together are no more than the trials.
    """

    def __init__(self, objective: Objective, plan: Plan, candidates: Iterator[Candidate]) -> None:
        super().__init__()
        rows = min(len(fit) for fit, _ in objective.folds)
        self._sign = -1.0 if objective.metric.greater_is_better else 1.0
        self.shares, count = schedule(plan.trials, rows)
        self._heat = list(islice(candidates, count))
        self._place = 0
        self._scores: list[tuple[float, int]] = []

    def ask(self) -> Proposal | None:
        """Return the next candidate of this heat, or the first of the next heat."""
        if self._place == len(self._heat):
            kept = len(self._heat) // REDUCTION
            self.shares = self.shares[1:]
            if not self.shares or not kept:
                return None
            best = sorted(self._scores)[:kept]
            self._heat = [self._heat[place] for _, place in best]
            self._place, self._scores = 0, []
        family, params = self._heat[self._place]
        return Proposal(len(self.records), family, params, self.shares[0])

    def tell(self, record: TrialRecord) -> None:
        """Keep a trial, and whether its candidate goes on."""
        super().tell(record)
        score = np.inf if record.score is None else self._sign * record.score
        self._scores.append((float(score), self._place))
        self._place += 1


def schedule(trials: int, rows: int) -> tuple[tuple[float, ...], int]:
    """Return the share of the rows in each heat, the last one whole, and the first's candidates.

    Args:
        trials: most fits in all heats together.
        rows: of a fold.

    >>> schedule(13, 900)
    ((0.1111111111111111, 0.3333333333333333, 1.0), 9)
    """
    most = max(0, floor(log(max(rows / FEWEST_ROWS, 1), REDUCTION)))
    count, heats = 1, 1
    for candidates in range(1, trials + 1):
        wanted = 1 + min(most, floor(log(candidates, REDUCTION) + 1e-9))
        if sum(candidates // REDUCTION**heat for heat in range(wanted)) > trials:
            break
        count, heats = candidates, wanted
    return tuple(1 / REDUCTION ** (heats - 1 - heat) for heat in range(heats)), count


def _grid(objective: Objective, plan: Plan) -> Iterator[Candidate]:
    """Yield every point of the grid once, in an order drawn by seed where not all can be tried."""
    points: list[Candidate] = []
    for family, space in objective.spaces.items():
        grids = [
            {name: list(levels(dimension, plan.levels)) for name, dimension in branch.items()}
            for branch in branches(space)
        ]
        points += [(family, _in_order(space, point)) for point in ParameterGrid(grids)]
    points = [point for point in points if point not in objective.starts]
    if len(points) + len(objective.starts) <= plan.trials:
        return iter(points)
    order = np.random.default_rng(plan.seed).permutation(len(points))
    return (points[place] for place in order)


def _drawn(objective: Objective, plan: Plan) -> Iterator[Candidate]:
    families = list(objective.spaces)
    rng = np.random.RandomState(np.random.MT19937(np.random.SeedSequence(plan.seed)))
    drawn = {
        family: [
            {name: _distribution(dimension) for name, dimension in branch.items()}
            for branch in branches(space)
        ]
        for family, space in objective.spaces.items()
    }
    while True:
        family = families[rng.randint(len(families))]
        (point,) = ParameterSampler(drawn[family], 1, random_state=rng)
        yield family, _in_order(objective.spaces[family], point)


def _distribution(dimension: Dimension) -> Any:
    match dimension:
        case Choice(options=options):
            return list(options)
        case Int(low=low, high=high, log=in_log):
            return _Rounded(low, high) if in_log and low < high else randint(low, high + 1)
        case Float(low=least, high=most, log=in_log):
            if least == most:
                return [least]
            return loguniform(least, most) if in_log else uniform(least, most - least)


class _Rounded:
    """Whole numbers by order of magnitude."""

    def __init__(self, low: int, high: int) -> None:
        self._low, self._high = low, high

    def rvs(self, random_state: Any) -> int:
        """Draw one."""
        drawn: float = loguniform.rvs(self._low, self._high, random_state=random_state)
        return min(self._high, max(self._low, round(drawn)))


def _in_order(space: Space, point: Params) -> dict[str, Any]:
    """Return a point as the space orders it, of plain Python values."""
    values = {name: point[name] for name in space if name in point}
    return {n: v.item() if isinstance(v, np.generic) else v for n, v in values.items()}
