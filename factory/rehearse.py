"""Measures what each remedy would have scored on rows that nothing rehearsed has seen."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from factory.bundle import Bundle
from factory.config import PolicyConfig
from factory.metrics import Metric, interval, metric_named, paired_gain
from factory.nouns import Bools, Keep, Outputs, Rehearsal, Remedy


@dataclass(frozen=True)
class Rehearsed:
    """A rehearsal and the model that it measured."""

    rehearsal: Rehearsal
    bundle: Bundle


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
    *,
    resamples: int,
    seed: int,
    clock: Callable[[], float],
) -> tuple[Rehearsed, ...]:
    """Perform every planned remedy without serving it, and score all on the same rows.

    The lower bound of each gain is one-sided at ``policy.error_rate`` divided by the number of
    challengers, so that trying many remedies does not find a winner by luck.

    Args:
        plans: remedy to what makes its model, cheapest first.
        rows: labelled rows, newest of the window, unseen by every model rehearsed.
        champion: the model that serves now.
        policy: error rate.
        resamples: bootstrap resamples.
        seed: of the bootstrap.
        clock: seconds, for the cost of each remedy.

    Returns:
        One entry a remedy that applied, in the order given.
    """
    metric = metric_named(champion.metric, champion.schema)
    truth = rows[champion.schema.target].to_numpy()
    baseline = champion.outputs(rows)
    confidence = bound_confidence(policy.error_rate, len(plans) - 1)
    done = []
    for remedy, prepare in plans.items():
        started = clock()
        bundle = champion if isinstance(remedy, Keep) else prepare()
        if bundle is None:
            continue
        outputs = baseline if bundle is champion else bundle.outputs(rows)
        score = interval(metric, truth, outputs, confidence=0.95, resamples=resamples, seed=seed)
        gain, low = compare(
            metric, truth, baseline, outputs, confidence=confidence, resamples=resamples, seed=seed
        )
        rehearsal = Rehearsal(
            remedy,
            score=score.value,
            low=score.low,
            high=score.high,
            gain=gain,
            gain_low=low,
            cost_seconds=clock() - started,
            rows=len(rows),
        )
        done.append(Rehearsed(rehearsal, bundle))
    return tuple(done)


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
