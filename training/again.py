"""The champion's recipe again, or a search that starts from it, on other rows or on all."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from factory.bundle import Bundle, row_hashes
from factory.config import ModelConfig
from factory.errors import BadData
from factory.metrics import metric_named
from factory.nouns import Counts, Floats, Outputs, Schema
from factory.twins import Twins
from training.family import family_named, loss_for
from training.fit import fit_pipeline, sampled
from training.judge import REFERENCE_ROWS, make_bundle, neutral
from training.labels import check_target, known_labels, labelled
from training.objective import Clock, TrialRecord, ranked, recipes
from training.space import Params
from training.split import FEWEST_TRAINING_ROWS
from training.threads import one_thread
from training.train import fit_first, searched


@dataclass(frozen=True, eq=False)
class Judged:
    """What a measured model and its twins said of rows that they had not learnt from.

    Attributes:
        rows: canonical rows, all of them labelled.
        outputs: of whoever speaks for each, shape (n,) or (n, k).
        speaks: 0 for the measured model, else the number of the twin, from 1, shape (n,).
    """

    rows: pd.DataFrame
    outputs: Outputs
    speaks: Counts


class _Given(NamedTuple):
    """What is learned from and judged on."""

    schema: Schema
    learn: pd.DataFrame
    held: pd.DataFrame
    weights: Floats | None


@one_thread()
def refit(
    champion: Bundle,
    rows: pd.DataFrame,
    reference: pd.DataFrame,
    config: ModelConfig,
    *,
    without: tuple[str, ...] = (),
    weights: Floats | None = None,
) -> Bundle:
    """Fit the champion's family and hyperparameters on other rows; nothing is searched.

    All features that its line ever read are learned from again, also those neutralised in the
    champion or dropped before it, less ``without``. Every labelled row of ``rows`` trains. The
    bundle is light: whoever serves it completes it first (see ``training.judge.completed``).

    Args:
        champion: whose recipe it is.
        rows: what is learned from; rows without a label or of an unknown class are left out.
        reference: what the result is judged on, not among ``rows``.
        config: feature engineering, loss, metric and seed.
        without: features that the new model does not read.
        weights: how much each of ``rows`` counts, shape (n,); see ``training.weights``.

    Raises:
        BadData: too few labelled rows, one class only, or no feature left.
    """
    given = _given(champion.whole.without(without), rows, reference, weights)
    pipeline = _again(champion, given.schema, given.learn, given.weights, config)
    return _judged(champion, given, pipeline, (champion.family, champion.params), config)


@one_thread()
def research(
    champion: Bundle,
    rows: pd.DataFrame,
    reference: pd.DataFrame,
    config: ModelConfig,
    *,
    clock: Clock,
    without: tuple[str, ...] = (),
    weights: Floats | None = None,
    on_trial: Callable[[TrialRecord], None] | None = None,
) -> Bundle:
    """Search anew on other rows, from where the champion's own search ended.

    What is found is thus at least as good on the search's folds as the champion's recipe. The
    budget is ``config.search``'s.

    Args:
        champion: where the search starts; its family is searched in any case.
        rows: as of ``refit``.
        reference: as of ``refit``.
        config: families, backend and budget of the search beside what ``refit`` takes.
        clock: seconds.
        without: as of ``refit``.
        weights: as of ``refit``.
        on_trial: told of each trial as it ends.

    Raises:
        BadData: as ``refit``, or no model that can be trained.
    """
    given = _given(champion.whole.without(without), rows, reference, weights)
    schema = given.schema
    metric = metric_named(champion.metric, schema)
    names = dict.fromkeys((champion.family, *config.search.families))
    families = [family_named(name) for name in names]
    losses = {f.name: loss_for(f, schema.task, config.search.loss, metric.name) for f in families}
    trials = searched(
        given.learn,
        schema,
        config,
        metric,
        losses,
        clock,
        on_trial,
        first=((champion.family, champion.params), *champion.found),
        weights=given.weights,
    )
    order = ranked(trials, metric)
    best, pipeline, _ = fit_first(order, given.learn, schema, config, losses, given.weights)
    bundle = _judged(champion, given, pipeline, (best.family, best.recipe), config)
    return replace(bundle, found=recipes(order))


@one_thread()
def served(
    measured: Bundle,
    twins: Sequence[Bundle],
    rows: pd.DataFrame,
    judged: Judged,
    config: ModelConfig,
    *,
    weights: Floats | None = None,
) -> Bundle:
    """Fit a measured model's recipe once more, on all rows, those included that it was measured on.

    The rows that a model is measured on are the newest, and often the ones that teach most. What
    the result is judged by stays what was measured: the reference is the judged rows, and its
    outputs are those of the twins, none of which has learnt from the rows that it speaks for.

    Args:
        measured: a light refit, whose family, hyperparameters and features are taken.
        twins: the same recipe fitted on others of the judged rows, where it was cross-fitted.
        rows: as of ``refit``.
        judged: the rows that were measured on, and what was said of them.
        config: as of ``refit``.
        weights: as of ``refit``.

    Returns:
        A light bundle.

    Raises:
        BadData: as ``refit``, or the recipe cannot be fitted on these rows.
    """
    schema = measured.schema
    learn, pipeline = fitted_again(measured, rows, config, weights=weights)
    metric = metric_named(measured.metric, schema)
    truth = judged.rows[schema.target].to_numpy()
    kept = sampled(len(judged.rows), REFERENCE_ROWS, config.seed)
    bundle = replace(
        measured,
        pipeline=pipeline,
        reference=judged.rows.iloc[kept].reset_index(drop=True),
        reference_outputs=judged.outputs[kept],
        reference_score=metric.value(truth, judged.outputs),
        neutral={column.name: neutral(learn, column) for column in schema.features},
        seen=np.unique(row_hashes(learn, schema)),
        twins=Twins(tuple(b.pipeline for b in (measured, *twins)), judged.speaks[kept]),
    )
    return remembering(bundle, measured) if schema != measured.whole else bundle


def fitted_again(
    recipe: Bundle, rows: pd.DataFrame, config: ModelConfig, *, weights: Floats | None = None
) -> tuple[pd.DataFrame, Pipeline]:
    """Fit a model's recipe, on the features that it reads, on other rows.

    Args:
        recipe: whose family, hyperparameters and features are taken.
        rows: as of ``refit``.
        config: as of ``refit``.
        weights: as of ``refit``.

    Returns:
        The rows that were learnt from, and the fitted pipeline.

    Raises:
        BadData: as ``refit``, or the recipe cannot be fitted on these rows.
    """
    learn, counting = _learnt(recipe.schema, rows, weights)
    try:
        return learn, _again(recipe, recipe.schema, learn, counting, config)
    except ValueError as error:
        raise BadData(
            f"The recipe cannot be fitted on {len(learn)} rows: {error}", hint="search anew"
        ) from error


def remembering(bundle: Bundle, champion: Bundle) -> Bundle:
    """Let a bundle that dropped features keep what they looked like when they were sound."""
    names = [name for name in champion.whole.names if name not in bundle.schema.names]
    known = [name for name in names if name in champion.reference]
    rows = np.linspace(0, len(champion.reference) - 1, len(bundle.reference)).round().astype(int)
    sound = {name: champion.reference[name].to_numpy()[rows] for name in known}
    reference = bundle.reference.assign(**sound)
    return replace(bundle, reference=reference, columns=champion.whole.features)


def _given(
    schema: Schema, rows: pd.DataFrame, reference: pd.DataFrame, weights: Floats | None
) -> _Given:
    if not schema.features:
        raise BadData("No feature is left to learn from.", hint="drop fewer features")
    learn, weights = _learnt(schema, rows, weights)
    held = labelled(reference, schema)
    if held.empty:
        raise BadData("There is no labelled row to judge on.", hint="wait for more labels")
    return _Given(schema, learn, held, weights)


def _learnt(
    schema: Schema, rows: pd.DataFrame, weights: Floats | None
) -> tuple[pd.DataFrame, Floats | None]:
    known = known_labels(rows, schema)
    if weights is not None:
        known &= weights > 0
        weights = weights[known]
    learn = rows.iloc[np.flatnonzero(known)].reset_index(drop=True)
    if len(learn) < FEWEST_TRAINING_ROWS:
        raise BadData(
            f"{len(learn)} labelled rows are too few to learn from.", hint="wait for more labels"
        )
    check_target(learn, schema)
    return learn, weights


def _again(
    recipe: Bundle, schema: Schema, learn: pd.DataFrame, weights: Floats | None, config: ModelConfig
) -> Pipeline:
    family = family_named(recipe.family)
    loss = loss_for(family, schema.task, config.search.loss, recipe.metric)
    how = config.features, family.name, recipe.params, loss, config.seed, weights
    return fit_pipeline(learn, schema, *how)


def _judged(
    champion: Bundle,
    given: _Given,
    pipeline: Pipeline,
    recipe: tuple[str, Params],
    config: ModelConfig,
) -> Bundle:
    judged_by = config.model_copy(update={"metric": champion.metric})
    bundle = make_bundle(
        pipeline, given.schema, *recipe, judged_by, train=given.learn, reference=given.held
    )
    bundle = replace(bundle, units=champion.units, found=champion.found)
    return remembering(bundle, champion) if given.schema != champion.whole else bundle
