"""``factory decisions``: every decision on a model's windows."""

import json
from argparse import Namespace

from flows.console import print_json, print_table
from flows.workplace import open_workplace, resolve


def run(args: Namespace) -> int:
    """Print the decisions, oldest first."""
    name, _ = resolve(args.name)
    place = open_workplace(args.home)
    place.models.champion(name)
    told = [json.loads(d.body) for d in place.ledger.decisions(name)]
    if args.json:
        print_json({"model": name, "decisions": told})
    else:
        rows = [
            (
                d["decision"],
                d["window"]["start"] or d["window"]["sha256"][:12],
                d["diagnosis"]["cause"],
                d["remedy"]["kind"],
                f"{d['champion_before']} -> {d['champion_after']}",
                d["because"],
            )
            for d in told
        ]
        columns = ("decision", "window", "cause", "remedy", "champion", "because")
        print_table(f"decisions on {name}", columns, rows)
    return 0
