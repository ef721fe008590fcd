"""Older rows drawn anew: some to learn from, others to see what was forgotten."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from factory.bundle import Bundle
from factory.metrics import Metric, metric_named
from factory.nouns import Outputs, Schema
from factory.replay.config import ReplayConfig
from factory.replay.replay import Replay

LOST = 0.75
"""Share of its lead over a constant that a model keeps on rows that tell the relation."""
FEWEST = 30
"""Rows below which no generator is fitted."""


def remembered(
    bundle: Bundle,
    config: ReplayConfig | None,
    rows: pd.DataFrame | None,
    tables: tuple[str, ...],
    *,
    seed: int,
) -> Replay | None:
    """Return a generator of all that a model's line has learnt from.

    Args:
        bundle: the model.
        config: None for no generator.
        rows: canonical labelled rows, those included that older generators drew.
        tables: versions of the tables that they came from, or that those stood for.
        seed: of the fit.

    Returns:
        The one that the model has already, where rows are too few for another.
    """
    if config is None:
        return None
    if rows is None or len(rows) < FEWEST:
        return bundle.replay
    schema = bundle.whole
    lacking = {name for name in schema.names if name not in rows or rows[name].isna().all()}
    return Replay.fit(config.generator, rows, schema.without(lacking), tables, seed=seed)


def older_rows_of(
    bundle: Bundle, replay: Replay, config: ReplayConfig, *, seed: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Draw canonical labelled rows like those that a model's line has learnt from.

    Args:
        bundle: the model, which may have to label them.
        replay: its generator.
        config: how many, and who labels those to learn from.
        seed: of the draws.

    Returns:
        Rows to learn from, as many as the generator learnt from or as ``config`` allows; and as
        many others to judge on, with the generator's own labels, which no model was asked for.
    """
    schema = bundle.whole
    rows = min(replay.rows, config.rows)
    held = replay.draw(rows, schema, seed=2 * seed + 1)
    known = set(bundle.schema.names) <= set(held.columns)
    by_model = known and _labels_itself(bundle, held, config)
    say = bundle.outputs if by_model else None
    return replay.draw(rows, schema, seed=2 * seed, say=say), held


def _labels_itself(bundle: Bundle, drawn: pd.DataFrame, config: ReplayConfig) -> bool:
    """Whether the model is to label what is drawn, since the generator misses the relation.

    It does where the model's lead over a constant is smaller by a quarter on its rows than it is
    on the reference.
    """
    if config.labels != "auto":
        return config.labels == "model"
    metric = metric_named(bundle.metric, bundle.schema)
    leads = [
        _lead(metric, bundle.schema, rows[bundle.schema.target].to_numpy(), outputs)
        for rows, outputs in (
            (bundle.reference, bundle.reference_outputs),
            (drawn, bundle.outputs(drawn)),
        )
    ]
    return not leads[1] >= LOST * leads[0]


def _lead(metric: Metric, schema: Schema, truth: NDArray[Any], outputs: Outputs) -> float:
    """Return how much better outputs are than the best constant, relative to that one's value."""
    if not schema.classes:
        constant = np.full(len(truth), float(np.median(truth)))
    else:
        shares = [(truth == name).mean() for name in schema.classes]
        constant = np.tile(shares, (len(truth), 1))
    return metric.gain(metric.value(truth, constant), metric.value(truth, outputs))
