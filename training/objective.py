"""What every search asks of every trial: the scores of one model, fold by fold."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import isfinite
from statistics import fmean
from typing import Any, Literal

import pandas as pd

from factory.bundle import pipeline_outputs
from factory.config import FeaturesConfig
from factory.errors import BadData, FactoryError
from factory.metrics import Metric
from factory.nouns import Floats, Schema
from training.family import family_named
from training.fit import fit_pipeline, growing_pipelines, sampled
from training.inner import InnerTrial, listening
from training.space import Params, Space
from training.split import Positions

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a trial is to try.

    Attributes:
        number: its place in the search, from 0.
        family: model family.
        params: the family's hyperparameters, plain values.
        share: part of each fold's rows that it is fitted on; a share below 1 is a heat of a
            halving search.
    """

    number: int
    family: str
    params: Params
    share: float = 1.0


@dataclass(frozen=True, slots=True)
class TrialRecord:
    """One trial of a search.

    Attributes:
        number: its place in the search, from 0.
        family: model family.
        params: the family's hyperparameters, plain values.
        state: pruned is given up early, or was fitted on a share of the rows; failed is refused
            by the learner.
        score: the metric's mean over the folds scored, natural units; None where it failed.
        folds: the metric per fold scored.
        started: clock when it began, seconds.
        ended: clock when it ended.
        error: why it failed, one sentence; empty otherwise.
        share: part of each fold's rows that it was fitted on.
        inner: what a family that searches within a fit tried.
        found: what such a family's first fit found; with it, the later ones did not search.
    """

    number: int
    family: str
    params: Params
    state: Literal["complete", "pruned", "failed"]
    score: float | None
    folds: tuple[float, ...]
    started: float
    ended: float
    error: str = ""
    share: float = 1.0
    inner: tuple[InnerTrial, ...] = ()
    found: Params = field(default_factory=dict)

    @property
    def recipe(self) -> Params:
        """Return hyperparameters by which the family is fitted without a search of its own."""
        return {**self.params, **self.found}


@dataclass(frozen=True, slots=True)
class Score:
    """The metric on one fold.

    Attributes:
        value: of the metric.
        final: unless the model is still growing.
        found: see ``TrialRecord.found``.
    """

    value: float
    final: bool = True
    found: Params = field(default_factory=dict)


@dataclass(frozen=True)
class Objective:
    """Fits a model on each fold and scores it on the rest.

    Attributes:
        frame: labelled training rows.
        schema: their columns.
        features: how columns become numbers.
        losses: loss per family searched.
        spaces: search space per family.
        starts: what a search tries before it proposes anything, each once.
        folds: positions to fit on and to score on.
        metric: what is optimised.
        seed: of every fit.
        weights: how much each row counts in a fit, shape (rows,).
        stages: scores per fold of a family that grows (see ``Family.stages``).
    """

    frame: pd.DataFrame
    schema: Schema
    features: FeaturesConfig
    losses: Mapping[str, str]
    spaces: Mapping[str, Space]
    starts: tuple[tuple[str, Params], ...]
    folds: tuple[tuple[Positions, Positions], ...]
    metric: Metric
    seed: int
    weights: Floats | None = None
    stages: int = 1

    def steps(self, family: str) -> int:
        """Return how many scores a whole trial of a family has, at most."""
        growing = family_named(family).stages is not None
        return len(self.folds) * (self.stages if growing else 1)

    def scores(self, proposal: Proposal) -> Iterator[Score]:
        """Yield the metric on each fold; folds where it is undefined are passed over.

        What a family found by a search within the first fold's fit is fitted on the others.
        """
        settled = family_named(proposal.family).settled
        found: Params = {}
        for fit, score in self.folds:
            rows = self.frame.iloc[score]
            truth = rows[self.schema.target].to_numpy()
            given = replace(proposal, params={**proposal.params, **found})
            for pipeline, final in self._fitted(fit, given):
                if settled is not None and not found:
                    found = settled(pipeline[-1])
                value = self.metric.value(truth, pipeline_outputs(pipeline, self.schema, rows))
                if isfinite(value):
                    yield Score(value, final, found)

    def _fitted(self, fit: Positions, proposal: Proposal) -> Iterator[tuple[Any, bool]]:
        if proposal.share < 1:
            fit = fit[sampled(len(fit), max(1, round(len(fit) * proposal.share)), self.seed)]
        family = proposal.family
        settings = (
            self.frame.iloc[fit],
            self.schema,
            self.features,
            family,
            proposal.params,
            self.losses[family],
            self.seed,
            None if self.weights is None else self.weights[fit],
        )
        if self.steps(family) == len(self.folds):
            yield fit_pipeline(*settings), True
            return
        yield from growing_pipelines(*settings, stages=self.stages)


def run_trial(
    objective: Objective,
    proposal: Proposal,
    *,
    clock: Clock,
    give_up: Callable[[int, float], bool],
) -> TrialRecord:
    """Perform one trial; whatever the learner raises makes it a failed one.

    Args:
        objective: what scores.
        proposal: what is tried.
        clock: seconds.
        give_up: told each score's number from 1 and the mean so far; true prunes the trial.
    """
    started = clock()
    values: list[float] = []
    found: Params = {}
    pruned = proposal.share < 1
    error = ""
    with listening() as inner:
        try:
            last = objective.steps(proposal.family)
            for step, score in enumerate(objective.scores(proposal), 1):
                mean = fmean([*values, score.value])
                found = score.found
                if score.final:
                    values.append(score.value)
                if give_up(step, mean) and step < last:
                    pruned = True
                    break
            if not values and not pruned:
                error = f"{objective.metric.name} is undefined in every fold"
        except FactoryError:
            raise
        except Exception as raised:  # noqa: BLE001  a learner may refuse its data in any way it likes
            error = " ".join(f"{type(raised).__name__}: {raised}".split())
    return TrialRecord(
        number=proposal.number,
        family=proposal.family,
        params=proposal.params,
        state="failed" if error else "pruned" if pruned else "complete",
        score=fmean(values) if values and not error else None,
        folds=tuple(values),
        started=started,
        ended=clock(),
        error=error,
        share=proposal.share,
        inner=tuple(inner),
        found=found,
    )


def ranked(trials: tuple[TrialRecord, ...], metric: Metric) -> list[TrialRecord]:
    """Return the complete trials, best first; of equals the earlier one.

    Raises:
        BadData: there is none.
    """
    sign = -1.0 if metric.greater_is_better else 1.0
    complete = [
        (sign * t.score, t) for t in trials if t.state == "complete" and t.score is not None
    ]
    if not complete:
        first = next((trial.error for trial in trials if trial.error), "no trial was started")
        raise BadData(
            f"No model could be trained; the first to fail said: {first}.",
            hint="search other families, or look at the data for what is named",
        )
    return [trial for _, trial in sorted(complete, key=lambda entry: entry[0])]


def recipes(best: Sequence[TrialRecord], count: int = 3) -> tuple[tuple[str, Params], ...]:
    """Return what the best trials tried, each once, best first.

    >>> trial = TrialRecord(0, "f", {"a": 1}, "complete", 0.5, (), 0.0, 1.0)
    >>> recipes([trial, trial])
    (('f', {'a': 1}),)
    """
    told = [(trial.family, dict(trial.recipe)) for trial in best]
    return tuple(one for place, one in enumerate(told) if one not in told[:place])[:count]
