"""``factory status``: what serves now, since when, and what was decided last."""

import json
from argparse import Namespace
from typing import Any

from flows.console import answers, moment, print_json, print_table
from flows.workplace import open_workplace


def run(args: Namespace) -> int:
    """Tell of every model its champion and last decision."""
    place = open_workplace(args.home)
    told: list[dict[str, Any]] = []
    for name in place.ledger.models():
        promotions, decisions = place.ledger.history(name), place.ledger.decisions(name)
        last = json.loads(decisions[-1].body) if decisions else None
        told.append(
            {
                "model": name,
                "champion": promotions[-1].version if promotions else None,
                "since": promotions[-1].at if promotions else None,
                "why": promotions[-1].why if promotions else None,
                "decisions": len(decisions),
                "last_decision": last
                and {k: last[k] for k in ("decision", "at", "remedy", "because")},
            }
        )
    if args.json:
        print_json(
            {"home": str(place.home.path), "mlflow": place.home.tracking_uri, "models": told}
        )
        return 0
    answers.print(f"home {place.home.path}\nMLflow {place.home.tracking_uri}")
    rows = [
        (
            m["model"],
            m["champion"],
            m["since"] and moment(m["since"]),
            m["last_decision"] and m["last_decision"]["remedy"]["kind"],
            m["why"],
        )
        for m in told
    ]
    print_table("models", ("model", "champion", "since", "last remedy", "why"), rows)
    return 0
