"""The test that a challenger must pass before it serves."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from factory.bundle import Bundle
from factory.metrics import metric_named
from factory.nouns import Outputs, Verdict
from factory.rehearse import compare


@dataclass(frozen=True, slots=True)
class Bar:
    """What the gate asks for.

    ``gain`` is the relative gain needed, ``confidence`` two-sided: its lower bound must lie
    above 0. ``resamples`` and ``seed`` belong to the bootstrap.
    """

    gain: float
    confidence: float
    resamples: int
    seed: int
    minimum_rows: int


def gate(champion: Bundle, challenger: Bundle, rows: pd.DataFrame, bar: Bar) -> Verdict:
    """Compare challenger and champion, paired, on labelled rows that neither was trained on.

    Args:
        champion: the model that serves now.
        challenger: the model as the registry returns it, so that a bundle which does not
            survive saving and loading cannot pass.
        rows: labelled rows; those that either model has seen do not count.
        bar: what is asked.
    """
    schema = champion.schema
    fresh = champion.unseen(rows) & challenger.unseen(rows) if schema.identifiable else None
    rows = rows if fresh is None else rows.loc[fresh]
    if len(rows) < bar.minimum_rows:
        needed = f"{bar.minimum_rows} are needed"
        return Verdict(
            passed=False, because=f"Only {len(rows)} rows are new to both models; {needed}"
        )
    before, after = champion.outputs(rows), challenger.outputs(rows)
    if degenerate := _degenerate(after, before):
        return Verdict(passed=False, because=degenerate)
    metric = metric_named(champion.metric, schema)
    gain, low = compare(
        metric,
        rows[schema.target].to_numpy(),
        before,
        after,
        confidence=bar.confidence,
        resamples=bar.resamples,
        seed=bar.seed,
    )
    measured = f"{metric.name} {gain:+.1%} (at least {low:+.1%}) on {len(rows):,} rows"
    if low > 0 and gain >= bar.gain:
        return Verdict(passed=True, because=f"The challenger does better: {measured}")
    return Verdict(passed=False, because=f"No certain gain of {bar.gain:.1%}: {measured}")


def gate_first(challenger: Bundle, baseline: float) -> Verdict:
    """Ask of a first champion that it beats a model that ignores every feature.

    Args:
        challenger: the candidate, judged on its reference.
        baseline: the same metric of the best constant prediction on the same rows.
    """
    metric = metric_named(challenger.metric, challenger.schema)
    said = (
        f"{metric.name} {challenger.reference_score:.4g} against {baseline:.4g} of a constant "
        f"on {len(challenger.reference):,} held-out rows"
    )
    if degenerate := _degenerate(challenger.reference_outputs, None):
        return Verdict(passed=False, because=degenerate)
    if metric.gain(baseline, challenger.reference_score) > 0:
        return Verdict(passed=True, because=f"The model beats a constant prediction: {said}")
    return Verdict(passed=False, because=f"The model does not beat a constant prediction: {said}")


def _degenerate(outputs: Outputs, champion: Outputs | None) -> str | None:
    if not np.all(np.isfinite(outputs)):
        return "Some predictions are not finite"
    constant = len(outputs) > 1 and bool(np.all(outputs == outputs[0]))
    varied = champion is None or not bool(np.all(champion == champion[0]))
    return "The model predicts the same for every row" if constant and varied else None
