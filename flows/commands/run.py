"""``factory run``: the whole loop once on a window."""

from argparse import Namespace
from typing import Any

from flows.console import answers, print_json, print_table
from flows.environment import run_flow
from flows.report.history import remedy_words


def run(args: Namespace) -> int:
    """Check, diagnose, rehearse, decide, remediate, gate, promote and record."""
    body = run_flow(
        "flows.monitor:monitor",
        args.home,
        model=args.name,
        window=args.window,
    )
    if args.json:
        print_json(body)
    else:
        tell(body)
    failed = body["verdict"] is not None and not body["verdict"]["passed"]
    return 1 if args.exit_code and (body["check"]["alarm"] or failed) else 0


def tell(body: dict[str, Any]) -> None:
    """Print a decision for people."""
    again = " (decided before)" if body["repeated"] else ""
    answers.print(f"[bold]{body['model']}: {remedy_words(body['remedy'])}[/bold]{again}")
    answers.print(f"{body['because']}.")
    before, after = body["champion_before"], body["champion_after"]
    change = f"version {before} -> {after}" if before != after else f"version {before}, unchanged"
    answers.print(f"cause: {body['diagnosis']['cause']}   champion: {change}")
    if body["challenge"] is not None:
        told = body["challenge"]
        answers.print(f"challenger {told['challenger']}, {told['outcome']}: {told['because']}")
    if "then" in body:
        then = body["then"]
        answers.print(f"then: {remedy_words(then['remedy'])}. {then['because']}.")
    if body["verdict"] is not None:
        answers.print(f"gate: {body['verdict']['because']}")
    for what, where in body["notes"].items():
        answers.print(f"{what.replace('_', ' ')}: {where}")
    if body.get("evidence"):
        answers.print(f"check: {body['evidence']['report']}", soft_wrap=True)
    if body["rehearsals"]:
        rows = [
            (
                f"{r['score']:.4g}",
                f"{r['low']:.4g} to {r['high']:.4g}",
                f"{r['gain']:+.1%}",
                f"{r['cost_seconds']:.1f}",
                remedy_words(r["remedy"]),
            )
            for r in body["rehearsals"]
        ]
        print_table("rehearsed", ("score", "interval", "gain", "seconds", "remedy"), rows)
