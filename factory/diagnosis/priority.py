"""Drift x importance: which features to look at first."""

from collections.abc import Mapping, Sequence

from factory.diagnosis.parts import Suspect
from factory.nouns import Signal


def suspects(
    signals: Sequence[Signal],
    importance: Mapping[str, float],
    by_feature: Mapping[str, float] | None = None,
) -> tuple[Suspect, ...]:
    """Return all features, those first whose move matters most to the champion.

    A feature whose move may be chance comes after all that alarm.

    Args:
        signals: of single features, one or several each; the largest effect counts.
        importance: per feature, what the champion loses without it; below 0 is none.
        by_feature: share of the window's extra loss that each feature's move carries.

    >>> signals = [
    ...     Signal(name, "number", "ks", 0.0, 0.0, effect, alarm=effect > 0.1)
    ...     for name, effect in (("a", 0.2), ("b", 0.8), ("c", 0.9))
    ... ]
    >>> [(s.feature, round(s.priority, 2)) for s in suspects(signals, {"a": 0.3, "b": 0.1})]
    [('b', 0.2), ('a', 0.15), ('c', 0.0)]
    """
    worth = relative({name: importance.get(name, 0.0) for name in {s.feature for s in signals}})
    effects: dict[str, float] = {}
    alarms: dict[str, bool] = {}
    for signal in signals:
        name = signal.feature
        effects[name] = max(effects.get(name, 0.0), signal.effect)
        alarms[name] = alarms.get(name, False) or signal.alarm
    found = [
        Suspect(
            feature=name,
            drift=effect,
            alarm=alarms[name],
            importance=worth[name],
            priority=effect * worth[name],
            loss=None if by_feature is None else by_feature.get(name, 0.0),
        )
        for name, effect in effects.items()
    ]
    return tuple(sorted(found, key=_order))


def _order(suspect: Suspect) -> tuple[bool, float, float, float, str]:
    return (
        not suspect.alarm,
        -suspect.priority,
        -(suspect.loss or 0.0),
        -suspect.drift,
        suspect.feature,
    )


def relative(importance: Mapping[str, float]) -> dict[str, float]:
    """Return importances as shares of their sum; those below 0 count as 0.

    >>> relative({"a": 3.0, "b": 1.0, "c": -2.0})
    {'a': 0.75, 'b': 0.25, 'c': 0.0}
    """
    total = sum(max(value, 0.0) for value in importance.values())
    return {n: max(v, 0.0) / total if total > 0 else 0.0 for n, v in importance.items()}
