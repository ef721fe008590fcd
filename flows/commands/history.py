"""``factory history``: who replaced which champion, when and why."""

from argparse import Namespace
from dataclasses import asdict
from datetime import UTC, datetime

from factory.errors import BadConfig
from flows.console import moment, print_json, print_table
from flows.workplace import open_workplace, resolve


def run(args: Namespace) -> int:
    """Print every promotion, or the one that was in force at a moment."""
    name, _ = resolve(args.name)
    place = open_workplace(args.home)
    place.models.champion(name)
    promotions = place.ledger.history(name)
    if args.at is not None:
        wanted = _parsed(args.at)
        promotions = [p for p in promotions if datetime.fromisoformat(p.at) <= wanted][-1:]
    rows = [asdict(p) for p in promotions]
    if args.json:
        print_json({"model": name, "history": rows})
    else:
        told = ((p.version, p.previous, moment(p.at), p.who, p.why) for p in promotions)
        print_table(f"champions of {name}", ("version", "before", "since", "who", "why"), told)
    return 0


def _parsed(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadConfig(
            f"--at {text!r} is no moment in ISO format.", hint="write 2026-03-31T12:00"
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
