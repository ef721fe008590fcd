"""``factory label``: labels that came late."""

import time
from argparse import Namespace
from dataclasses import asdict
from typing import Any

from factory.metrics import metric_named
from factory.nouns import Schema
from flows.console import answers, print_json, print_table
from flows.workplace import Workplace, open_workplace, resolve
from registry.inference.judged import judgements, told_between
from registry.inference.labels import ID, Labelled, add_labels
from registry.pieces import pieces_of

ROWS = 250_000
"""Labels that are held in memory at once."""
DAYS = 30
"""Days of predictions whose performance is told anew."""


def run(args: Namespace) -> int:
    """Keep labels of logged predictions, and tell the performance that they show."""
    place = open_workplace(args.home)
    name, _ = resolve(args.name)
    champion = place.models.load(name, place.models.champion(name))
    schema, at = champion.schema, time.time_ns()
    found = Labelled()
    first, low = 0, None
    for raw in pieces_of(args.path, ROWS):
        found += add_labels(place.home, name, schema, raw, at=at, first=first)
        first += len(raw)
        if ID in raw and raw[ID].notna().any():
            least = str(raw[ID].dropna().min())
            low = least if low is None else min(low, least)
    told: dict[str, Any] = {"model": name, **asdict(found), "metric": champion.metric}
    told["performance"] = performance(place, name, schema, champion.metric, at, low)
    if args.json:
        print_json(told)
    else:
        tell(told)
    return 0


def performance(
    place: Workplace, name: str, schema: Schema, metric: str, now: int, low: str | None
) -> list[dict[str, Any]]:
    """Return what each version is worth by the labels known now.

    Args:
        place: the home.
        name: registered name.
        schema: of the champion.
        metric: the champion's.
        now: nanoseconds since 1970.
        low: the first prediction to look at; None for those of the last 30 days.
    """
    begin = low or f"{now - DAYS * 86_400 * 10**9:016x}"
    told = told_between(place.home, name, schema, begin, f"{now:016x}")
    return [asdict(one) for one in judgements(told, metric_named(metric, schema))]


def tell(told: dict[str, Any]) -> None:
    """Print what became of labels, for people."""
    answers.print(
        f"{told['rows']:,} labels kept for {told['model']}: {told['repeated']:,} known already, "
        f"{told['corrected']:,} corrected"
    )
    if told["unknown"]:
        shown = ", ".join(told["examples"])
        answers.print(f"{told['unknown']:,} name no prediction of the log, such as {shown}")
    if told["empty"]:
        answers.print(f"{told['empty']:,} rows without a label left out")
    rows = [
        (str(p["version"]), p["role"], f"{p['labelled']:,} of {p['rows']:,}",
         "" if p["value"] is None else f"{p['value']:.5g}")
        for p in told["performance"]
    ]  # fmt: skip
    print_table("by these labels", ("version", "role", "labelled", told["metric"]), rows)
