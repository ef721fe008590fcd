"""What every search asks of every trial: the scores of one model, fold by fold."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import isfinite
from statistics import fmean
from typing import Literal, Protocol

import pandas as pd

from factory.bundle import pipeline_outputs
from factory.config import FeaturesConfig
from factory.errors import BadData, FactoryError
from factory.metrics import Metric
from factory.nouns import Floats, Schema
from training.family import family_named
from training.fit import fit_pipeline
from training.space import Params, Space, starting_point
from training.split import Positions

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class TrialRecord:
    """One trial of a search.

    Attributes:
        number: its place in the search, from 0.
        family: model family.
        params: the family's hyperparameters, plain values.
        state: pruned is given up early, failed is refused by the learner.
        score: the metric's mean over the folds scored, natural units; None where it failed.
        folds: the metric per fold scored.
        started: clock when it began, seconds.
        ended: clock when it ended.
        error: why it failed, one sentence; empty otherwise.
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


@dataclass(frozen=True)
class Objective:
    """Fits a model on each fold and scores it on the rest.

    Attributes:
        frame: labelled training rows.
        schema: their columns.
        features: how columns become numbers.
        losses: loss per family searched.
        folds: positions to fit on and to score on.
        metric: what is optimised.
        seed: of every fit.
        first: family and hyperparameters that a search tries before all others.
        weights: how much each row counts in a fit, shape (rows,).
    """

    frame: pd.DataFrame
    schema: Schema
    features: FeaturesConfig
    losses: Mapping[str, str]
    folds: tuple[tuple[Positions, Positions], ...]
    metric: Metric
    seed: int
    first: tuple[str, Params] | None = None
    weights: Floats | None = None

    @property
    def spaces(self) -> Mapping[str, Space]:
        """Return the search space of each family."""
        return {
            name: family_named(name).space(self.schema.task, loss)
            for name, loss in self.losses.items()
        }

    @property
    def starts(self) -> list[tuple[str, Params]]:
        """Return what a search tries before it proposes anything, each once."""
        usual: list[tuple[str, Params]] = [
            (name, starting_point(space)) for name, space in self.spaces.items()
        ]
        if self.first is None:
            return usual
        return [self.first, *(start for start in usual if start != self.first)]

    def scores(self, family: str, params: Params) -> Iterator[float]:
        """Yield the metric on each fold; folds where it is undefined are passed over."""
        for fit, score in self.folds:
            pipeline = fit_pipeline(
                self.frame.iloc[fit],
                self.schema,
                self.features,
                family,
                params,
                self.losses[family],
                self.seed,
                None if self.weights is None else self.weights[fit],
            )
            rows = self.frame.iloc[score]
            outputs = pipeline_outputs(pipeline, self.schema, rows)
            value = self.metric.value(rows[self.schema.target].to_numpy(), outputs)
            if isfinite(value):
                yield value


class Search(Protocol):
    """A search backend; one line in ``training.search``."""

    def __call__(
        self,
        objective: Objective,
        *,
        trials: int,
        seconds: float,
        seed: int,
        clock: Clock,
        on_trial: Callable[[TrialRecord], None],
    ) -> tuple[TrialRecord, ...]:
        """Try models until ``trials`` have run or ``seconds`` have passed.

        The first trials are ``objective.starts``. No
        trial but the first begins after ``seconds``; one that has begun ends. ``run_trial``
        performs a trial, so that failure means the same everywhere. With the same seed and number
        of trials the result is the same.

        Args:
            objective: what is tried; ``objective.spaces`` says where.
            trials: most trials.
            seconds: budget by the clock.
            seed: of all proposals.
            clock: seconds.
            on_trial: told of each trial as it ends.
        """


def run_trial(
    objective: Objective,
    number: int,
    family: str,
    params: Params,
    *,
    clock: Clock,
    give_up: Callable[[int, float], bool],
) -> TrialRecord:
    """Perform one trial; whatever the learner raises makes it a failed one.

    Args:
        objective: what scores.
        number: the trial's place.
        family: what is fitted.
        params: its hyperparameters.
        clock: seconds.
        give_up: told each fold's number from 0 and the mean so far; true prunes the trial.
    """
    started = clock()
    values: list[float] = []
    pruned = False
    error = ""
    try:
        for fold, value in enumerate(objective.scores(family, params)):
            values.append(value)
            if give_up(fold, fmean(values)) and fold + 1 < len(objective.folds):
                pruned = True
                break
        if not values:
            error = f"{objective.metric.name} is undefined in every fold"
    except FactoryError:
        raise
    except Exception as raised:  # noqa: BLE001  a learner may refuse its data in any way it likes
        error = " ".join(f"{type(raised).__name__}: {raised}".split())
    return TrialRecord(
        number=number,
        family=family,
        params=params,
        state="failed" if error else "pruned" if pruned else "complete",
        score=None if error else fmean(values),
        folds=tuple(values),
        started=started,
        ended=clock(),
        error=error,
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
