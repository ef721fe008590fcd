"""``factory label``: labels that came late."""

import time
from argparse import Namespace
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from factory.bundle import Bundle
from factory.errors import BadData, Unavailable
from factory.metrics import metric_named
from factory.nouns import Schema
from flows.console import answers, print_json, print_table
from flows.workplace import Workplace, open_workplace, resolve
from registry.inference.judged import judgements, told_between
from registry.inference.labels import ID, Labelled, add_labels
from registry.inference.waiting import waiting_rows
from registry.pieces import pieces_of

ROWS = 250_000
"""Labels that are held in memory at once."""
DAYS = 30
"""Days of predictions whose performance is told anew."""


def run(args: Namespace) -> int:
    """Keep labels of logged predictions, and tell the performance that they show.

    With ``--waiting`` the rows that wait for a person are written out, after those labels.
    """
    if args.path is None and args.waiting is None:
        raise BadData("There are no labels to keep.", hint="give a table, or --waiting FILE")
    place = open_workplace(args.home)
    name, _ = resolve(args.name)
    champion = place.models.load(name, place.models.champion(name))
    told = {"model": name} if args.path is None else kept(args.path, name, champion, place)
    if args.waiting is not None:
        rows = waiting_rows(place.home, name, champion.schema)
        told |= {"waiting": len(rows), "to_label": write_csv(rows, Path(args.waiting))}
    if args.json:
        print_json(told)
    else:
        tell(told)
    return 0


def kept(path: str, name: str, champion: Bundle, place: Workplace) -> dict[str, Any]:
    """Keep a table's labels."""
    schema, at = champion.schema, time.time_ns()
    found = Labelled()
    first, low = 0, None
    for raw in pieces_of(path, ROWS):
        found += add_labels(place.home, name, schema, raw, at=at, first=first)
        first += len(raw)
        if ID in raw and raw[ID].notna().any():
            least = str(raw[ID].dropna().min())
            low = least if low is None else min(low, least)
    told: dict[str, Any] = {"model": name, **asdict(found), "metric": champion.metric}
    told["performance"] = performance(place, name, schema, champion.metric, at, low)
    return told


def write_csv(rows: pd.DataFrame, path: Path) -> str:
    """Write rows to be labelled, and return where they are.

    Raises:
        Unavailable: the file cannot be written.
    """
    try:
        rows.to_csv(path, index=False)
    except OSError as error:
        raise Unavailable(f"{path} cannot be written: {error}.", hint="give another file") from None
    return str(path)


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
    if "waiting" in told:
        answers.print(f"{told['waiting']:,} rows wait for a person: {told['to_label']}")
    if "rows" not in told:
        return
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
