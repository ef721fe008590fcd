"""Gathers what the page of a check shows: its figures, distributions, and the checks before it."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from factory.bundle import Bundle
from factory.config import CheckConfig
from factory.diagnosis.priority import suspects
from factory.diagnosis.told import suspects_json
from factory.metrics import metric_named
from factory.nouns import Outputs, Signal, Window
from flows.check_pictures import images_of, pictures_of
from flows.past_checks import once, past_checks
from flows.report.check import CheckReport, drawn, seen_of
from flows.report.check_shapes import Shape, shape, shapes_of
from flows.workplace import Workplace


@dataclass(frozen=True)
class Subject:
    """What was checked: the version, the window, and what the version said of its rows."""

    champion: Bundle
    window: Window
    outputs: Outputs
    config: CheckConfig
    seed: int


def check_report(
    told: dict[str, Any],
    subject: Subject,
    place: Workplace,
    *,
    at: str,
    decision: Mapping[str, Any] | None = None,
    diagnosis: Mapping[str, Any] | None = None,
) -> CheckReport:
    """Gather what the page of a check shows.

    Without a diagnosis, neither given nor in the decision, it shows the features' priority.
    """
    champion, frame = subject.champion, subject.window.frame
    remedy = decision["remedy"]["kind"] if decision else None
    seen = once([seen_of(told, at, remedy), *past_checks(place, told["model"])])
    plain = [name for name in drawn(told) if name not in images_of(champion.schema)]
    return CheckReport(
        told=told,
        at=at,
        greater_is_better=metric_named(champion.metric, champion.schema).greater_is_better,
        tolerance=subject.config.tolerance,
        shapes=shapes_of(champion.reference, frame, champion.schema, plain),
        predictions=_said(champion, subject.outputs),
        labels=_labels(champion, frame),
        seen=seen,
        decision=decision,
        diagnosis=diagnosis or (decision or {}).get("diagnosis") or _priority(told, champion),
        links=(
            (
                f"version {told['version']} in MLflow",
                place.models.link(told["model"], told["version"]),
            ),
        ),
        pictures=pictures_of(champion, frame, subject.outputs),
        settings=tuple(_flat(subject.config.model_dump(mode="json"))),
    )


def _priority(told: Mapping[str, Any], champion: Bundle) -> dict[str, Any]:
    effects = [s for s in told["drift"]["features"] if s["effect"] is not None]
    signals = [
        Signal(s["feature"], s["kind"], s["detector"], math.nan, math.nan, s["effect"], s["alarm"])
        for s in effects
    ]
    return {"features": suspects_json(suspects(signals, champion.importance))}


def _said(champion: Bundle, outputs: Outputs) -> Shape:
    classes = np.array(champion.schema.classes, dtype=object)
    pair = (champion.reference_outputs, outputs)
    if len(classes):
        return shape("category", *(classes[said.argmax(axis=1)] for said in pair))
    return shape("number", *pair)


def _labels(champion: Bundle, frame: pd.DataFrame) -> Shape | None:
    target = champion.schema.target
    if target not in frame or frame[target].isna().all():
        return None
    kind = "category" if champion.schema.classes else "number"
    pair = champion.reference[target], frame[target]
    return shape(kind, *(side.dropna().to_numpy() for side in pair))


def _flat(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    found = []
    for name, value in values.items():
        if isinstance(value, Mapping):
            found += _flat(value, f"{prefix}{name}.")
        elif value not in (None, [], ()):
            found.append((f"{prefix}{name}", json.dumps(value, ensure_ascii=False)))
    return found
