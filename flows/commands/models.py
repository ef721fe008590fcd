"""``factory models``: what is registered."""

from argparse import Namespace
from typing import Any

from flows.console import print_json, print_table
from flows.workplace import open_workplace


def run(args: Namespace) -> int:
    """List the models, their versions and champions."""
    place = open_workplace(args.home)
    told: list[dict[str, Any]] = [
        {
            "model": name,
            "versions": place.models.versions(name),
            "champion": place.ledger.champion(name),
            "previous": place.ledger.previous(name),
        }
        for name in place.models.names()
    ]
    if args.json:
        print_json({"models": told})
    else:
        rows = [(m["model"], len(m["versions"]), m["champion"], m["previous"]) for m in told]
        print_table("models", ("model", "versions", "champion", "previous"), rows)
    return 0
