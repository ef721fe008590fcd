"""Segments, groups and value of a check, printed for people."""

from collections.abc import Mapping
from typing import Any

from flows.console import answers, print_table

SHOWN = 20
"""Segments that are printed, those in trouble first; all of them are in the JSON."""
SHORT = {
    "selection_rate": "selected",
    "true_positive_rate": "TPR",
    "false_positive_rate": "FPR",
    "mean_error": "mean error",
    "mean_absolute_error": "MAE",
}
FAIR = {True: "kept", False: "broken", None: "cannot tell"}


def tell_breakdown(told: Mapping[str, Any]) -> None:
    """Print what a check says of a window's parts, as far as the config asks for them.

    Args:
        told: the JSON of a check.
    """
    _tell_value(told["performance"]["value"])
    if told["segments"]:
        _tell_segments(told["segments"])
    for found in told["fairness"]:
        _tell_fairness(found)
    for name in told["unparted"]:
        answers.print(f"no row has a {name!r}: segments and groups by it cannot be told")


def _tell_value(value: Mapping[str, Any] | None) -> None:
    if value is None:
        return
    unit = f" {value['unit']}" if value["unit"] else ""
    said = "no labels" if value["per_row"] is None else _interval(value, "per_row")
    answers.print(
        f"value per row: reference {_short(value['reference_per_row'])}{unit}, now {said}{unit}"
    )
    if value["total"] is not None:
        answers.print(
            f"value of {value['rows']:,} labelled rows: {value['total']:,.5g}{unit} "
            f"({value['total_low']:,.5g} to {value['total_high']:,.5g})"
        )
    if value["estimated_per_row"] is not None:
        answers.print(
            f"estimated per row without labels: {_short(value['estimated_per_row'])}{unit}"
        )


def _tell_segments(segments: list[dict[str, Any]]) -> None:
    shown = sorted(segments, key=lambda s: (s["alarm"] is not True, -s["rows"]))[:SHOWN]
    heads = ("rows", "was", "now", "found", "seen from", "segment")
    print_table("segments", heads, [_segment(segment) for segment in shown])
    states = [segment["alarm"] for segment in segments]
    answers.print(
        f"{len(segments):,} segments: {states.count(True):,} alarm, {states.count(False):,} are "
        f"fine, {states.count(None):,} cannot tell: too few rows to see what matters"
    )


def _segment(segment: Mapping[str, Any]) -> tuple[str, ...]:
    told = segment["performance"]
    now = told["realised"] or told["estimated"]
    value = _short(now["value"] if now else None)
    return (
        f"{segment['rows']:,}",
        _short(told["reference"]),
        f"{value} est." if now and not told["realised"] else value,
        _found(segment),
        "" if segment["alarm"] else _seen_from(segment),
        _place(segment["segment"]),
    )


def _seen_from(segment: Mapping[str, Any]) -> str:
    drift, fall = segment["drift"]["detectable"], segment["performance"]["detectable"]
    told = {
        "drift": None if drift is None else f"{drift:.2f}",
        "fall": None if fall is None else f"{fall:.0%}",
    }
    return ", ".join(f"{name} {value}" for name, value in told.items() if value) or "nothing"


def _found(segment: Mapping[str, Any]) -> str:
    told = segment["performance"]
    if segment["alarm"] is None:
        return "cannot tell"
    fell = f"fell {told['fall']:.0%}" if told["alarm"] else ""
    return ", ".join(filter(None, ["drift" if segment["drift"]["alarm"] else "", fell]))


def _tell_fairness(found: Mapping[str, Any]) -> None:
    names = list(dict.fromkeys(name for group in found["groups"] for name in group["metrics"]))
    rows = []
    for group in found["groups"]:
        metrics = (group["metrics"].get(name) for name in names)
        values = [f"{metric['value']:.3g}" if metric else "" for metric in metrics]
        few = "" if group["powered"] else " (too few)"
        rows.append((f"{group['rows']:,}{few}", *values, _place(group["group"])))
    heads = ("rows", *(SHORT.get(name, name) for name in names), "group")
    print_table(f"groups by {', '.join(found['by'])}", heads, rows)
    gaps = found["gaps"].items()
    if gaps:
        told = [(name.replace("_", " "), _interval(gap, "value")) for name, gap in gaps]
        print_table("gaps", ("between groups", "value"), told)
    impact = found["impact"]
    if impact["ratio"] is not None:
        answers.print(
            f"ratio of selection rates at least {impact['least']:g}: {FAIR[impact['fair']]}"
        )


def _place(where: Mapping[str, Any]) -> str:
    shown = ("missing" if value is None else value for value in where.values())
    return ", ".join(f"{name} {value}" for name, value in zip(where, shown, strict=True))


def _interval(told: Mapping[str, Any], key: str) -> str:
    return f"{_short(told[key])} ({_short(told['low'])} to {_short(told['high'])})"


def _short(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"
