"""Makes a model: split, search, fit and judge."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from factory.breakdown.breakdown import require_parts
from factory.bundle import Bundle, row_hashes
from factory.config import ModelConfig
from factory.errors import BadData
from factory.metrics import Metric, metric_named
from factory.nouns import Floats, Schema
from factory.twins import Twins
from training.curves import Curves, curves_of
from training.family import family_named, loss_for
from training.features import cardinality_notes, check_features, date_notes
from training.fit import fit_pipeline
from training.judge import (
    completed,
    make_bundle,
    neutral,
    trivial_outputs,
    usual_metrics,
    watch_gaps,
)
from training.labels import after, check_target, labelled
from training.notes import Note
from training.objective import Clock, TrialRecord, ranked, recipes
from training.remarks import fit_notes, judge_notes, row_notes
from training.search.run import search
from training.space import Params
from training.split import split
from training.threads import one_thread
from training.trying import IN_MEMORY, Keeping, objective_of, plan_of


@dataclass(frozen=True)
class Trained:
    """A trained model and how it came about.

    Attributes:
        bundle: the model, judged on the reference.
        best: the trial it follows.
        trials: all trials, in order.
        notes: what one should know beside.
        metrics: usual metrics on the whole reference, by name.
        calibration: the same on the calibration rows.
        baseline: the metric of a model that looks at no feature, on the reference.
    """

    bundle: Bundle
    best: TrialRecord
    trials: tuple[TrialRecord, ...]
    notes: tuple[Note, ...]
    metrics: Mapping[str, float]
    calibration: Mapping[str, float]
    baseline: float


@one_thread()
def train(
    frame: pd.DataFrame,
    schema: Schema,
    config: ModelConfig,
    *,
    clock: Clock,
    on_trial: Callable[[TrialRecord], None] | None = None,
    keeping: Keeping = IN_MEMORY,
    older: pd.DataFrame | None = None,
) -> Trained:
    """Search a model on the training rows, judge the best on the reference, fit it on all rows.

    What serves has learnt from the reference too, whose rows are the newest; all that is told of
    it, and all that watches it, comes from its twin, which has not (see ``factory.twins``).

    Args:
        frame: rows in canonical form; those without a label are left out.
        schema: their columns.
        config: everything else, the seed included.
        clock: seconds, for the search's budget.
        on_trial: told of each trial as it ends.
        keeping: where trials are kept, and what memory the process holds.
        older: canonical labelled rows that stand for some that are not kept; they are learnt
            from, and nothing is judged on them.

    Raises:
        BadData: too few rows, nothing to learn, or no model that can be trained.
        BadConfig: a metric, loss or feature setting that does not fit the data.
    """
    require_parts(config.check, schema)
    metric, losses, known, learn, calibration, reference = _given(frame, schema, config, older)
    trials = searched(learn, schema, config, metric, losses, clock, on_trial, keeping=keeping)
    order = ranked(trials, metric)
    best, pipeline, failures = fit_first(order, learn, schema, config, losses)
    bundle = make_bundle(
        pipeline, schema, best.family, best.recipe, config, train=learn, reference=reference
    )
    bundle = replace(bundle, found=recipes(order))
    bundle = completed(bundle, config, calibration=calibration, reference=reference, learn=learn)
    said = bundle.outputs(reference), bundle.outputs(calibration)
    trivial = trivial_outputs(schema, learn, len(reference))
    notes = (
        *row_notes(len(frame), known, len(learn)),
        *cardinality_notes(learn, schema, config.features, tuple(map(family_named, losses))),
        *date_notes(learn, schema, config.features),
        *failures,
        *fit_notes(learn, schema, family_named(best.family), losses, config.seed),
        *judge_notes(reference, schema),
        *(Note(text) for text in watch_gaps(bundle)),
    )
    return Trained(
        bundle=taught(bundle, after(older, labelled(frame, schema), schema), config),
        best=best,
        trials=trials,
        notes=notes,
        metrics=usual_metrics(metric, schema, reference, said[0]),
        calibration=usual_metrics(metric, schema, calibration, said[1]),
        baseline=metric.value(reference[schema.target].to_numpy(), trivial),
    )


@one_thread()
def join(
    frame: pd.DataFrame,
    schema: Schema,
    config: ModelConfig,
    *,
    clock: Clock,
    keeping: Keeping,
    on_trial: Callable[[TrialRecord], None] | None = None,
    older: pd.DataFrame | None = None,
) -> tuple[TrialRecord, ...]:
    """Take part in the search of a training that another process runs, until its trials are over.

    Args:
        frame: the same rows as that training's.
        schema: their columns.
        config: the same configuration.
        clock: seconds, for this worker's own budget.
        keeping: the study that it keeps.
        on_trial: told of each trial of this worker as it ends.
        older: as that training has them.

    Returns:
        All trials that are over, by all workers.

    Raises:
        Unavailable: there is no such search, or its store does not answer.
    """
    given = _given(frame, schema, config, older)
    return searched(
        given.learn,
        schema,
        config,
        given.metric,
        given.losses,
        clock,
        on_trial,
        keeping=keeping,
    )


@one_thread()
def look_back(
    frame: pd.DataFrame,
    schema: Schema,
    config: ModelConfig,
    trained: Trained,
    older: pd.DataFrame | None = None,
) -> Curves:
    """Return what one looks at after a training's search; it costs some nine fits.

    Args:
        frame: the rows that were given to ``train``.
        schema: their columns.
        config: as there.
        trained: what came of it.
        older: as there.
    """
    given = _given(frame, schema, config, older)
    objective = objective_of(given.learn, schema, config, given.metric, given.losses)
    return curves_of(objective, trained.best, trained.trials)


class _Given(NamedTuple):
    """What is learned from and judged on; ``rows`` are labelled."""

    metric: Metric
    losses: Mapping[str, str]
    rows: int
    learn: pd.DataFrame
    calibration: pd.DataFrame
    reference: pd.DataFrame


def _given(
    frame: pd.DataFrame, schema: Schema, config: ModelConfig, older: pd.DataFrame | None
) -> _Given:
    metric = metric_named(config.metric, schema)
    families = [family_named(name) for name in config.search.families]
    losses = {f.name: loss_for(f, schema.task, config.search.loss, metric.name) for f in families}
    check_features(schema, config.features)
    rows = labelled(frame, schema)
    parts = split(rows, schema, config.split, config.seed)
    learn, calibration, reference = (
        rows.iloc[part].reset_index(drop=True)
        for part in (parts.train, parts.calibration, parts.reference)
    )
    learn = after(older, learn, schema)
    check_target(learn, schema)
    return _Given(metric, losses, len(rows), learn, calibration, reference)


def taught(measured: Bundle, rows: pd.DataFrame, config: ModelConfig) -> Bundle:
    """Fit a judged model's recipe on all rows, its reference included; it speaks for that no more.

    Args:
        measured: which becomes the twin of what is returned.
        rows: labelled rows.
        config: feature engineering, loss and seed.
    """
    family, schema = family_named(measured.family), measured.schema
    loss = loss_for(family, schema.task, config.search.loss, measured.metric)
    recipe = config.features, family.name, measured.params, loss, config.seed
    try:
        pipeline = fit_pipeline(rows, schema, *recipe)
    except ValueError:
        # What converged on the training rows can diverge on all; then what was judged serves.
        return measured
    return replace(
        measured,
        pipeline=pipeline,
        neutral={column.name: neutral(rows, column) for column in schema.features},
        seen=np.unique(row_hashes(rows, schema)),
        twins=Twins((measured.pipeline,), np.zeros(len(measured.reference), dtype=np.int64)),
    )


def searched(
    learn: pd.DataFrame,
    schema: Schema,
    config: ModelConfig,
    metric: Metric,
    losses: Mapping[str, str],
    clock: Clock,
    on_trial: Callable[[TrialRecord], None] | None,
    *,
    first: tuple[tuple[str, Params], ...] = (),
    weights: Floats | None = None,
    keeping: Keeping = IN_MEMORY,
) -> tuple[TrialRecord, ...]:
    """Run the configured search on the training rows, at most 20,000 of them.

    Args:
        learn: labelled rows.
        schema: their columns.
        config: backend, spaces, budget and seed.
        metric: what is optimised.
        losses: loss per family searched.
        clock: seconds.
        on_trial: told of each trial as it ends.
        first: families and hyperparameters to try first.
        weights: how much each row counts in a fit, shape (rows,).
        keeping: where trials are kept, and what memory the process holds.
    """
    objective = objective_of(learn, schema, config, metric, losses, first=first, weights=weights)
    return search(objective, plan_of(config, clock, on_trial, keeping))


def fit_first(
    candidates: Sequence[TrialRecord],
    learn: pd.DataFrame,
    schema: Schema,
    config: ModelConfig,
    losses: Mapping[str, str],
    weights: Floats | None = None,
) -> tuple[TrialRecord, Pipeline, tuple[Note, ...]]:
    """Fit the first of the trials that can be fitted on all training rows.

    Raises:
        BadData: none can.
    """
    notes: list[Note] = []
    for trial in candidates:
        family = trial.family
        settings = (config.features, family, trial.recipe, losses[family], config.seed)
        try:
            return trial, fit_pipeline(learn, schema, *settings, weights), tuple(notes)
        except ValueError as error:
            # What converged on folds can diverge on all rows; the next best is then taken.
            notes.append(Note(f"Trial {trial.number} could not be fitted on all rows: {error}."))
    raise BadData(
        f"No model could be fitted on all training rows: {notes[0].text}",
        hint="search other families",
    )
