"""Hedges: fallback models without a group of features, fitted before the group breaks."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from factory.bundle import Bundle, pipeline_outputs
from factory.config import ModelConfig
from factory.errors import BadConfig
from factory.metrics import metric_named
from factory.nouns import Column, Floats
from training.family import family_named, loss_for
from training.fit import fit_pipeline, sampled

ROWS = 20_000
"""Rows in which features that go missing together are looked for."""
FEWEST = 10
"""Missing values that tell with what else a feature goes missing."""
TOGETHER = 0.9
"""Share of the rows that miss either feature, in which both are missing."""
Group = tuple[str, ...]


def fit_hedges(
    bundle: Bundle,
    config: ModelConfig,
    learn: pd.DataFrame,
    importance: Mapping[str, float],
    weights: Floats | None = None,
) -> dict[Group, Pipeline]:
    """Fit the model's recipe without each of the groups whose loss would hurt most.

    A group is left out where its loss would cost less than what is worth acting on
    (``policy.minimum_gain``), and where the fallback gains less than that on the reference over
    neutralising the group, which costs nothing.

    Args:
        bundle: the model.
        config: ``hedges``, feature engineering and seed.
        learn: the labelled rows it was fitted on.
        importance: per feature, the relative loss of the metric without it.
        weights: how much each row counted, shape (rows,).

    Returns:
        Pipelines by the features they do without, the most important group first.

    Raises:
        BadConfig: a group names a feature that the model's line never read.
    """
    family = family_named(bundle.family)
    loss = loss_for(family, bundle.schema.task, config.search.loss, bundle.metric)
    metric = metric_named(bundle.metric, bundle.schema)
    truth = bundle.reference[bundle.schema.target].to_numpy()
    found: dict[Group, Pipeline] = {}
    for group in hedged_groups(bundle, config, learn, importance):
        schema = bundle.schema.without(group)
        recipe = (config.features, family.name, bundle.params, loss, config.seed, weights)
        try:
            pipeline = fit_pipeline(learn, schema, *recipe)
        except ValueError:
            # A recipe may need what it has lost; the feature can then only be neutralised.
            continue
        muted = bundle.neutralise(group).reference_score
        fallback = metric.value(truth, pipeline_outputs(pipeline, schema, bundle.reference))
        if metric.gain(muted, fallback) > config.policy.minimum_gain:
            found[group] = pipeline
    return found


def hedged_groups(
    bundle: Bundle, config: ModelConfig, learn: pd.DataFrame, importance: Mapping[str, float]
) -> list[Group]:
    """Return the groups of features that get a fallback model, the most important first.

    Each holds the features that are neutralised already, since those are broken.
    """
    unknown = {name for group in config.hedges.groups for name in group} - set(bundle.whole.names)
    if unknown:
        raise BadConfig(
            f"hedges.groups: the model reads no feature {', '.join(sorted(unknown))}.",
            hint="name features of the data",
        )
    read = bundle.schema.without(bundle.neutralised)
    named = [tuple(n for n in group if n in read.names) for group in config.hedges.groups]
    named = [group for group in named if group]
    taken = {name for group in named for name in group}
    rest = tuple(column for column in read.features if column.name not in taken)
    groups = [*named, *_missing_together(rest, learn, config.seed)]
    worth = {group: sum(max(importance.get(name, 0.0), 0.0) for name in group) for group in groups}
    able = [
        group
        for group in groups
        if worth[group] > config.policy.minimum_gain and len(group) < len(read.names)
    ]
    able.sort(key=lambda group: -worth[group])
    return [tuple(sorted({*group, *bundle.neutralised})) for group in able[: config.hedges.most]]


def _missing_together(columns: tuple[Column, ...], learn: pd.DataFrame, seed: int) -> list[Group]:
    """Return groups of features that go missing in the same rows; the others stand alone."""
    few = learn.iloc[sampled(len(learn), ROWS, seed)]
    names = [column.name for column in columns]
    if not names:
        return []
    lost = few[names].isna().to_numpy().astype(np.float64)
    both = lost.T @ lost
    alone = np.diag(both)
    either = alone[:, None] + alone[None] - both
    close = (both >= TOGETHER * either) & (alone[:, None] >= FEWEST)
    groups: list[Group] = []
    left = list(range(len(names)))
    while left:
        first = left[0]
        members = [i for i in left if i == first or close[first, i]]
        groups.append(tuple(names[i] for i in members))
        left = [i for i in left if i not in members]
    return groups
