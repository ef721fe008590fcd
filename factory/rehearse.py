"""Measures what each remedy would have scored on rows that nothing rehearsed has seen."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from factory.bundle import Bundle
from factory.config import PolicyConfig
from factory.metrics import Metric, interval, metric_named
from factory.nouns import Bools, Keep, Outputs, Rehearsal, Remedy
from factory.paired import Paired
from factory.remedies import is_fitted, is_search
from factory.simultaneous import single_level
from factory.worth import gain_needed

ORDERS = 200
"""Orders of the labels that a model's score is held against."""
MODELS = 10
"""Models that are asked whether they know the labels share the error rate."""


@dataclass(frozen=True)
class Rehearsed:
    """A rehearsal and the model that it measured."""

    rehearsal: Rehearsal
    bundle: Bundle


@dataclass(frozen=True, slots=True)
class Asked:
    """What a rehearsal is asked.

    Attributes:
        fell: whether the champion's performance fell.
        measured: whether the rows' labels are the window's own.
        resamples: of the bootstrap.
        seed: of all that is drawn.
    """

    fell: bool
    resamples: int
    seed: int
    measured: bool = True


Prepare = Callable[[], Bundle | None]
"""Makes the model that a remedy would serve; None where the remedy turns out not to apply."""


def evaluation_rows(labelled: Bools, share: float) -> tuple[Bools, Bools]:
    """Split a window's labelled rows in time: older ones to learn from, newest to measure on.

    Args:
        labelled: rows with a label, in time order, shape (n,).
        share: of the labelled rows that is measured on.

    Returns:
        Two disjoint masks of shape (n,).

    >>> learn, measure = evaluation_rows(np.array([True, False, True, True, True]), 0.5)
    >>> learn.tolist(), measure.tolist()
    ([True, False, True, False, False], [False, False, False, True, True])
    """
    positions = np.flatnonzero(labelled)
    first = len(positions) - round(len(positions) * share)
    learn = np.zeros(len(labelled), dtype=bool)
    measure = np.zeros(len(labelled), dtype=bool)
    learn[positions[:first]] = True
    measure[positions[first:]] = True
    return learn, measure


def rehearse(
    plans: Mapping[Remedy, Prepare],
    rows: pd.DataFrame,
    champion: Bundle,
    policy: PolicyConfig,
    asked: Asked,
    *,
    clock: Callable[[], float],
) -> tuple[Rehearsed, ...]:
    """Make what every planned remedy would serve, and score all on the same rows.

    Remedies that fit nothing come first. Where others are planned as well, each of the two groups
    has half of ``policy.error_rate``; within a group all lower bounds hold together at that rate
    (see ``factory.simultaneous``). So trying many remedies does not find a winner by luck, and
    whether the second group is tried may hang on how the first did.

    What a dearer remedy could reach is taken to be the score on the reference. Refits are not
    tried where a remedy without one, keeping included, comes as close to it as a refit's price
    and the least gain; unless performance never fell: then the first refit tells whether newer
    rows teach anything, and the others follow where it gains enough. A search follows where no
    refit came that close.

    Args:
        plans: remedy to what makes its model, cheapest first.
        rows: labelled rows, newest of the window, unseen by every model rehearsed.
        champion: the model that serves now.
        policy: error rate and prices.
        asked: the rest.
        clock: seconds, for the cost of each remedy.

    Returns:
        One entry a remedy that applied and was tried, in the order given.
    """
    stage = _Stage(rows, champion, policy, asked, clock)
    cheap = {remedy: make for remedy, make in plans.items() if not is_fitted(remedy)}
    share = policy.error_rate / (2 if len(cheap) < len(plans) else 1)
    done = stage.bounded(stage.perform(cheap), share)
    fits = {remedy: make for remedy, make in plans.items() if is_fitted(remedy)}
    tried: list[_Tried] = []
    for remedy, make in fits.items():
        if stage.is_beyond(remedy, done, stage.bounded(tried, share)):
            continue
        tried += stage.perform({remedy: make})
    return tuple(Rehearsed(r.rehearsal, r.bundle) for r in (*done, *stage.bounded(tried, share)))


@dataclass(frozen=True)
class _Tried:
    rehearsal: Rehearsal
    bundle: Bundle
    pair: Paired


@dataclass
class _Stage:
    """The rows, the champion on them, and what is asked of its challengers."""

    rows: pd.DataFrame
    champion: Bundle
    policy: PolicyConfig
    asked: Asked
    clock: Callable[[], float]

    def __post_init__(self) -> None:
        self.metric = metric_named(self.champion.metric, self.champion.schema)
        self.truth = self.rows[self.champion.schema.target].to_numpy()
        self.baseline = self.champion.outputs(self.rows)
        self.score = self.metric.value(self.truth, self.baseline)

    def perform(self, plans: Mapping[Remedy, Prepare]) -> list[_Tried]:
        done = []
        for remedy, make in plans.items():
            started = self.clock()
            bundle = self.champion if isinstance(remedy, Keep) else make()
            if bundle is not None:
                done.append(self._measured(remedy, bundle, started))
        return done

    def _measured(self, remedy: Remedy, bundle: Bundle, started: float) -> _Tried:
        asked, policy = self.asked, self.policy
        outputs = self.baseline if bundle is self.champion else bundle.outputs(self.rows)
        drawn: dict[str, Any] = {"resamples": asked.resamples, "seed": asked.seed}
        score = interval(self.metric, self.truth, outputs, confidence=0.95, **drawn)
        pair = Paired.of(self.metric, self.truth, self.baseline, outputs)
        knows = not asked.fell or informed(
            self.metric, self.truth, outputs, policy.error_rate / MODELS, asked.seed
        )
        rehearsal = Rehearsal(
            remedy,
            score=score.value,
            low=score.low,
            high=score.high,
            gain=pair.gain,
            gain_low=pair.gain,
            level=policy.error_rate,
            cost_seconds=self.clock() - started,
            rows=len(self.rows),
            informed=knows,
            measured=asked.measured,
        )
        return _Tried(rehearsal, bundle, pair)

    def bounded(self, tried: Sequence[_Tried], level: float) -> list[_Tried]:
        """Give each gain its lower bound, such that all hold together at a level."""
        single = single_level([one.pair for one in tried], level, seed=self.asked.seed)
        return [replace(one, rehearsal=_with_bound(one, single)) for one in tried]

    def is_beyond(self, remedy: Remedy, cheap: list[_Tried], fits: list[_Tried]) -> bool:
        """Tell whether a remedy is too dear for what it could still gain."""
        reachable = self.metric.gain(self.score, self.champion.reference_score)
        tried = [one.rehearsal for one in (*cheap, *(fits if is_search(remedy) else ()))]
        reached = max((r.gain for r in tried if r.gain_low >= 0), default=0.0)
        if reachable - reached > gain_needed(remedy, self.policy):
            return False
        if self.asked.fell or is_search(remedy):
            return True
        gains = [one.rehearsal for one in fits]
        return bool(gains) and all(r.gain < gain_needed(r.remedy, self.policy) for r in gains)


def _with_bound(one: _Tried, level: float) -> Rehearsal:
    kept = isinstance(one.rehearsal.remedy, Keep) or not np.ptp(one.pair.parts, axis=1).any()
    low = 0.0 if kept else one.pair.bound(level)
    return replace(one.rehearsal, gain_low=low if np.isfinite(low) else -1.0, level=level)


def informed(
    metric: Metric, truth: NDArray[Any], outputs: Outputs, level: float, seed: int
) -> bool:
    """Tell whether a model scores better on labels than on the same labels moved along.

    Labels that were joined to the wrong rows carry nothing that any model could know. They are
    moved along by random distances, around the end, so that what neighbours share stays.

    Args:
        metric: the model's.
        truth: labels in time order, shape (n,).
        outputs: of the model on the same rows.
        level: chance of a yes where labels and outputs have nothing to do with each other.
        seed: of the distances.

    Source:
        Edgington and Onghena, Randomization Tests (2007), chapter 11.

    >>> metric, y = Metric("mean_absolute_error", False, "regression", ()), np.arange(100.0)
    >>> informed(metric, y, y, 0.01, 0), informed(metric, y[::-1], y, 0.01, 0)
    (True, False)
    """
    n = len(truth)
    score = metric.value(truth, outputs)
    rng = np.random.default_rng(seed)
    distances = rng.integers(1, n, size=ORDERS) if n > 1 else np.zeros(ORDERS, dtype=np.int64)
    moved = np.array([metric.value(np.roll(truth, int(by)), outputs) for by in distances])
    better = metric.gains(np.full(ORDERS, score), moved) >= 0
    return bool((1 + np.count_nonzero(better)) / (1 + ORDERS) <= max(level, 1 / (1 + ORDERS)))
