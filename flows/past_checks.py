"""Earlier checks of a model, from the ledger's decisions and from MLflow."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from math import isfinite

from flows.report.check import Interval, Seen, seen_of
from flows.report.check_page import MOST_SEEN
from flows.workplace import Workplace
from registry.runs import Logged, Runs

KIND, CHECK = "kind", "check"
"""The tag of a run that holds a check, and its value."""


def past_checks(place: Workplace, model: str) -> tuple[Seen, ...]:
    """Return what is known of a model's newest checks, in no order.

    They are those that led to the newest decisions, and those that MLflow knows.
    """
    decisions = place.ledger.decisions(model)[-MOST_SEEN:]
    bodies = [json.loads(decision.body) for decision in decisions]
    decided = [seen_of(b["check"], b["at"], b["remedy"]["kind"]) for b in bodies]
    logged = Runs(place.home).tagged(model, KIND, CHECK, MOST_SEEN)
    return (*decided, *filter(None, map(_seen, logged)))


def once(checks: Iterable[Seen]) -> tuple[Seen, ...]:
    """Keep the newest check of each version on each window.

    A window whose labels came in later is another table, but still the same window: so many
    rows from the same moment on. A decision is not forgotten over a later check.

    >>> one = Seen("00", 1, "r2", None, "2020", 5, 0.5, None, None, False, "keep")
    >>> [(s.at, s.remedy) for s in once([one, replace(one, at="2021", remedy=None)])]
    [('2021', 'keep')]
    """
    found: dict[tuple[str, int, int], Seen] = {}
    for one in sorted(checks, key=lambda s: s.at, reverse=True):
        key = (one.start or one.sha256, one.rows, one.version)
        newest = found.setdefault(key, one)
        if newest.remedy is None:
            found[key] = replace(newest, remedy=one.remedy)
    return tuple(found.values())


def check_tags(seen: Seen) -> dict[str, str]:
    """Return what a run says of a check in words."""
    return {
        KIND: CHECK,
        "version": str(seen.version),
        "metric": seen.metric,
        "window_sha256": seen.sha256,
        "window_start": seen.start or "",
        "checked_at": seen.at,
    }


def check_metrics(seen: Seen) -> dict[str, float]:
    """Return what a run says of a check in numbers; what is not known is left out."""
    metrics: dict[str, float] = {"rows": seen.rows, "performance_alarm": seen.alarm}
    if seen.reference is not None:
        metrics["reference"] = seen.reference
    for name, interval in (("realised", seen.realised), ("estimated", seen.estimated)):
        if interval is not None:
            bounds = {"": interval.value, "_low": interval.low, "_high": interval.high}
            metrics |= {f"{name}{end}": v for end, v in bounds.items() if v is not None}
    return metrics


def _seen(run: Logged) -> Seen | None:
    try:
        return Seen(
            sha256=run.tags["window_sha256"],
            version=int(run.tags["version"]),
            metric=run.tags["metric"],
            start=run.tags["window_start"] or None,
            at=run.tags["checked_at"],
            rows=int(run.metrics["rows"]),
            reference=run.metrics.get("reference"),
            realised=_interval(run.metrics, "realised"),
            estimated=_interval(run.metrics, "estimated"),
            alarm=bool(run.metrics["performance_alarm"]),
        )
    except (KeyError, ValueError):
        # A check that died while it was written, or somebody else's run: it tells nothing.
        return None


def _interval(metrics: Mapping[str, float], name: str) -> Interval | None:
    value = metrics.get(name)
    if value is None or not isfinite(value):
        return None
    return Interval(value, metrics.get(f"{name}_low"), metrics.get(f"{name}_high"))
