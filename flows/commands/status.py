"""``factory status``: what runs, what serves since when, and what was decided last."""

import json
from argparse import Namespace
from contextlib import suppress
from typing import Any

import psutil

from flows.console import answers, moment, print_json, print_table
from flows.stack.processes import marked
from flows.stack.state import running
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
    stack = stack_now(running(args.home))
    if args.json:
        print_json(
            {
                "home": str(place.home.path),
                "mlflow": place.home.tracking_uri,
                "stack": stack,
                "models": told,
            }
        )
        return 0
    answers.print(f"home {place.home.path}\nMLflow {place.home.tracking_uri}")
    if stack is not None:
        columns = ("part", "state", "pid", "restarts", "MB", "where")
        parts = [
            (p["name"], p["state"], p["pid"], p["restarts"], p["memory_mb"], p["link"] or p["log"])
            for p in stack["parts"]
        ]
        print_table(f"up since {moment(stack['since'])}", columns, parts)
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


def stack_now(state: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return what a stack's state tells people, with the memory that each part takes now."""
    if state is None:
        return None
    parts = [{**part, "memory_mb": _memory(state["mark"], part["name"])} for part in state["parts"]]
    return {key: state[key] for key in ("since", "ready", "links")} | {"parts": parts}


def _memory(mark: str, part: str) -> int:
    """Return the memory of a part's processes in megabytes; what they share counts once each."""
    total = 0
    for process in marked(mark, part):
        with suppress(psutil.Error):
            total += process.memory_info().rss
    return round(total / 1e6)
