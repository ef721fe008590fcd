"""``factory decisions``: every decision on a model's windows."""

import json
from argparse import Namespace
from typing import Any

from rich.padding import Padding

from flows.approval import NOTE, approvals
from flows.console import answers, moment, print_json
from flows.report.history import remedy_words
from flows.workplace import open_workplace, resolve


def run(args: Namespace) -> int:
    """Print the decisions, oldest first."""
    name, _ = resolve(args.name)
    place = open_workplace(args.home)
    place.models.champion(name)
    answers_of = approvals(name, place)
    told = [
        {**json.loads(d.body), "approval": answers_of.get(d.id)}
        for d in place.ledger.decisions(name)
    ]
    if args.json:
        print_json({"model": name, "decisions": told})
    else:
        answers.print(f"decisions on {name}, oldest first")
        for d in told:
            window, before, after = d["window"], d["champion_before"], d["champion_after"]
            when = (
                f"{moment(window['start'])} to {moment(window['end'])}" if window["start"] else ""
            )
            answers.print(f"[bold]{d['decision']}[/bold] {when or window['sha256'][:12]}")
            answers.print(f"  {d['diagnosis']['cause']} -> {remedy_words(d['remedy'])}", end="")
            answers.print(f"; version {before}" + (f" -> {after}" if after != before else ""))
            answers.print(Padding(d["because"], (0, 0, 0, 2)))
            answers.print(Padding(_answer(d), (0, 0, 1, 2)))
    return 0


def _answer(told: dict[str, Any]) -> str:
    """Say what a person answered, where one was asked."""
    answer = told["approval"]
    if answer is None:
        note = told["notes"].get(NOTE)
        return f"waits for approval: {note}" if note else ""
    word = "approved" if answer["approved"] else "refused"
    return f"{word} by {answer['who']}, {moment(answer['at'])}: {answer['why']}"
