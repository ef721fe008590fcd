"""Judges a fitted pipeline, and gives the one that is chosen what will watch it."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from factory.budget import AlarmBudget, fit_budget
from factory.bundle import Bundle, pipeline_outputs, row_hashes
from factory.config import ModelConfig
from factory.detectors.behaviour import Behaviour, Said, behaviour
from factory.detectors.domain import FEWEST
from factory.detectors.finding import Finding
from factory.detectors.joint import joint
from factory.detectors.watched import CHUNKS, joint_design_effect, watched
from factory.diagnosis.importance import permutation_importance
from factory.estimate import fit_estimator
from factory.metrics import Metric, metric_named
from factory.nouns import Column, Floats, Outputs, Schema
from factory.online.monitor import Monitor
from factory.ood.watch import Ood
from factory.predictor import PerformancePredictor
from training.fit import sampled
from training.hedge import fit_hedges
from training.space import Params
from training.threads import one_thread

REFERENCE_ROWS = 20_000
BUDGET_ROWS = 100_000

USUAL: Mapping[str, tuple[str, ...]] = {
    "binary": ("accuracy", "balanced_accuracy", "f1_macro", "log_loss", "roc_auc"),
    "multiclass": ("accuracy", "balanced_accuracy", "f1_macro", "log_loss", "roc_auc_ovr"),
    "regression": (
        "mean_absolute_error",
        "median_absolute_error",
        "root_mean_squared_error",
        "r2",
    ),
}
"""Metrics that people expect to see beside the one that counts."""


def make_bundle(
    pipeline: Any,
    schema: Schema,
    family: str,
    params: Params,
    config: ModelConfig,
    *,
    train: pd.DataFrame,
    reference: pd.DataFrame,
) -> Bundle:
    """Judge a fitted pipeline; the bundle is light until it is ``completed``.

    Args:
        pipeline: fitted on ``train``.
        schema: columns it reads.
        family: its family's name.
        params: its hyperparameters.
        config: for the metric, the seed, and to be kept with it.
        train: rows it was offered; all count as seen, also where the family took a sample.
        reference: labelled rows it is judged on, not among ``train``.
    """
    metric = metric_named(config.metric, schema)
    outputs = pipeline_outputs(pipeline, schema, reference)
    kept = sampled(len(reference), REFERENCE_ROWS, config.seed)
    return Bundle(
        schema=schema,
        pipeline=pipeline,
        family=family,
        params=dict(params),
        metric=metric.name,
        reference=reference.iloc[kept].reset_index(drop=True),
        reference_outputs=outputs[kept],
        reference_score=metric.value(reference[schema.target].to_numpy(), outputs),
        importance={},
        neutral={column.name: neutral(train, column) for column in schema.features},
        seen=np.unique(row_hashes(train, schema)),
        config=config.model_dump(mode="json"),
    )


@one_thread()
def completed(
    bundle: Bundle,
    config: ModelConfig,
    *,
    calibration: pd.DataFrame | None = None,
    reference: pd.DataFrame | None = None,
    learn: pd.DataFrame | None = None,
    weights: Floats | None = None,
) -> Bundle:
    """Give a bundle what will watch it, once it is chosen.

    Features that are neutralised say nothing, so that what estimates the metric and what watches
    row by row do without them. Where the model has learnt from its reference, all is learnt from
    what its twins say of it.

    Args:
        bundle: a light one, or one whose watching is to be learnt anew.
        config: how it is watched; the metric stays the bundle's.
        calibration: with ``reference``, more labelled rows that it has not seen, on which features
            are permuted and from which estimates are learnt too; the reference alone where there
            are none.
        reference: all rows that it was judged on, where it keeps a sample of them.
        learn: the rows that it, or its first twin, was fitted on, for fallback models (see
            ``training.hedge``); it keeps those that it has where there are none.
        weights: how much each of those counted, shape (rows,).
    """
    held = bundle.marked if reference is None else reference
    say = bundle.unlearnt if reference is None else bundle.outputs
    outputs = bundle.reference_outputs if reference is None else bundle.outputs(held)
    known, said = held, outputs
    if calibration is not None:
        known = pd.concat([calibration, held], ignore_index=True)
        said = np.concatenate([bundle.outputs(calibration), outputs])
    metric = metric_named(bundle.metric, bundle.schema)
    sound = bundle.schema.without(bundle.neutralised)
    permuted = held if calibration is None else calibration
    kept, watch = (bundle.reference, bundle.reference_outputs), config.check.online
    worth = permutation_importance(say, bundle.schema, metric, permuted, config.seed)
    hedges = bundle.hedges
    if learn is not None:
        hedges = fit_hedges(bundle.measured, config, learn, worth, weights)
    return replace(
        bundle,
        importance=worth,
        hedges=hedges,
        estimator=fit_estimator(metric, sound, known, said, seed=config.seed),
        predictor=PerformancePredictor.fit(
            metric,
            sound,
            known,
            say,
            batches=config.check.corruptions,
            seed=config.seed,
        ),
        online=Monitor.fit(watch, sound, *kept, config.seed) if watch else None,
        ood=fit_ood(bundle.measured, config, learn),
        budget=learn_budget(held, bundle.schema, outputs, config),
    )


def fit_ood(measured: Bundle, config: ModelConfig, learn: pd.DataFrame | None) -> Ood | None:
    """Fit what tells strange rows, where the config asks for it.

    Args:
        measured: has not learnt from its reference, whose rows give the threshold.
        config: which score.
        learn: the rows that it was fitted on; where there are none, a half of the reference says
            what is known, and the other half gives the threshold.
    """
    if config.ood is None:
        return None
    held = measured.reference
    if learn is None:
        half = sampled(len(held), len(held) // 2, config.seed)
        learn, held = held.iloc[half], held.drop(index=held.index[half])
    return Ood.fit(
        config.ood, measured.pipeline, measured.schema, learnt=learn, held=held, seed=config.seed
    )


def learn_budget(
    reference: pd.DataFrame, schema: Schema, outputs: Outputs, config: ModelConfig
) -> AlarmBudget:
    """Learn from held-out rows, the newest 100,000 of them, how often a check alarms for nothing.

    Where rows come in time order, the joint test is learnt about as well.
    """
    ordered = schema.timestamp is not None
    newest = reference.iloc[-BUDGET_ROWS:].reset_index(drop=True)
    columns = watched(newest, schema, outputs[-BUDGET_ROWS:])
    budget = fit_budget(columns, ordered=ordered, seed=config.seed)
    if not budget.sizes or len(newest) < CHUNKS * FEWEST:
        return budget
    told = config.check.detectors
    effect = joint_design_effect(joint(told.joint), newest, schema, config.seed)
    budget = replace(budget, joint=effect)
    if told.behaviour is None:
        return budget
    asked = partial(_behaved, behaviour(told.behaviour), outputs[-BUDGET_ROWS:])
    effect = joint_design_effect(asked, newest, schema, config.seed)
    return replace(budget, behaviour=effect)


def _behaved(
    detector: Behaviour,
    outputs: Outputs,
    rest: pd.DataFrame,
    part: pd.DataFrame,
    schema: Schema,
    seed: int,
) -> Finding:
    """Compare chunks of rows that are numbered as their outputs are."""
    before, now = (Said(frame, outputs[frame.index.to_numpy()]) for frame in (rest, part))
    return detector(before, now, schema, seed)


def watch_gaps(bundle: Bundle) -> tuple[str, ...]:
    """Say what of the watching row by row could not be fitted."""
    parts = (bundle.online, bundle.ood)
    return tuple(part.missing for part in parts if part is not None and part.missing)


def neutral(frame: pd.DataFrame, column: Column) -> Any:
    """Return a feature's plainest value: the median, the commonest category, the middle date.

    Of equally common categories it is the first in order. Without any value it is missing, and
    so it is of texts and images. A date is a NumPy one, which skops can store.

    >>> neutral(pd.DataFrame({"a": [1.0, 2.0, 9.0]}), Column("a", "number"))
    2.0
    """
    values = frame[column.name]
    if column.embedded:
        return None
    if column.kind == "number":
        finite = values[np.isfinite(values)]
        return float(finite.median()) if len(finite) else float("nan")
    present = values.dropna()
    if column.kind == "category":
        return present.mode().iloc[0] if len(present) else None
    dates = np.sort(present.to_numpy("datetime64[ns]"))
    return dates[len(dates) // 2] if len(dates) else np.datetime64("NaT", "ns")


def usual_metrics(
    metric: Metric, schema: Schema, rows: pd.DataFrame, outputs: Outputs
) -> dict[str, float]:
    """Return the metric and the task's usual ones on labelled rows, less those undefined."""
    truth = rows[schema.target].to_numpy()
    names = dict.fromkeys((metric.name, *USUAL[schema.task]))
    values = {name: metric_named(name, schema).value(truth, outputs) for name in names}
    return {name: value for name, value in values.items() if np.isfinite(value)}


def trivial_outputs(schema: Schema, train: pd.DataFrame, rows: int) -> Outputs:
    """Return what a model says that looks at no feature: the median, or the classes' shares.

    >>> schema = Schema((), "y", "binary", classes=("a", "b"))
    >>> trivial_outputs(schema, pd.DataFrame({"y": ["a", "b", "b", "b"]}), 1).tolist()
    [[0.25, 0.75]]
    """
    if schema.task == "regression":
        return np.full(rows, float(train[schema.target].median()))
    shares = train[schema.target].value_counts(normalize=True)
    return np.tile(shares.reindex(list(schema.classes), fill_value=0.0).to_numpy(), (rows, 1))
