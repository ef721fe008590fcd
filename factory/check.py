"""Check: measure a window against the champion's reference, and conclude nothing yet."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from factory.breakdown.breakdown import breakdown
from factory.breakdown.rows import Rows
from factory.bundle import Bundle
from factory.config import CheckConfig
from factory.detectors import domain
from factory.detectors.behaviour import FEWEST, Said, behaviour
from factory.detectors.features import Measured, judged, measure, measure_one
from factory.detectors.finding import Finding
from factory.detectors.joint import Joint
from factory.detectors.joint import joint as joint_detector
from factory.detectors.watched import said
from factory.nouns import Bools, Evidence, Outputs, Problem, Schema, Signal, Window
from factory.performance import foretell, performance
from factory.power import normal_scale
from factory.profile import Categories, Numbers, Profile
from factory.quality import inspect
from factory.quality.labels import inspect_labels
from factory.stream import Whole

FEWEST_LABELS = 30
"""Labelled rows below which nothing is said of label drift."""


@dataclass(frozen=True)
class Checked:
    """What a check leaves for the verbs after it.

    Attributes:
        evidence: all that was measured.
        outputs: the champion's outputs on all rows of the window, shape (rows,) or (rows, k).
        broken: per damaged feature, and the target, the rows that must not be trained on, shape
            (rows,).
    """

    evidence: Evidence
    outputs: Outputs
    broken: Mapping[str, Bools]


def check(
    bundle: Bundle,
    window: Window,
    config: CheckConfig,
    *,
    model: str,
    version: int,
    seed: int,
    whole: Whole | None = None,
    now: datetime | None = None,
) -> Checked:
    """Measure quality, drift and performance of one window.

    Performance is realised where labels are in, and estimated on all rows where that is possible.

    Features that the champion already has neutralised keep their drift signals, but do not
    alarm, and do not enter the joint test; their problems are marked as handled. Rows that the
    champion was trained on do not count for its performance, where rows can be told apart.

    Args:
        bundle: the champion.
        window: the rows, canonical; the target may be absent or missing in part.
        config: when to alarm.
        model: the model's name.
        version: the champion's version.
        seed: of everything that is sampled.
        whole: what is known of all rows, where the window is a sample of them.
        now: the present moment; labelled rows from after it are damaged. None leaves it open.

    >>> from sklearn.dummy import DummyRegressor
    >>> from sklearn.pipeline import make_pipeline
    >>> from factory.nouns import Column, DataVersion
    >>> schema = Schema((Column("a", "number"),), "y", "regression")
    >>> frame = pd.DataFrame({"a": np.arange(200.0), "y": np.tile([0.0, 2.0], 100)})
    >>> pipeline = make_pipeline(DummyRegressor()).fit(frame[["a"]], frame["y"])
    >>> bundle = Bundle(
    ...     schema=schema, pipeline=pipeline, family="", params={}, metric="mean_absolute_error",
    ...     reference=frame, reference_outputs=np.ones(200), reference_score=1.0, importance={},
    ...     neutral={}, seen=np.array([], dtype=np.uint64),
    ... )
    >>> window = Window(frame.assign(a=frame["a"] + 150), DataVersion("0", 200))
    >>> evidence = check(bundle, window, CheckConfig(), model="m", version=1, seed=0).evidence
    >>> evidence.drift_alarm, evidence.performance.alarm, evidence.quality
    (True, False, ())
    """
    schema, frame = bundle.schema, window.frame
    outputs = _outputs(bundle, frame)
    current, problems, broken = _inspected(bundle, window, whole, now)
    known, broken_elsewhere = _dropped(bundle, window)
    of_labels, unusable = inspect_labels(bundle.reference, window, schema)
    broken |= broken_elsewhere | ({schema.target: unusable} if unusable.any() else {})
    truth = _truth(frame, schema)
    judged_rows = _fresh(bundle, frame, ~pd.isna(truth) & ~unusable)
    joint = _joint(bundle, frame, config, seed)
    behaved = _behaved(bundle, frame, config, seed)
    tests = measure(bundle.profile, current, schema, config.detectors, bundle.budget)
    predicted = _prediction_drift(bundle, outputs, config)
    labels = _label_drift(bundle, truth, config)
    # Tests of single features, of all jointly, of the champion's behaviour, of performance and of
    # segments share it equally.
    parts = 2 + (joint is not None) + (behaved is not None) + bool(config.segments)
    level = config.false_alarms / 100 / parts
    single = [one for one in (predicted, labels) if one is not None]
    threshold = bundle.budget.threshold(level, len(tests) + len(single))
    found = judged([*tests, *single], threshold, config, silent=bundle.neutralised)
    evidence = Evidence(
        model=model,
        version=version,
        window=window.version,
        labelled=int(judged_rows.sum()),
        quality=(
            *(replace(p, handled=p.feature in bundle.neutralised) for p in problems),
            *(replace(p, handled=True) for p in known),
            *of_labels,
        ),
        drift=found[: len(tests)],
        joint=None if joint is None else _joint_signal(bundle, joint, len(frame), config, level),
        prediction_drift=found[len(tests)],
        label_drift=found[-1] if labels is not None else None,
        performance=performance(
            bundle,
            truth[judged_rows],
            outputs[judged_rows],
            config,
            seed=seed,
            level=level,
            foretold=foretell(bundle, frame, truth, outputs, judged_rows, config, seed=seed),
        ),
        behaviour=None
        if behaved is None
        else _behaviour_signal(bundle, behaved, len(frame), config, level),
        breakdown=breakdown(
            Rows(bundle, frame, truth, outputs, judged_rows), config, level=level, seed=seed
        ),
    )
    return Checked(evidence, outputs, broken)


def _inspected(
    bundle: Bundle, window: Window, whole: Whole | None, now: datetime | None
) -> tuple[Profile, tuple[Problem, ...], dict[str, Bools]]:
    if whole is not None:
        return whole.profile, whole.problems, {}
    current = Profile.of(window.frame, bundle.schema)
    schema, rows = bundle.schema, bundle.reference
    return current, *inspect(bundle.profile, current, window, schema, rows=rows, now=now)


def _dropped(bundle: Bundle, window: Window) -> tuple[tuple[Problem, ...], dict[str, Bools]]:
    """Inspect the features that the champion does without, lest a refit learn from them again."""
    present = bundle.reference.columns.intersection(window.frame.columns)
    dropped = bundle.whole.without(bundle.schema.names)
    dropped = dropped.reading(tuple(c for c in dropped.features if c.name in present))
    if not dropped.features:
        return (), {}
    profiles = Profile.of(bundle.reference, dropped), Profile.of(window.frame, dropped)
    return inspect(*profiles, window, dropped)


def _outputs(bundle: Bundle, frame: pd.DataFrame) -> Outputs:
    if len(frame):
        return bundle.outputs(frame)
    return np.empty((0, *bundle.reference_outputs.shape[1:]))


def _truth(frame: pd.DataFrame, schema: Schema) -> NDArray[Any]:
    if schema.target in frame:
        return frame[schema.target].to_numpy()
    return np.full(len(frame), np.nan)


def _fresh(bundle: Bundle, frame: pd.DataFrame, labelled: Bools) -> Bools:
    if not bundle.schema.identifiable or not labelled.any():
        return labelled
    fresh = labelled.copy()
    fresh[labelled] = bundle.unseen(frame.loc[labelled])
    return fresh


def _joint(bundle: Bundle, frame: pd.DataFrame, config: CheckConfig, seed: int) -> Joint | None:
    if min(len(bundle.reference), len(frame)) < domain.FEWEST:
        return None
    schema = bundle.schema.without(bundle.neutralised)
    return joint_detector(config.detectors.joint)(bundle.reference, frame, schema, seed)


def _joint_signal(
    bundle: Bundle, found: Joint, rows: int, config: CheckConfig, level: float
) -> Signal:
    deff = bundle.budget.joint_deff(rows, len(bundle.reference))
    p_value = normal_scale(found.p_value, deff)
    alarm = bool(p_value <= level and found.effect >= config.minimum_effect)
    tells = getattr(found, "tells", ())
    measured = found.statistic, p_value, found.effect
    return Signal("*", "joint", config.detectors.joint, *measured, alarm=alarm, tells=tells)


def _behaved(bundle: Bundle, frame: pd.DataFrame, config: CheckConfig, seed: int) -> Finding | None:
    """Ask one model of both sides, which has learnt from neither."""
    name, teacher = config.detectors.behaviour, bundle.measured
    if name is None or min(len(teacher.reference), len(frame)) < FEWEST:
        return None
    before = Said(teacher.reference, teacher.reference_outputs)
    schema = bundle.schema.without(bundle.neutralised)
    return behaviour(name)(before, Said(frame, teacher.outputs(frame)), schema, seed)


def _behaviour_signal(
    bundle: Bundle, found: Finding, rows: int, config: CheckConfig, level: float
) -> Signal:
    deff = bundle.budget.behaviour_deff(rows, len(bundle.measured.reference))
    p_value = normal_scale(found.p_value, deff)
    alarm = bool(p_value <= level and found.effect >= config.minimum_effect)
    name = str(config.detectors.behaviour)
    return Signal("*", "behaviour", name, found.statistic, p_value, found.effect, alarm)


def _label_drift(bundle: Bundle, truth: NDArray[Any], config: CheckConfig) -> Measured | None:
    known = truth[~pd.isna(truth)]
    if len(known) < FEWEST_LABELS:
        return None
    before = bundle.reference[bundle.schema.target].to_numpy()
    return _single(bundle, bundle.schema.target, "label", (before, known), config)


def _prediction_drift(bundle: Bundle, outputs: Outputs, config: CheckConfig) -> Measured:
    pair = said(bundle.schema, bundle.reference_outputs), said(bundle.schema, outputs)
    return _single(bundle, "*", "prediction", pair, config)


def _single(
    bundle: Bundle,
    feature: str,
    kind: str,
    pair: tuple[NDArray[Any], NDArray[Any]],
    config: CheckConfig,
) -> Measured:
    summary = Categories if bundle.schema.classes else Numbers
    name = config.detectors.category if bundle.schema.classes else config.detectors.number
    before, now = (summary.of(side) for side in pair)
    return measure_one(feature, kind, name, before, now, bundle.budget)
