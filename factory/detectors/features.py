"""All features of a window against their reference: what was measured, and what alarms."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module

from factory.budget import AlarmBudget
from factory.config import CheckConfig
from factory.detectors import ALWAYS, DETECTORS, PLUGINS, RANKED
from factory.detectors.cells import CELLS
from factory.detectors.chi2 import ENOUGH
from factory.detectors.config import DetectorsConfig
from factory.detectors.finding import NOTHING, Finding
from factory.embedded import Embedded
from factory.nouns import Kind, Schema, Signal
from factory.power import detectable
from factory.profile import Categories, Profile
from factory.summary import Summary

Detector = Callable[..., Finding]
OPTIONAL = frozenset({"length", "missing", "new_words", "unseen"})
"""Detectors whose signal is left out where they compare nothing with nothing."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What one detector found, before it is known how sure it has to be.

    Attributes:
        feature: what was tested.
        kind: of the feature, or the detector's name for missing and unseen values.
        detector: its name.
        finding: with the p-value for the independent rows only.
        rows: independent rows that the comparison is worth, n m / (n + m).
        freedom: degrees of freedom, 0 where distribution functions are compared, None where
            nothing is known of its power.
    """

    feature: str
    kind: str
    detector: str
    finding: Finding
    rows: float
    freedom: int | None


def signals(
    reference: Profile,
    window: Profile,
    schema: Schema,
    config: CheckConfig,
    budget: AlarmBudget,
    silent: tuple[str, ...] = (),
) -> tuple[Signal, ...]:
    """Test every feature, under the alarm budget of these tests alone.

    Args:
        reference: the features' reference.
        window: the same features now.
        schema: the features and their kinds.
        config: detectors, false alarms accepted and smallest effect.
        budget: what is known of the reference's tests.
        silent: features that are reported but never alarm.

    Returns:
        Signals in the order of the features.

    >>> from factory.nouns import Column
    >>> import pandas as pd, numpy as np
    >>> schema = Schema((Column("a", "number"),), "y", "regression")
    >>> low, high = (Profile.of(pd.DataFrame({"a": np.arange(99.0) + s}), schema) for s in (0, 50))
    >>> found = signals(low, high, schema, CheckConfig(), AlarmBudget())
    >>> [(s.feature, s.detector, s.alarm) for s in found]
    [('a', 'ks', True)]
    """
    found = measure(reference, window, schema, config.detectors, budget)
    threshold = budget.threshold(config.false_alarms / 100, len(found))
    return judged(found, threshold, config, silent)


def measure(
    reference: Profile,
    window: Profile,
    schema: Schema,
    detectors: DetectorsConfig,
    budget: AlarmBudget,
) -> list[Measured]:
    """Run the configured detector of each feature, and those that always run beside it."""
    found = []
    for column in schema.features:
        pair = reference.features[column.name], window.features[column.name]
        for name in _used(column.kind, detectors):
            kind = name if name in OPTIONAL else column.kind
            measured = measure_one(column.name, kind, name, *pair, budget)
            if name not in OPTIONAL or measured.finding is not NOTHING:
                found.append(measured)
    return found


def measure_one(
    feature: str,
    kind: str,
    name: str,
    reference: Summary,
    window: Summary,
    budget: AlarmBudget,
) -> Measured:
    """Run one detector on one pair of summaries, for what their rows are worth."""
    deff = budget.deff(f"{kind}:{feature}", window.rows, reference.rows)
    finding = detector(name)(reference, window, deff=deff)
    sizes = (reference.rows, window.rows)
    if kind != "missing":
        sizes = (reference.rows - reference.missing, window.rows - window.missing)
    worth = sizes[0] * sizes[1] / max(sum(sizes), 1) / deff
    return Measured(feature, kind, name, finding, worth, _freedom(name, reference, sizes))


def judged(
    found: Sequence[Measured],
    threshold: float,
    config: CheckConfig,
    silent: tuple[str, ...] = (),
) -> tuple[Signal, ...]:
    """Say which findings alarm: those sure enough whose effect is not a trifle."""
    return tuple(
        Signal(
            one.feature,
            one.kind,
            one.detector,
            *one.finding,
            alarm=bool(
                one.finding.p_value <= threshold
                and one.finding.effect >= config.minimum_effect
                and one.feature not in silent
            ),
            detectable=_seen(one, threshold, config.minimum_effect),
        )
        for one in found
    )


def _seen(one: Measured, threshold: float, smallest: float) -> float | None:
    known = one.freedom is not None
    found = detectable(one.rows, threshold, one.freedom or 0) if known else None
    return None if found is None else max(found, smallest)


def _freedom(name: str, reference: Summary, sizes: tuple[int, int]) -> int | None:
    if name in RANKED:
        return 0
    if name in OPTIONAL:
        return 1
    if isinstance(reference, Embedded):
        return None
    if not isinstance(reference, Categories):
        return CELLS - 1
    least = min(sizes) / max(sizes[0], 1)
    return max(1, sum(count * least >= ENOUGH for count in reference.counts.values()) - 1)


def _used(kind: Kind, chosen: DetectorsConfig) -> tuple[str, ...]:
    match kind:
        case "number":
            return (chosen.number, *ALWAYS[kind])
        case "category":
            return (chosen.category, *ALWAYS[kind])
        case "date":
            return ALWAYS[kind]
        case "text":
            return (chosen.text, *ALWAYS[kind])
        case "image":
            return (chosen.image, *ALWAYS[kind])


@cache
def detector(name: str) -> Detector:
    """Load a detector of the table.

    >>> detector("ks").__name__
    'ks'
    """
    module, function = {**DETECTORS, **PLUGINS}[name].split(":")
    loaded: Detector = getattr(import_module(module), function)
    return loaded
