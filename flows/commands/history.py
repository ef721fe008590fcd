"""``factory history``: who replaced which champion, when and why; or what served at a moment."""

import json
from argparse import Namespace
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from rich.padding import Padding

from factory.errors import BadConfig
from flows.console import answers, moment, print_json, print_table
from flows.report.history import remedy_words
from flows.workplace import Workplace, open_workplace, resolve
from registry.entries import Promotion


def run(args: Namespace) -> int:
    """Print every promotion, or the one that was in force at a moment and what led to it."""
    name, _ = resolve(args.name)
    place = open_workplace(args.home)
    place.models.champion(name)
    promotions = place.ledger.history(name)
    if args.at is None:
        return _all(args, name, promotions)
    wanted = _parsed(args.at)
    served = [p for p in promotions if datetime.fromisoformat(p.at) <= wanted][-1:]
    decided = _decided(served[0], place) if served else None
    told = {
        "model": name,
        "at": wanted.isoformat(),
        "version": served[0].version if served else None,
        "history": [asdict(p) for p in served],
        "decision": decided,
    }
    if args.json:
        print_json(told)
    elif served:
        tell(name, wanted, served[0], decided)
    else:
        first, then = moment(promotions[0].at), moment(wanted.isoformat())
        answers.print(f"{name}: nothing served at {then}, the first since {first}")
    return 0


def tell(name: str, at: datetime, served: Promotion, decided: dict[str, Any] | None) -> None:
    """Print what served at a moment, and why, for people."""
    answers.print(f"[bold]{name}[/bold] at {moment(at.isoformat())}: version {served.version}")
    before = f", after version {served.previous}" if served.previous is not None else ""
    answers.print(f"since {moment(served.at)}{before}, by {served.who}")
    if decided is None:
        answers.print(Padding(served.why, (0, 0, 0, 2)))
        return
    answers.print(f"decision {decided['decision']}: {remedy_words(decided['remedy'])}")
    answers.print(Padding(decided["because"], (0, 0, 0, 2)))
    if decided["verdict"] is not None:
        answers.print(f"gate: {decided['verdict']['because']}")


def _all(args: Namespace, name: str, promotions: list[Promotion]) -> int:
    if args.json:
        print_json({"model": name, "history": [asdict(p) for p in promotions]})
    else:
        told = ((p.version, p.previous, moment(p.at), p.who, p.why) for p in promotions)
        print_table(f"champions of {name}", ("version", "before", "since", "who", "why"), told)
    return 0


def _decided(served: Promotion, place: Workplace) -> dict[str, Any] | None:
    """Return the sentence of the decision that led to a promotion; None where a person did."""
    decision = place.ledger.decision(served.decision) if served.decision else None
    if decision is None:
        return None
    body = json.loads(decision.body)
    return {key: body[key] for key in ("decision", "window", "remedy", "because", "verdict")}


def _parsed(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadConfig(
            f"--at {text!r} is no moment in ISO format.", hint="write 2026-03-31T12:00"
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
