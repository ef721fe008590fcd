"""All features of a window against their reference, under one false discovery rate."""

from collections.abc import Callable
from functools import cache
from importlib import import_module

import numpy as np

from factory.config import CheckConfig, DetectorsConfig
from factory.detectors import ALWAYS, DETECTORS
from factory.detectors.finding import NOTHING, Finding
from factory.detectors.multiplicity import benjamini_hochberg
from factory.nouns import Kind, Schema, Signal
from factory.profile import Profile

Detector = Callable[..., Finding]
OPTIONAL = frozenset({"missing", "unseen"})
"""Detectors whose signal is left out where they compare nothing with nothing."""


def signals(
    reference: Profile,
    window: Profile,
    schema: Schema,
    config: CheckConfig,
    silent: tuple[str, ...] = (),
) -> tuple[Signal, ...]:
    """Run the configured detector of each feature, and those that always run beside it.

    A signal alarms when it is rejected under the false discovery rate of all signals together
    and its effect is at least the smallest one that matters.

    Args:
        reference: the features' reference.
        window: the same features now.
        schema: the features and their kinds.
        config: detectors, rate and smallest effect.
        silent: features that are reported but never alarm.

    Returns:
        Signals in the order of the features. A signal's kind is the feature's kind, or the
        detector's name for missing and unseen values.

    >>> from factory.nouns import Column
    >>> import pandas as pd
    >>> schema = Schema((Column("a", "number"),), "y", "regression")
    >>> low, high = (Profile.of(pd.DataFrame({"a": np.arange(99.0) + s}), schema) for s in (0, 50))
    >>> [(s.feature, s.detector, s.alarm) for s in signals(low, high, schema, CheckConfig())]
    [('a', 'ks', True)]
    """
    found = []
    for column in schema.features:
        pair = reference.features[column.name], window.features[column.name]
        for name in _used(column.kind, config.detectors):
            finding = detector(name)(*pair)
            if name in OPTIONAL and finding is NOTHING:
                continue
            kind = name if name in OPTIONAL else column.kind
            found.append((column.name, kind, name, finding))
    adjusted = benjamini_hochberg(np.array([finding.p_value for *_, finding in found]))
    return tuple(
        Signal(
            feature,
            kind,
            name,
            *finding,
            alarm=bool(
                q <= config.false_discovery_rate
                and finding.effect >= config.minimum_effect
                and feature not in silent
            ),
        )
        for (feature, kind, name, finding), q in zip(found, adjusted, strict=True)
    )


def _used(kind: Kind, chosen: DetectorsConfig) -> tuple[str, ...]:
    match kind:
        case "number":
            return (chosen.number, *ALWAYS[kind])
        case "category":
            return (chosen.category, *ALWAYS[kind])
        case "date":
            return ALWAYS[kind]


@cache
def detector(name: str) -> Detector:
    """Load a detector of the table.

    >>> detector("ks").__name__
    'ks'
    """
    module, function = DETECTORS[name].split(":")
    loaded: Detector = getattr(import_module(module), function)
    return loaded
