"""Measures what each remedy would have scored on rows that nothing rehearsed has seen."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from factory.abstain import unsure
from factory.bundle import Bundle
from factory.metrics import interval, metric_named, row_losses
from factory.nouns import Bools, Outputs, Schema
from factory.paired import Paired
from factory.policy import PolicyConfig
from factory.remedies import Keep, Rehearsal, Remedy, is_fitted, is_search
from factory.simultaneous import single_level
from factory.worth import gain_needed

ORDERS = 200
"""Orders of the labels that a model's score is held against."""
MODELS = 10
"""Models that are asked whether they know the labels share the error rate."""


@dataclass(frozen=True)
class Rehearsed:
    """A rehearsal, the model that it measured, and what that said of the rows.

    Where twins spoke for some of the rows, ``outputs`` are theirs there; they are in the order of
    what was asked (see ``Twin``).
    """

    rehearsal: Rehearsal
    bundle: Bundle
    outputs: Outputs
    twins: tuple[Bundle, ...] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """What a rehearsal is asked.

    Attributes:
        fell: whether the champion's performance fell.
        measured: whether the rows' labels are the window's own.
        abstains: from what chance of an error on a row is left to a person; None never.
        resamples: of the bootstrap.
        seed: of all that is drawn.
    """

    fell: bool
    resamples: int
    seed: int
    measured: bool = True
    abstains: float | None = None


Prepare = Callable[[], Bundle | None]
"""Makes the model that a remedy would serve; None where the remedy turns out not to apply."""


@dataclass(frozen=True)
class Twin:
    """Measures models on rows that they have learnt from, where rows are few: cross-fitting.

    Attributes:
        rows: which of the rows the twins speak for, shape (n,).
        plans: remedy to what makes its twin, which has learnt from the other rows.

    Source:
        Stone, Cross-validatory choice and assessment of statistical predictions (1974).
    """

    rows: Bools
    plans: Mapping[Remedy, Prepare]


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
    twins: Sequence[Twin] = (),
) -> tuple[Rehearsed, ...]:
    """Make what every planned remedy would serve, and score all on the same rows.

    Remedies that fit nothing come first. Where others are planned as well, each of the two groups
    has half of ``policy.error_rate``; within a group all lower bounds hold together at that rate
    (see ``factory.simultaneous``). So trying many remedies does not find a winner by luck, and
    whether the second group is tried may hang on how the first did.

    What a dearer remedy could reach is taken to be the score on the reference. Where a remedy
    without a fit, keeping included, comes as close to it as a refit's price and the least gain,
    the first refit alone tells whether newer rows teach anything beyond, and the others follow
    where it gains that much more. A search follows where no refit came that close.

    Args:
        plans: remedy to what makes its model, cheapest first.
        rows: labelled rows, newest of the window, unseen by every model rehearsed.
        champion: the model that serves now.
        policy: error rate and prices.
        asked: the rest.
        clock: seconds, for the cost of each remedy.
        twins: speak for the rows that were learnt from, where those are measured on as well.

    Returns:
        One entry a remedy that applied and was tried, in the order given.
    """
    stage = _Stage(rows, champion, policy, asked, clock, twins)
    cheap = {remedy: make for remedy, make in plans.items() if not is_fitted(remedy)}
    share = policy.error_rate / (2 if len(cheap) < len(plans) else 1)
    done = stage.bounded(stage.perform(cheap), share)
    fits = {remedy: make for remedy, make in plans.items() if is_fitted(remedy)}
    tried: list[_Tried] = []
    for remedy, make in fits.items():
        if stage.is_beyond(remedy, done, stage.bounded(tried, share)):
            continue
        tried += stage.perform({remedy: make})
    return tuple(one.rehearsed for one in (*done, *stage.bounded(tried, share)))


@dataclass(frozen=True)
class _Tried:
    rehearsed: Rehearsed
    pair: Paired

    @property
    def rehearsal(self) -> Rehearsal:
        return self.rehearsed.rehearsal


@dataclass
class _Stage:
    """The rows, the champion on them, and what is asked of its challengers."""

    rows: pd.DataFrame
    champion: Bundle
    policy: PolicyConfig
    asked: Asked
    clock: Callable[[], float]
    twins: Sequence[Twin]

    def __post_init__(self) -> None:
        self.metric = metric_named(self.champion.metric, self.champion.schema)
        self.truth = self.rows[self.champion.schema.target].to_numpy()
        self.baseline = self.champion.outputs(self.rows)
        self.score = self.metric.value(self.truth, self.baseline)
        reference = self.champion.reference.tail(len(self.rows))
        labels = reference[self.champion.schema.target].to_numpy()
        said = self.champion.reference_outputs[-len(self.rows) :]
        # What is hardly predictable at the best of times says nothing of broken labels.
        self.tells = self.asked.fell and self._informed(labels, said)

    def _informed(self, truth: NDArray[Any], outputs: Outputs) -> bool:
        level = self.policy.error_rate / MODELS
        return informed(self.champion.schema, truth, outputs, level, self.asked.seed)

    def perform(self, plans: Mapping[Remedy, Prepare]) -> list[_Tried]:
        done = []
        for remedy, make in plans.items():
            started = self.clock()
            bundle = self.champion if isinstance(remedy, Keep) else make()
            said = None if bundle is None else self._said(remedy, bundle)
            if bundle is not None and said is not None:
                done.append(self._measured(remedy, bundle, said, started))
        return done

    def _said(self, remedy: Remedy, bundle: Bundle) -> tuple[Outputs, tuple[Bundle, ...]] | None:
        """Return what a model and its twins say of the rows; None where it lacks one of those."""
        if bundle is self.champion:
            return self.baseline, ()
        outputs, twins = bundle.outputs(self.rows), []
        for twin in self.twins:
            other = twin.plans[remedy]()
            if other is None:
                return None
            outputs[twin.rows] = other.outputs(self.rows.loc[twin.rows])
            twins.append(other)
        return outputs, tuple(twins)

    def _measured(
        self, remedy: Remedy, bundle: Bundle, said: tuple[Outputs, tuple[Bundle, ...]],
        started: float,
    ) -> _Tried:  # fmt: skip
        outputs, twins = said
        asked, policy = self.asked, self.policy
        drawn: dict[str, Any] = {"resamples": asked.resamples, "seed": asked.seed}
        score = interval(self.metric, self.truth, outputs, confidence=0.95, **drawn)
        pair = Paired.of(self.metric, self.truth, self.baseline, outputs)
        knows = not self.tells or self._informed(self.truth, outputs)
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
            asking=float(unsure(outputs, asked.abstains).mean())
            - float(unsure(self.baseline, asked.abstains).mean()),
            measured=asked.measured,
        )
        return _Tried(Rehearsed(rehearsal, bundle, outputs, twins), pair)

    def bounded(self, tried: Sequence[_Tried], level: float) -> list[_Tried]:
        """Give each gain its lower bound, such that all hold together at a level."""
        single = single_level([one.pair for one in tried], level, seed=self.asked.seed)
        bounds = [_with_bound(one, single) for one in tried]
        return [
            replace(one, rehearsed=replace(one.rehearsed, rehearsal=bound))
            for one, bound in zip(tried, bounds, strict=True)
        ]

    def is_beyond(self, remedy: Remedy, cheap: list[_Tried], fits: list[_Tried]) -> bool:
        """Tell whether a remedy is too dear for what it could still gain."""
        reachable = self.metric.gain(self.score, self.champion.reference_score)
        tried = [one.rehearsal for one in (*cheap, *(fits if is_search(remedy) else ()))]
        reached = max((r.gain for r in tried if r.gain_low >= 0), default=0.0)
        if reachable - reached > gain_needed(remedy, self.policy):
            return False
        probed = [one.rehearsal for one in fits]
        more = any(r.gain - reached >= gain_needed(r.remedy, self.policy) for r in probed)
        return is_search(remedy) or (bool(probed) and not more)


def _with_bound(one: _Tried, level: float) -> Rehearsal:
    kept = isinstance(one.rehearsal.remedy, Keep) or not np.ptp(one.pair.parts, axis=1).any()
    low = 0.0 if kept else one.pair.bound(level)
    return replace(one.rehearsal, gain_low=low if np.isfinite(low) else -1.0, level=level)


def informed(
    schema: Schema, truth: NDArray[Any], outputs: Outputs, level: float, seed: int
) -> bool:
    """Tell whether a model loses less on labels than on the same labels moved along.

    Labels that were joined to the wrong rows carry nothing that any model could know. They are
    moved along by random distances, around the end, so that what neighbours share stays. What is
    lost is the row loss: a model need not be calibrated for it to tell right pairs from wrong.

    Args:
        schema: of the model.
        truth: labels in time order, shape (n,).
        outputs: of the model on the same rows.
        level: chance of a yes where labels and outputs have nothing to do with each other.
        seed: of the distances.

    Source:
        Edgington and Onghena, Randomization Tests (2007), chapter 11.

    >>> schema, y = Schema((), "y", "regression"), np.arange(100.0)
    >>> informed(schema, y, y, 0.01, 0), informed(schema, y[::-1], y, 0.01, 0)
    (True, False)
    """
    n = len(truth)
    if n <= 1:
        return False
    mean = float(row_losses(schema, truth, outputs).mean())
    distances = np.random.default_rng(seed).integers(1, n, size=ORDERS)
    moved = [row_losses(schema, np.roll(truth, int(by)), outputs).mean() for by in distances]
    better = np.count_nonzero(np.array(moved) <= mean)
    return bool((1 + better) / (1 + ORDERS) <= max(level, 1 / (1 + ORDERS)))
