"""Measures what each remedy would have scored on rows that nothing rehearsed has seen."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from factory.bundle import Bundle
from factory.config import PolicyConfig
from factory.metrics import Metric, interval, metric_named, paired_gain
from factory.nouns import Bools, Keep, Outputs, Rehearsal, Remedy
from factory.remedies import is_fitted, is_search
from factory.worth import gain_needed

ORDERS = 200
"""Orders of the labels that a model's score is held against."""


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

    The lower bound of each gain is one-sided at ``policy.error_rate`` divided by the number of
    challengers planned. By Bonferroni's inequality all bounds hold together at that rate,
    however many are looked at and whenever one stops; so trying many remedies does not find a
    winner by luck.

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
    stage = _Stage(plans, rows, champion, policy, asked, clock)
    return tuple(stage.perform())


@dataclass
class _Stage:
    plans: Mapping[Remedy, Prepare]
    rows: pd.DataFrame
    champion: Bundle
    policy: PolicyConfig
    asked: Asked
    clock: Callable[[], float]

    def __post_init__(self) -> None:
        self.metric = metric_named(self.champion.metric, self.champion.schema)
        self.truth = self.rows[self.champion.schema.target].to_numpy()
        self.baseline = self.champion.outputs(self.rows)
        self.done: list[Rehearsal] = []

    def perform(self) -> Iterator[Rehearsed]:
        for remedy, prepare in self.plans.items():
            if self._is_beyond(remedy):
                continue
            started = self.clock()
            bundle = self.champion if isinstance(remedy, Keep) else prepare()
            if bundle is not None:
                rehearsal = self._measure(remedy, bundle, started)
                self.done.append(rehearsal)
                yield Rehearsed(rehearsal, bundle)

    def _measure(self, remedy: Remedy, bundle: Bundle, started: float) -> Rehearsal:
        asked, seed = self.asked, self.asked.seed
        outputs = self.baseline if bundle is self.champion else bundle.outputs(self.rows)
        drawn: dict[str, Any] = {"resamples": asked.resamples, "seed": seed}
        score = interval(self.metric, self.truth, outputs, confidence=0.95, **drawn)
        confidence = bound_confidence(self.policy.error_rate, len(self.plans) - 1)
        pair = self.truth, self.baseline, outputs
        gain, low = compare(self.metric, *pair, confidence=confidence, **drawn)
        level = self.policy.error_rate / len(self.plans)
        return Rehearsal(
            remedy,
            score=score.value,
            low=score.low,
            high=score.high,
            gain=gain,
            gain_low=low,
            cost_seconds=self.clock() - started,
            rows=len(self.rows),
            informed=not asked.fell or informed(self.metric, self.truth, outputs, level, seed),
            measured=asked.measured,
        )

    def _is_beyond(self, remedy: Remedy) -> bool:
        """Tell whether a remedy is too dear for what it could still gain."""
        if not is_fitted(remedy) or not self.done:
            return False
        tried = [r for r in self.done if is_search(remedy) or not is_fitted(r.remedy)]
        reachable = self.metric.gain(self.done[0].score, self.champion.reference_score)
        reached = max((r.gain for r in tried if r.gain_low >= 0), default=0.0)
        if reachable - reached > gain_needed(remedy, self.policy):
            return False
        if self.asked.fell or is_search(remedy):
            return True
        fits = [r for r in self.done if is_fitted(r.remedy)]
        return bool(fits) and all(r.gain < gain_needed(r.remedy, self.policy) for r in fits)


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


def bound_confidence(error_rate: float, challengers: int) -> float:
    """Return the two-sided confidence whose lower bound errs at a Bonferroni share of a rate.

    >>> bound_confidence(0.05, 1), bound_confidence(0.05, 5)
    (0.9, 0.98)
    """
    return 1.0 - 2.0 * error_rate / max(challengers, 1)


def compare(
    metric: Metric,
    truth: NDArray[Any],
    champion: Outputs,
    challenger: Outputs,
    *,
    confidence: float,
    resamples: int,
    seed: int,
) -> tuple[float, float]:
    """Return the challenger's relative gain and its lower bound; equal outputs gain nothing."""
    if champion is challenger or np.array_equal(champion, challenger):
        return 0.0, 0.0
    gain, low, _ = paired_gain(
        metric, truth, champion, challenger, confidence=confidence, resamples=resamples, seed=seed
    )
    return gain, low
