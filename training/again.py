"""The champion's recipe again, or a search that starts from it, on other rows."""

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from factory.bundle import Bundle
from factory.config import ModelConfig
from factory.errors import BadData
from factory.metrics import metric_named
from factory.nouns import Floats, Schema
from training.family import family_named, loss_for
from training.fit import fit_pipeline
from training.judge import make_bundle
from training.objective import Clock, TrialRecord, ranked
from training.space import Params
from training.split import FEWEST_TRAINING_ROWS
from training.threads import one_thread
from training.train import check_target, fit_first, known_labels, labelled, searched


class _Given(NamedTuple):
    """What is learned from and judged on; ``narrowed`` where the champion read more features."""

    schema: Schema
    learn: pd.DataFrame
    held: pd.DataFrame
    weights: Floats | None
    narrowed: bool


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
    given = _given(champion, rows, reference, without, weights)
    family = family_named(champion.family)
    loss = loss_for(family, given.schema.task, config.search.loss, champion.metric)
    pipeline = fit_pipeline(
        given.learn,
        given.schema,
        config.features,
        family.name,
        champion.params,
        loss,
        config.seed,
        given.weights,
    )
    return _judged(champion, given, pipeline, (family.name, champion.params), config)


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
    """Search anew on other rows, the champion's family and hyperparameters first.

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
    given = _given(champion, rows, reference, without, weights)
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
        first=(champion.family, champion.params),
        weights=given.weights,
    )
    best, pipeline, _ = fit_first(
        ranked(trials, metric), given.learn, schema, config, losses, given.weights
    )
    return _judged(champion, given, pipeline, (best.family, best.params), config)


def remembering(bundle: Bundle, champion: Bundle) -> Bundle:
    """Let a bundle that dropped features keep what they looked like when they were sound."""
    names = [name for name in champion.whole.names if name not in bundle.schema.names]
    known = [name for name in names if name in champion.reference]
    rows = np.linspace(0, len(champion.reference) - 1, len(bundle.reference)).round().astype(int)
    sound = {name: champion.reference[name].to_numpy()[rows] for name in known}
    reference = bundle.reference.assign(**sound)
    return replace(bundle, reference=reference, columns=champion.whole.features)


def _given(
    champion: Bundle,
    rows: pd.DataFrame,
    reference: pd.DataFrame,
    without: tuple[str, ...],
    weights: Floats | None,
) -> _Given:
    schema = champion.whole.without(without)
    if not schema.features:
        raise BadData(
            f"No feature is left without {', '.join(without)}.", hint="drop fewer features"
        )
    known = known_labels(rows, schema)
    if weights is not None:
        known &= weights > 0
        weights = weights[known]
    learn = rows.iloc[np.flatnonzero(known)].reset_index(drop=True)
    held = labelled(reference, schema)
    if len(learn) < FEWEST_TRAINING_ROWS or held.empty:
        raise BadData(
            f"{len(learn)} labelled rows to learn from and {len(held)} to judge on are too few.",
            hint="wait for more labels",
        )
    check_target(learn, schema)
    return _Given(schema, learn, held, weights, bool(without))


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
    bundle = replace(bundle, units=champion.units)
    return remembering(bundle, champion) if given.narrowed else bundle
